"""Items: what is rented and sold, with its stock."""

import functools
import uuid
from typing import Any

from sqlalchemy.orm import Session

from ..catalog import items
from ..catalog.item_schemas import ItemChange, NewItem, SkuRequest
from ..catalog.models import ITEM_SEARCH, Brand, Category, Item
from ..infra.dependencies import AUTH, DATABASE, REDIS
from ..web import projection
from ..web.contracts import endpoint
from ..web.listing import Page, belonging
from ..web.needs import Needs
from ..web.principal import Principal
from ..web.resources import Permissions, Resource
from . import opening
from .item_filters import CONDITIONS, EQUAL, JOINED, SORTS, alerts
from .item_schemas import ItemQuery, ItemRow, ItemSchema, LowStockQuery

SHOWN = ("items", "stock", "brands", "categories", "units-of-measurement")
BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600, touches=SHOWN)
CHANGE = Needs(DATABASE, AUTH, optional=(REDIS,), touches=("items", "stock"))  # refuse rather than guess

ITEMS = Resource(
    name="items",
    prefix="/api/master-data/item-master",
    model=Item,
    schema=ItemSchema,
    row_schema=ItemRow,
    reads=BROWSE,
    writes=CHANGE,
    permissions=Permissions.of("ITEM"),
    accepts=NewItem,
    changes=ItemChange,
    query=ItemQuery,
    order=(Item.created_at.desc(), Item.id.desc()),
    search=ITEM_SEARCH,
    filters=EQUAL,
    conditions=CONDITIONS,
    sorts=SORTS,
    joined=JOINED,
    pages=True,
    warm=(
        {"skip": "0", "limit": "100"},
        {"skip": "0", "limit": "100", "sort_by": "item_name", "sort_order": "asc"},
        {"skip": "0", "limit": "100", "sort_by": "created_at", "sort_order": "desc"},
    ),
    create=opening.create,
    change=opening.change,
)
bp = ITEMS.blueprint()
look = functools.partial(endpoint, needs=BROWSE, permission="ITEM_VIEW")
ROWS = ItemRow(many=True)


def _rows(session: Session, arguments: dict[str, Any]) -> Page:
    return ITEMS.listing.page(session, arguments)


@bp.get("/sku/<sku>")
@look(returns=ItemSchema())
def show_by_sku(session: Session, sku: str) -> bytes:
    """Return the item with a SKU."""
    return projection.one(session, ItemSchema, Item, items.id_of(session, sku))


@bp.get("/code/<item_code>")
@look(returns=ItemSchema())
def show_by_code(session: Session, item_code: str) -> bytes:
    """Return the item with a code, which is its SKU."""
    return projection.one(session, ItemSchema, Item, items.id_of(session, item_code))


@bp.get("/search/<term>")
@look(query=ItemQuery(), returns=ROWS)
def search(session: Session, term: str, **filters: Any) -> Page:
    """Return items whose name, SKU or model number contains a text."""
    return _rows(session, {**filters, "search": term})


@bp.get("/brand/<uuid:id>")
@look(query=ItemQuery(), returns=ROWS)
def browse_brand(session: Session, id: uuid.UUID, **filters: Any) -> Page:
    """Return the items of a brand."""
    return belonging(session, _rows(session, {**filters, "brand_id": id}), Brand, id)


@bp.get("/category/<uuid:id>")
@look(query=ItemQuery(), returns=ROWS)
def browse_category(session: Session, id: uuid.UUID, **filters: Any) -> Page:
    """Return the items of a category and of those below it."""
    return belonging(session, _rows(session, {**filters, "category_id": id}), Category, id)


@bp.get("/types/sale")
@look(query=ItemQuery(), returns=ROWS)
def browse_sold(session: Session, **filters: Any) -> Page:
    """Return the items that are sold."""
    return _rows(session, {**filters, "is_saleable": True})


@bp.get("/types/rental")
@look(query=ItemQuery(), returns=ROWS)
def browse_rented(session: Session, **filters: Any) -> Page:
    """Return the items that are rented."""
    return _rows(session, {**filters, "is_rentable": True})


@bp.get("/enhanced")
@look(query=ItemQuery(), returns=ROWS)
def browse_enhanced(session: Session, **filters: Any) -> Page:
    """Return the items that fit the filters as a bare array."""
    return _rows(session, filters)


@bp.get("/low-stock")
@look(query=LowStockQuery(), returns=ROWS)
def browse_low(session: Session, **filters: Any) -> Page:
    """Return the items of which there are fewer than their reorder point says, or none, perhaps at one location."""
    return _rows(session, filters if "location_id" in filters else {**filters, "is_low": True})


@bp.get("/count/total")
@look(query=ItemQuery())
def count(session: Session, **filters: Any) -> dict[str, int | None]:
    """Return how many items fit the filters."""
    return {"count": _rows(session, {**filters, "skip": None, "limit": 1, "count": "exact"}).total}


@bp.get("/stock-alerts/summary")
@look()
def stock_alerts(session: Session) -> dict[str, int]:
    """Return how many items are in stock, low, and out of stock."""
    return alerts(session)


@bp.post("/skus/generate")
@endpoint(needs=CHANGE, permission="ITEM_VIEW", accepts=SkuRequest())
def generate_sku(session: Session, item_name: str, is_rentable: bool, **more: Any) -> dict[str, Any]:
    """Return the SKU that such an item would get now; it is reserved for nobody."""
    return items.preview(session, more.get("category_id"), item_name, rentable=is_rentable)


@bp.post("/skus/bulk-generate")
@endpoint(needs=CHANGE, permission="ITEM_UPDATE")
def generate_skus(session: Session, principal: Principal) -> dict[str, Any]:
    """Give every item that has no SKU one."""
    named = items.name_all(session, principal.username)
    return {"total_processed": named, "successful_generations": named, "failed_generations": 0, "errors": []}

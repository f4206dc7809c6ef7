"""Items for rent and for sale, with their stock."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from ...catalog.items import service as items
from ...catalog.items.schemas import ImportedItem, ItemChange, NewItem, SkuRequest
from ...catalog.models import ITEM_SEARCH, Brand, Category, Item
from ...infra import AUTH, DATABASE, REDIS
from ...web.endpoint.needs import Needs
from ...web.endpoint.pipeline import endpoint
from ...web.endpoint.principal import Principal
from ...web.query.envelopes import PAGES
from ...web.query.listing import Listing
from ...web.query.paging import Page
from ...web.resource.extra_routes import add_list, add_one
from ...web.resource.import_export import add_import
from ...web.resource.resource import Permissions, Resource
from . import initial_stock as opening
from .filters import CONDITIONS, EQUAL, SORTS, alerts
from .schemas import ItemQuery, ItemRow, ItemSchema, LowStockQuery

SHOWN = ("items", "stock", "brands", "categories", "units-of-measurement")
BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600, touches=SHOWN)
CHANGE = Needs(DATABASE, AUTH, optional=(REDIS,), touches=("items", "stock"))  # refuse rather than guess
BELOW = "List the items of a category. The items of the categories below it are listed, too."
ARRAY = "List items as a bare array. The filters are the same as in `/api/master-data/item-master`."

ITEMS = Resource(
    name="items",
    prefix="/api/master-data/item-master",
    model=Item,
    schema=ItemSchema,
    listing=Listing(
        Item,
        ItemRow,
        order=(Item.created_at.desc(), Item.id.desc()),
        query=ItemQuery,
        search=ITEM_SEARCH,
        filters=EQUAL,
        conditions=CONDITIONS,
        sorts=SORTS,
        envelope=PAGES,
        warm=(
            {"skip": "0", "limit": "100"},
            {"skip": "0", "limit": "100", "sort_by": "item_name", "sort_order": "asc"},
            {"skip": "0", "limit": "100", "sort_by": "created_at", "sort_order": "desc"},
        ),
    ),
    reads=BROWSE,
    writes=CHANGE,
    permissions=Permissions.of("ITEM"),
    accepts=NewItem,
    changes=ItemChange,
    create=opening.create,
    change=opening.change,
)
bp = ITEMS.blueprint()
add_one(bp, ITEMS, "/sku/<sku>", "Show an item by SKU.")
add_one(bp, ITEMS, "/code/<sku>", "Show an item by item code. The code of an item is its SKU.")
add_list(bp, ITEMS, "/search/<term>", "Search items by a text.", read_as={"term": "search"})
add_list(bp, ITEMS, "/brand/<uuid:id>", "List the items of a brand.", owner=Brand, read_as={"id": "brand_id"})
add_list(bp, ITEMS, "/category/<uuid:id>", BELOW, owner=Category, read_as={"id": "category_id"})
add_list(bp, ITEMS, "/types/sale", "List items for sale.", is_saleable=True)
add_list(bp, ITEMS, "/types/rental", "List items for rent.", is_rentable=True)
add_list(bp, ITEMS, "/enhanced", ARRAY)
add_import(bp, ITEMS, "ITEM_CREATE", accepts=ImportedItem, make=opening.create_named)


@bp.get("/low-stock")
@endpoint(needs=BROWSE, permission="ITEM_VIEW", query=LowStockQuery(), returns=ItemRow(many=True))
def browse_low(session: Session, **filters: object) -> Page:
    """List items that are low on stock.

    An item is low below its reorder point, or when there is none left; `location_id` looks at a single location.
    """
    return ITEMS.listing.page(session, filters if "location_id" in filters else {**filters, "is_low": True})


@bp.get("/count/total")
@endpoint(needs=BROWSE, permission="ITEM_VIEW", query=ITEMS.listing.takes)
def count(session: Session, **filters: object) -> dict[str, int | None]:
    """Count items. The filters of the list apply."""
    counted = {**filters, "skip": None, "limit": 1, "count": "exact"}
    return {"count": ITEMS.listing.page(session, counted).total}


@bp.get("/stock-alerts/summary")
@endpoint(needs=BROWSE, permission="ITEM_VIEW")
def stock_alerts(session: Session) -> dict[str, int]:
    """Count items in stock, low on stock and out of stock."""
    return alerts(session)


@bp.post("/skus/generate")
@endpoint(needs=CHANGE, permission="ITEM_VIEW", accepts=SkuRequest())
def generate_sku(
    session: Session, item_name: str, is_rentable: bool, category_id: uuid.UUID | None = None, **_: object
) -> dict[str, Any]:
    """Preview the SKU of a new item. The SKU is not reserved."""
    return items.preview(session, category_id, item_name, rentable=is_rentable)


@bp.post("/skus/bulk-generate")
@endpoint(needs=CHANGE, permission="ITEM_UPDATE")
def generate_skus(session: Session, principal: Principal) -> dict[str, Any]:
    """Generate SKUs for all items without a SKU."""
    named = items.name_all(session, principal.username)
    return {"total_processed": named, "successful_generations": named, "failed_generations": 0, "errors": []}

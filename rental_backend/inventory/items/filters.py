"""What a list of items can be narrowed to, and how many are low on stock."""

import uuid
from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import ColumnElement, Uuid, func, select, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from ...catalog.models import Brand, Category, Item
from ...models import Expression
from ...web.query.conditions import Filter, Joined, Whole
from ..models import StockLevel
from . import columns as stock

T = TypeVar("T")


def _below(category: ColumnElement[uuid.UUID]) -> ColumnElement[bool]:
    """Tell whether an item is in a category or in one below it."""
    tree = select(Category.id).where(Category.id == category).cte("tree", recursive=True)
    tree = tree.union(select(Category.id).where(Category.parent_category_id == tree.c.id))
    return Item.category_id.in_(select(tree.c.id))


def _among(column: Expression, kind: TypeEngine[T]) -> Filter:
    return lambda values: column == func.any(type_coerce(values, ARRAY(kind)))


EQUAL = ("item_status", "brand_id", "is_rentable", "is_saleable", "is_rental_blocked", "serial_number_required")
CONDITIONS: Mapping[str, Filter] = {
    "item_statuses": _among(Item.item_status, Item.item_status.type),
    "brand_ids": _among(Item.brand_id, Uuid()),
    "category_id": _below,
    "category_ids": _among(Item.category_id, Uuid()),
    "min_price": stock.price.__ge__,
    "max_price": stock.price.__le__,
    "min_rental_rate": Item.rental_rate_per_period.__ge__,
    "max_rental_rate": Item.rental_rate_per_period.__le__,
    "min_sale_price": Item.sale_price.__ge__,
    "max_sale_price": Item.sale_price.__le__,
    "min_stock": Whole(stock.holds_at_least),
    "available_only": lambda _: stock.has_level(StockLevel.quantity_available > 0),
    "in_stock": lambda _: stock.has_level(StockLevel.quantity_on_hand > 0),
    "out_of_stock": lambda _: ~stock.has_level(StockLevel.quantity_on_hand > 0),
    "is_low": Whole(lambda _: stock.is_low),
    "location_id": lambda location: (
        ~stock.has_level(StockLevel.location_id == location, StockLevel.quantity_on_hand >= stock.low_below)
    ),
    "created_after": Item.created_at.__ge__,
    "created_before": Item.created_at.__le__,
    "updated_after": Item.updated_at.__ge__,
    "updated_before": Item.updated_at.__le__,
}
_OF_ITEM = stock.summed.c.item_id == Item.id
SORTS = (
    *("item_name", "sku", "item_status", "created_at", "updated_at", "rental_rate_per_period", "sale_price"),
    *("purchase_price", "reorder_point", "price"),
    Joined("brand_name", Brand.name, Brand, Brand.id == Item.brand_id),
    Joined("category_name", Category.name, Category, Category.id == Item.category_id),
    Joined("total_units", func.coalesce(stock.summed.c.total, 0), stock.summed, _OF_ITEM),
    Joined("available_units", func.coalesce(stock.summed.c.available, 0), stock.summed, _OF_ITEM),
)


def alerts(session: Session) -> dict[str, int]:
    """Return how many active items are in stock, low and out of stock, and how many are to be ordered."""
    on_hand = func.coalesce(stock.summed.c.total, 0)
    each = select(stock.status_at(on_hand).label("status")).where(Item.is_active)
    status = each.outerjoin_from(Item, stock.summed, _OF_ITEM).subquery("items")
    counts = {kind.lower(): func.count().filter(status.c.status == kind) for kind in stock.STATUSES}
    row = session.execute(select(func.count().label("total_items"), *(counts[k].label(k) for k in counts))).one()
    found = dict(row._mapping)
    return {**found, "needs_reorder": found["low_stock"] + found["out_of_stock"]}

"""What items are shown with: the names behind their ids, and their stock.

Items are catalogue and stock lies above it, so it is here that both meet: importing this module lets `Item` tell these
columns too. PostgreSQL gathers them in the statement that reads the item; none is read that is not asked for.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal_column, select
from sqlalchemy.orm import column_property

from ...catalog.models import Brand, Category, Item, UnitOfMeasurement
from ...models import Expression, Identified
from ..models import StockLevel

LOW_WITHOUT_REORDER_POINT = 10  # BR-C5: an item without reorder point is low below ten
STATUSES = OUT_OF_STOCK, LOW_STOCK, IN_STOCK = "OUT_OF_STOCK", "LOW_STOCK", "IN_STOCK"


Named = Brand | Category | UnitOfMeasurement


def _of(model: type[Identified], key: Expression, value: Expression) -> ColumnElement[Any]:
    """Return something of the row that an item refers to, or null."""
    return select(value).where(model.id == key).correlate(Item).scalar_subquery()


def _named(model: type[Named], key: Expression, name: str, *more: str) -> ColumnElement[Any]:
    """Return the row that an item refers to as an object, its name also under a second name."""
    members = {"id": model.id, "name": model.name, name: model.name} | {each: getattr(model, each) for each in more}
    parts: list[Any] = []
    for label, value in members.items():
        parts += (literal_column(f"'{label}'"), value)
    return _of(model, key, func.json_build_object(*parts))


# D56: stock is added here to what the catalogue knows.
def _summed(quantity: Expression) -> ColumnElement[Any]:
    """Return a quantity over all locations (BR-C5)."""
    of_item = and_(StockLevel.item_id == Item.id, StockLevel.is_active)
    return func.coalesce(select(func.sum(quantity)).where(of_item).correlate(Item).scalar_subquery(), 0)


total = _summed(StockLevel.quantity_on_hand)
available = _summed(StockLevel.quantity_available)
low_below = func.coalesce(func.nullif(Item.reorder_point, 0), LOW_WITHOUT_REORDER_POINT)
price = case((Item.is_rentable, Item.rental_rate_per_period), else_=Item.sale_price)

summed = (
    select(
        StockLevel.item_id,
        func.sum(StockLevel.quantity_on_hand).label("total"),
        func.sum(StockLevel.quantity_available).label("available"),
    )
    .where(StockLevel.is_active)
    .group_by(StockLevel.item_id)
    .subquery("stock")
)


def holds_at_least(least: Expression) -> ColumnElement[bool]:
    """Tell whether this much of an item is on hand; stock is summed once for all items, not for each."""
    enough = and_(summed.c.item_id == Item.id, summed.c.total >= least)
    return select(literal_column("1")).where(enough).correlate(Item).exists()  # a sort may have joined it, too


def has_level(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Tell whether there is a location where an item's stock is like this."""
    return exists().where(StockLevel.item_id == Item.id, StockLevel.is_active, *conditions)


is_low = ~holds_at_least(low_below)  # or out of stock


def status_at(quantity: ColumnElement[Decimal]) -> ColumnElement[str]:
    """Return whether an item is in stock, low or out, with that much on hand."""
    return case(
        (quantity == 0, literal_column(f"'{OUT_OF_STOCK}'")),
        (quantity < low_below, literal_column(f"'{LOW_STOCK}'")),
        else_=literal_column(f"'{IN_STOCK}'"),
    )


for _name, _column in {
    "display_name": Item.item_name.concat(literal_column("' ('")).concat(Item.sku).concat(literal_column("')'")),
    "price": price,
    "brand_shown": _named(Brand, Item.brand_id, "brand_name", "code", "description"),
    "brand_name": _of(Brand, Item.brand_id, Brand.name),
    "brand_code": _of(Brand, Item.brand_id, Brand.code),
    "category_shown": _named(
        *(Category, Item.category_id, "category_name", "category_code", "category_path", "category_level")
    ),
    "category_name": _of(Category, Item.category_id, Category.name),
    "category_path": _of(Category, Item.category_id, Category.category_path),
    "unit_shown": _named(UnitOfMeasurement, Item.unit_of_measurement_id, "unit_name", "code"),
    "unit_name": _of(UnitOfMeasurement, Item.unit_of_measurement_id, UnitOfMeasurement.name),
    "unit_code": _of(UnitOfMeasurement, Item.unit_of_measurement_id, UnitOfMeasurement.code),
    "total_units": total,
    "available_units": available,
    "rented_units": _summed(StockLevel.quantity_on_rent),
    "stock_status": status_at(total),
    "needs_reorder": total < low_below,
}.items():
    Item.__mapper__.add_property(_name, column_property(_column, deferred=True))

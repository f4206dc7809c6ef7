"""The rules of items (BR-A9, BR-B3)."""

import uuid
from decimal import Decimal
from typing import Any, TypedDict

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ... import crud as records
from ...errors import Invalid
from ..models import Brand, Category, Item, ItemStatus
from ..models import UnitOfMeasurement as Unit
from ..usage import id_of
from . import skus


class ItemValues(TypedDict, total=False):
    """What can be said of an item; a change holds only what it changes."""

    item_name: str
    item_status: ItemStatus
    is_rentable: bool
    is_saleable: bool
    is_active: bool
    brand_id: uuid.UUID | None
    category_id: uuid.UUID | None
    unit_of_measurement_id: uuid.UUID
    rental_rate_per_period: Decimal | None
    rental_period: int
    sale_price: Decimal | None
    purchase_price: Decimal | None
    security_deposit: Decimal
    initial_stock_quantity: int | None
    reorder_point: int
    warranty_period_days: int
    serial_number_required: bool
    description: str | None
    specifications: str | None
    model_number: str | None


class NamedValues(ItemValues, total=False):
    """What a table says of an item, which names what others give ids of."""

    unit_name: str
    brand_name: str
    category_path: str


def with_ids(session: Session, fields: NamedValues) -> ItemValues:
    """Return the fields with ids for names. Raises `Invalid` where a name is nobody's, and without any unit."""
    values = fields.copy()
    if unit := values.pop("unit_name", None):
        values["unit_of_measurement_id"] = id_of("unit_name", unit, session, Unit.name, Unit.code)
    if brand := values.pop("brand_name", None):
        values["brand_id"] = id_of("brand_name", brand, session, Brand.name, Brand.code)
    if path := values.pop("category_path", None):
        values["category_id"] = id_of("category_path", path, session, Category.category_path)
    if "unit_of_measurement_id" not in values:
        raise Invalid({"unit_name": ["Missing data for required field."]})
    return values


def create(session: Session, actor: str, fields: ItemValues) -> Item:
    """Create an item under a SKU of its own. Raises `Invalid` if its category is not there."""
    found = codes(session, fields.get("category_id"), fields["item_name"], rentable=fields["is_rentable"])
    return records.create(session, Item(**fields, sku=skus.take(session, found)), actor)


def preview(session: Session, category_id: uuid.UUID | None, name: str, *, rentable: bool) -> dict[str, Any]:
    """Return the SKU that such an item would get now, and its parts; the number is taken only with the item."""
    found = codes(session, category_id, name, rentable=rentable)
    number = skus.next_number(session, found)
    parts = {f"{part}_code": code for part, code in found._asdict().items()}
    return {"sku": found.numbered(number), **parts, "sequence_number": number}


def codes(session: Session, category_id: uuid.UUID | None, name: str, *, rentable: bool) -> skus.Codes:
    """Return the codes of an item's SKU. Raises `Invalid` if its category is not there."""
    path = None
    if category_id is not None:
        path = session.scalar(select(Category.category_path).where(Category.id == category_id))
        if path is None:
            raise Invalid({"category_id": ["There is no such category."]})
    return skus.codes(path, name, rentable=rentable)


def name_all(session: Session, actor: str) -> int:
    """Give those items a SKU whose SKU is blank, as an import may have left them; return how many those were."""
    blank = select(Item).where(func.btrim(Item.sku) == "").order_by(Item.id).with_for_update()
    nameless = session.scalars(blank).all()
    for item in nameless:
        item.sku = skus.take(session, codes(session, item.category_id, item.item_name, rentable=item.is_rentable))
        item.updated_by = actor
        session.flush()
    return len(nameless)

"""The forms of items: what a clerk fills in."""

from decimal import Decimal
from typing import ClassVar

from marshmallow import ValidationError, fields, post_load, pre_load, validate, validates

from ...fields import Choice, Money, Text, Whole
from ...guards import guarded
from ...schemas import Payload
from ..models import Item, ItemStatus

# What an item cannot be without: null says nothing about it.
NEVER_NULL = {
    *("item_name", "item_status", "unit_of_measurement_id", "rental_period", "security_deposit", "is_active"),
    *("serial_number_required", "warranty_period_days", "reorder_point", "is_rentable", "is_saleable", "item_type"),
}
RENTED = {"is_rentable": True, "is_saleable": False}
SOLD = {"is_rentable": False, "is_saleable": True}


class ItemUse(Payload):
    """Whether an item is for rent or for sale: it is exactly one of both.

    Either flag is enough; `item_type` says the same.
    """

    types: ClassVar = {"RENTAL": RENTED, "SALE": SOLD, "BOTH": {"is_rentable": True, "is_saleable": True}}
    unsaid: ClassVar[dict[str, bool]] = {}

    is_rentable = fields.Boolean()
    is_saleable = fields.Boolean()
    item_type = fields.String(validate=validate.OneOf(list(types)))

    @pre_load
    def drop_nulls(self, data: object, **_: object) -> object:
        """Leave out what is null and cannot be."""
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None or name not in NEVER_NULL}

    @post_load
    def settle_use(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Say both flags once one is said, and refuse both alike."""
        kind = str(data.pop("item_type", ""))
        said = {name: data[name] for name in RENTED if name in data} or self.types.get(kind, self.unsaid)
        if not said:
            return data
        rentable = said.get("is_rentable", not said.get("is_saleable"))
        if said.get("is_saleable", not rentable) == rentable:
            raise ValidationError({"is_saleable": ["An item is either rented or sold."]})
        return data | {"is_rentable": rentable, "is_saleable": not rentable}


class ItemFields(ItemUse):
    """The fields of an item. The rate is for a rental period."""

    item_status = Choice(ItemStatus)
    brand_id = fields.UUID(allow_none=True)
    category_id = fields.UUID(allow_none=True)
    rental_rate_per_period = Money(allow_none=True)
    rental_period = Whole(1)
    sale_price = Money(allow_none=True)
    purchase_price = Money(allow_none=True)
    security_deposit = Money()
    initial_stock_quantity = Whole(allow_none=True)
    description = Text(10_000, allow_none=True)
    specifications = Text(10_000, allow_none=True)
    model_number = Text(100, allow_none=True)
    serial_number_required = fields.Boolean()
    warranty_period_days = Whole()

    @validates("rental_rate_per_period")
    def require_positive(self, value: Decimal | None, **_: object) -> None:
        """Refuse to rent something out for nothing."""
        if value is not None and value <= 0:
            raise ValidationError("Must be greater than 0.")


class NewItem(ItemFields):
    """A new item. It is for rent unless the fields say otherwise."""

    unsaid = RENTED

    item_name = Text(200, 1, required=True)
    unit_of_measurement_id = fields.UUID(required=True)
    reorder_point = Whole(required=True)


class ImportedItem(NewItem):
    """A new item in a table, which may name its unit and brand (or say their codes), and the path of its category."""

    EXAMPLE: ClassVar = {"unit_name": "Piece"}

    unit_of_measurement_id = fields.UUID()
    unit_name = Text(50)
    brand_name = Text(100)
    category_path = Text(500)


class ItemChange(ItemFields):
    """Changes of an item. Fields that are not sent keep their values."""

    STORED: ClassVar = Item

    item_name = Text(200, 1)
    item_status = Choice(ItemStatus, metadata=guarded("ITEM_UPDATE_STATUS"))
    unit_of_measurement_id = fields.UUID()
    rental_rate_per_period = Money(allow_none=True, metadata=guarded("ITEM_UPDATE_PRICE"))
    sale_price = Money(allow_none=True, metadata=guarded("ITEM_UPDATE_PRICE"))
    purchase_price = Money(allow_none=True, metadata=guarded("ITEM_UPDATE_PRICE"))
    security_deposit = Money(metadata=guarded("ITEM_UPDATE_PRICE"))
    reorder_point = Whole()
    is_active = fields.Boolean(metadata=guarded("ITEM_DELETE"))


class SkuRequest(ItemUse):
    """The parts from which the SKU of an item is made."""

    types: ClassVar = {**ItemUse.types, "BOTH": RENTED}
    unsaid = RENTED

    item_name = Text(200, 1, required=True)
    category_id = fields.UUID(allow_none=True)

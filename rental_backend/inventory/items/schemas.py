"""The wire forms of items as they are answered and filtered."""

from datetime import UTC
from decimal import Decimal
from typing import Any

from marshmallow import fields, post_load

from ...catalog.models import ItemStatus
from ...fields import Choice, Moment, Money, Sent
from ...schemas import Browsing, Output


class ItemFigures(Output):
    """The fields that every answer about an item has. Units are counted over all locations, in the unit of the item."""

    id = fields.UUID()
    sku = fields.String()
    item_code = fields.String(attribute="sku")
    item_name = fields.String()
    display_name = fields.String()
    item_status = fields.String()
    rental_rate_per_period = fields.Decimal()
    rental_period = fields.Integer()
    sale_price = fields.Decimal()
    purchase_price = fields.Decimal()
    security_deposit = fields.Decimal()
    initial_stock_quantity = fields.Decimal()
    description = fields.String()
    specifications = fields.String()
    model_number = fields.String()
    serial_number_required = fields.Boolean()
    warranty_period_days = fields.Integer()
    reorder_point = fields.Integer()
    is_rentable = fields.Boolean()
    is_saleable = fields.Boolean()
    is_rental_item = fields.Boolean(attribute="is_rentable")
    is_sale_item = fields.Boolean(attribute="is_saleable")
    is_rental_blocked = fields.Boolean()
    rental_block_reason = fields.String()
    is_active = fields.Boolean()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    brand = fields.Dict(attribute="brand_shown")
    category = fields.Dict(attribute="category_shown")
    unit_of_measurement = fields.Dict(attribute="unit_shown")
    total_units = fields.Decimal()
    available_units = fields.Decimal()
    rented_units = fields.Decimal()
    stock_status = fields.String()


# D53: the list of items is an object.
class ItemRow(ItemFigures):
    """An item in a list. Each id is an object with names, because the pages read the names there."""

    brand_id = fields.Dict(attribute="brand_shown")
    category_id = fields.Dict(attribute="category_shown")
    unit_of_measurement_id = fields.Dict(attribute="unit_shown")


class ItemSchema(ItemFigures):
    """An item. Its ids are plain ids, as the edit form needs them."""

    brand_id = fields.UUID()
    brand_name = fields.String()
    brand_code = fields.String()
    category_id = fields.UUID()
    category_name = fields.String()
    category_path = fields.String()
    unit_of_measurement_id = fields.UUID()
    unit_name = fields.String()
    unit_code = fields.String()
    total_inventory_units = fields.Decimal(attribute="total_units")
    needs_reorder = fields.Boolean()
    rental_blocked_at = fields.AwareDateTime()
    rental_blocked_by = fields.UUID()
    created_by = fields.String()
    updated_by = fields.String()


class Several(fields.List[Any]):
    """Values of one kind, divided by commas."""

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> list[Any]:
        parts = [part.strip() for part in str(value).split(",") if part.strip()]
        return list(super()._deserialize(parts, attr, data, **kwargs))


class ItemQuery(Browsing):
    """Filters for lists of items.

    The price is the rate of an item for rent, and the sale price of an item for sale. A category includes the
    categories below it; `category_ids` names each category. A date is a whole day of the business.
    """

    item_status = Choice(ItemStatus)
    status = Choice(ItemStatus)
    item_statuses = Several(Choice(ItemStatus))
    brand_id = fields.UUID()
    brand_ids = Several(fields.UUID())
    category_id = fields.UUID()
    category_ids = Several(fields.UUID())
    is_rentable = fields.Boolean()
    is_saleable = fields.Boolean()
    is_rental_blocked = fields.Boolean()
    is_serialized = fields.Boolean()
    min_price = Money()
    max_price = Money()
    min_rental_rate = Money()
    max_rental_rate = Money()
    min_sale_price = Money()
    max_sale_price = Money()
    min_stock = Money()
    has_stock = fields.Boolean()
    available_only = fields.Boolean()
    created_after = Moment(zone=UTC)
    created_before = Moment(ends=True, zone=UTC)
    updated_after = Moment(zone=UTC)
    updated_before = Moment(ends=True, zone=UTC)

    @post_load
    def settle(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Translate each filter into a single one, and leave out filters that every item fulfils."""
        if "status" in data:
            data.setdefault("item_status", data.pop("status"))
        if "is_serialized" in data:
            data["serial_number_required"] = data.pop("is_serialized")
        least = data.get("min_stock")
        if isinstance(least, Decimal) and least <= 0:
            del data["min_stock"]
        if not data.get("available_only"):
            data.pop("available_only", None)
        if "has_stock" in data:
            data["in_stock" if data.pop("has_stock") else "out_of_stock"] = True
        return data


class LowStockQuery(ItemQuery):
    """Filters for items that are low on stock, at `location_id` if it is sent."""

    location_id = fields.UUID()

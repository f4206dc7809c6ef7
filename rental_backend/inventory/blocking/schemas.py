"""The wire forms of blocking items from rental."""

from typing import ClassVar

from marshmallow import fields, validate

from ...fields import Text
from ...schemas import Envelope, Output, Payload


class BlockChange(Payload):
    """Whether an item is blocked, and why."""

    EXAMPLE: ClassVar = {"remarks": "Out for calibration"}

    is_rental_blocked = fields.Boolean(required=True)
    remarks = Text(1000, 10, required=True)


class BulkBlockChange(BlockChange):
    """Whether up to 100 items are blocked, and why."""

    item_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(1, 100))


class OutcomeSchema(Output):
    """The state of an item before and after a change of its block."""

    item_id = fields.UUID()
    item_name = fields.String()
    is_rental_blocked = fields.Boolean()
    rental_block_reason = fields.String()
    rental_blocked_at = fields.AwareDateTime()
    rental_blocked_by = fields.UUID()
    previous_status = fields.Boolean()
    message = fields.String()


class BlockedItemSchema(Output):
    """A blocked item."""

    item_id = fields.UUID(attribute="id")
    item_name = fields.String()
    sku = fields.String()
    rental_block_reason = fields.String()
    rental_blocked_at = fields.AwareDateTime()
    rental_blocked_by = fields.UUID()
    blocked_by_username = fields.String()


class BlockEntrySchema(Output):
    """An entry in the block history of an item."""

    id = fields.UUID()
    entity_type = fields.String()
    entity_id = fields.UUID()
    item_id = fields.UUID(attribute="entity_id")
    is_blocked = fields.Boolean()
    previous_status = fields.Boolean()
    remarks = fields.String()
    changed_by = fields.UUID()
    changed_at = fields.AwareDateTime()
    status_change_description = fields.String()
    entity_display_name = fields.String()
    changed_by_username = fields.String()
    changed_by_full_name = fields.String()


class RentabilitySchema(Output):
    """Whether an item can be rented now, and why not."""

    item_id = fields.UUID()
    item_name = fields.String()
    sku = fields.String()
    is_rentable = fields.Boolean()
    is_item_blocked = fields.Boolean()
    block_reason = fields.String()
    total_units = fields.Decimal()
    available_units = fields.Decimal()
    blocked_units = fields.Decimal()
    can_be_rented = fields.Boolean()
    availability_message = fields.String()


class BulkOutcomeSchema(Output):
    """The states of all items of a bulk change, and the items that could not be changed."""

    successful_changes = fields.List(fields.Nested(OutcomeSchema))
    failed_changes = fields.List(fields.Dict())
    total_requested = fields.Integer()
    total_successful = fields.Integer()
    total_failed = fields.Integer()


class BlockedItemsSchema(Envelope):
    """A part of the list of blocked items."""

    items = fields.List(fields.Nested(BlockedItemSchema))
    skip = fields.Integer()
    limit = fields.Integer()


class BlockEntriesSchema(Envelope):
    """A part of the block history of an item."""

    entries = fields.List(fields.Nested(BlockEntrySchema))
    skip = fields.Integer()
    limit = fields.Integer()

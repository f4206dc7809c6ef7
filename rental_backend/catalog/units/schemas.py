"""The wire forms of units of measurement."""

from typing import ClassVar

from marshmallow import fields, post_load, validate

from ...fields import Text
from ...schemas import MOST_ROWS, Payload
from ..schemas import NamedQuery, Row


class UnitFields(Payload):
    """The fields of a unit of measurement; `abbreviation` is another name of `code`."""

    ALIASES: ClassVar = {"abbreviation": "code"}

    code = Text(10, allow_none=True)
    description = Text(1000, allow_none=True)
    is_active = fields.Boolean()


class NewUnit(UnitFields):
    """A new unit of measurement."""

    name = Text(50, 1, required=True)


class UnitChange(UnitFields):
    """Changes of a unit of measurement. Fields that are not sent keep their values."""

    name = Text(50, 1)


class UnitSchema(Row):
    """A unit of measurement, with the number of active items counted in it."""

    name = fields.String()
    code = fields.String()
    abbreviation = fields.String()
    description = fields.String()
    display_name = fields.String()
    item_count = fields.Integer()
    has_items = fields.Boolean()


class UnitQuery(NamedQuery):
    """Filters for the list of units of measurement."""

    ALIASES: ClassVar = {"abbreviation": "code"}


class UnitOperation(Payload):
    """Units of measurement to activate or deactivate. An id that is sent twice counts once."""

    unit_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(1, MOST_ROWS))
    operation = fields.String(required=True, validate=validate.OneOf(["activate", "deactivate"]))

    @post_load
    def settle(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Return the units, and whether they are to be in use afterwards."""
        return {"ids": data["unit_ids"], "active": data["operation"] == "activate"}

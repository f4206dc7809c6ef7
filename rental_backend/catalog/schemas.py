"""The wire forms of brands and units of measurement, and the fields that all master data share."""

from typing import Any, ClassVar

from marshmallow import fields, post_load, validate

from ..schemas import MOST_ROWS, Answer, Browsing, Payload, Text


class Row(Answer):
    """The fields that every answer about master data has."""

    id = fields.UUID()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    created_by = fields.String()
    updated_by = fields.String()
    is_active = fields.Boolean()


class BrandFields(Payload):
    """The fields of a brand."""

    code = Text(20, allow_none=True)
    description = Text(1000, allow_none=True)
    is_active = fields.Boolean()


class NewBrand(BrandFields):
    """A new brand."""

    name = Text(100, 1, required=True)


class BrandChange(BrandFields):
    """Changes of a brand. Fields that are not sent keep their values."""

    name = Text(100, 1)


class BrandSchema(Row):
    """A brand, with the number of its active items."""

    name = fields.String()
    code = fields.String()
    description = fields.String()
    display_name = fields.String()
    item_count = fields.Integer()
    has_items = fields.Boolean()


class NamedQuery(Browsing):
    """Filters for brands and units of measurement: a part of the name, a part of the code."""

    name = Text(100)
    code = Text(20)


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
    def settle(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Return the units, and whether they are to be in use afterwards."""
        return {"ids": data["unit_ids"], "active": data["operation"] == "activate"}

"""The wire forms of brands."""

from marshmallow import fields

from ...schemas import Payload, Text
from ..schemas import Row


class BrandFields(Payload):
    """What a clerk fills in of a brand."""

    code = Text(20, allow_none=True)
    description = Text(1000, allow_none=True)
    is_active = fields.Boolean()


class NewBrand(BrandFields):
    """A brand to be created."""

    name = Text(100, 1, required=True)


class BrandChange(BrandFields):
    """What is to be changed of a brand; what is not sent stays as it is."""

    name = Text(100, 1)


class BrandSchema(Row):
    """A brand as answered, with the number of its items that are not retired."""

    name = fields.String()
    code = fields.String()
    description = fields.String()
    display_name = fields.String()
    item_count = fields.Integer()
    has_items = fields.Boolean()

"""The wire forms of brands."""

from marshmallow import fields

from ...fields import Text
from ...schemas import Payload
from ..schemas import Row


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

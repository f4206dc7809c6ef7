"""What the wire forms of all master data share."""

from marshmallow import fields

from ..fields import Text
from ..schemas import Browsing, Output


class Row(Output):
    """The fields that every answer about master data has."""

    id = fields.UUID()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    created_by = fields.String()
    updated_by = fields.String()
    is_active = fields.Boolean()


class NamedQuery(Browsing):
    """Filters for brands and units of measurement: a part of the name, a part of the code."""

    name = Text(100)
    code = Text(20)

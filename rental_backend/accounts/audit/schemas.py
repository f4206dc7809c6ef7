"""The wire forms of the security audit log."""

from marshmallow import fields

from ...fields import Text
from ...schemas import Envelope, Output, Paging


class AuditQuery(Paging):
    """Filters for the security audit log."""

    action = Text(100)
    resource = Text(100)
    user_id = fields.UUID()
    success_only = fields.Boolean()


class AuditEntrySchema(Output):
    """An entry of the security audit log."""

    id = fields.UUID()
    user_id = fields.UUID()
    user_name = fields.String()
    user = fields.String(attribute="user_name")
    action = fields.String()
    resource = fields.String()
    resource_id = fields.String()
    resourceId = fields.String(attribute="resource_id")  # noqa: N815
    details = fields.Raw()
    success = fields.Boolean()
    error_message = fields.String()
    ip_address = fields.String()
    user_agent = fields.String()
    timestamp = fields.AwareDateTime()


class AuditEntries(Envelope):
    """Entries of the security audit log, as the user page reads them."""

    logs = fields.List(fields.Nested(AuditEntrySchema))

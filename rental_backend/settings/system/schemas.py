"""The wire forms of the log of changes, and of what the breakers have seen."""

from datetime import UTC

from marshmallow import fields

from ...fields import Moment, Text, Whole
from ...schemas import Output, Paging, Payload


class AuditLogQuery(Paging):
    """Filters for the audit log. A date is a whole day of the business, the last one included."""

    user_id = fields.UUID()
    action = Text(100)
    entity_type = Text(100)
    entity_id = Text(100)
    success = fields.Boolean()
    start_date = Moment(zone=UTC)
    end_date = Moment(ends=True, zone=UTC)


class AuditLogSchema(Output):
    """An entry of the audit log."""

    id = fields.UUID()
    user_id = fields.UUID()
    user_name = fields.String()
    action = fields.String()
    entity_type = fields.String(attribute="resource")
    entity_id = fields.String(attribute="resource_id")
    audit_metadata = fields.Raw(attribute="details")
    ip_address = fields.String()
    user_agent = fields.String()
    success = fields.Boolean()
    error_message = fields.String()
    created_at = fields.AwareDateTime(attribute="timestamp")


class LogsQuery(Payload):
    """The number of entries to return."""

    limit = Whole(1, 1000, load_default=100)

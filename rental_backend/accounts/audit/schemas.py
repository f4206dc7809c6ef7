"""The wire forms of the security audit log, and its list."""

from marshmallow import fields
from sqlalchemy import Text as SqlText
from sqlalchemy import Uuid, and_, bindparam, cast, or_

from ...schemas import Answer, Envelope, Paging, Text
from ...web.query.listing import Listing
from ..models import SecurityAuditLog


class AuditQuery(Paging):
    """Filters for the security audit log."""

    action = Text(100)
    resource = Text(100)
    user_id = fields.UUID()
    success_only = fields.Boolean()


class AuditEntrySchema(Answer):
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


_about = bindparam("about", type_=Uuid)
AUDIT_LOG = Listing(
    SecurityAuditLog,
    AuditEntrySchema,
    order=(SecurityAuditLog.timestamp.desc(), SecurityAuditLog.id.desc()),
    search=(SecurityAuditLog.user_name, SecurityAuditLog.action, SecurityAuditLog.resource),
    filters={
        "action": SecurityAuditLog.action.__eq__,
        "resource": SecurityAuditLog.resource.__eq__,
        "user_id": SecurityAuditLog.user_id.__eq__,
        "success_only": lambda only: or_(SecurityAuditLog.success, only.is_(False)),
        "about": lambda _: or_(
            SecurityAuditLog.user_id == _about,
            and_(SecurityAuditLog.resource == "users", SecurityAuditLog.resource_id == cast(_about, SqlText)),
        ),
    },
)

"""The list of the security audit log."""

from sqlalchemy import Text as SqlText
from sqlalchemy import Uuid, and_, bindparam, cast, or_

from ...web.query.listing import Listing
from ..models import SecurityAuditLog
from .schemas import AuditEntrySchema

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

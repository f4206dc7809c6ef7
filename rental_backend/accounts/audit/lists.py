"""The list of the security audit log."""

from sqlalchemy import Text as SqlText
from sqlalchemy import Uuid, and_, bindparam, cast, or_

from ...web.query.envelopes import named
from ...web.query.listing import Listing
from ..models import SecurityAuditLog
from .schemas import AuditEntries, AuditEntrySchema, AuditQuery

_about = bindparam("about", type_=Uuid)
AUDIT_LOG = Listing(
    SecurityAuditLog,
    AuditEntrySchema,
    order=(SecurityAuditLog.timestamp.desc(), SecurityAuditLog.id.desc()),
    query=AuditQuery,
    search=(SecurityAuditLog.user_name, SecurityAuditLog.action, SecurityAuditLog.resource),
    filters=("action", "resource", "user_id"),
    conditions={
        "success_only": lambda only: or_(SecurityAuditLog.success, only.is_(False)),
        "about": lambda _: or_(
            SecurityAuditLog.user_id == _about,
            and_(SecurityAuditLog.resource == "users", SecurityAuditLog.resource_id == cast(_about, SqlText)),
        ),
    },
    envelope=named(AuditEntries),
)

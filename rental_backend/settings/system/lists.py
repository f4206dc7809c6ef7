"""The list of what was done, as the log of changes shows it."""

from ...accounts.models import SecurityAuditLog
from ...web.query.listing import Listing
from .schemas import AuditLogQuery, AuditLogSchema

_log = SecurityAuditLog
# D58: changes go into the security audit log.
AUDIT_LOG = Listing(
    _log,
    AuditLogSchema,
    order=(_log.timestamp.desc(), _log.id.desc()),
    query=AuditLogQuery,
    search=(_log.user_name, _log.action, _log.resource),
    filters=("user_id", "action", "success", "id"),
    conditions={
        "entity_type": _log.resource.__eq__,
        "entity_id": _log.resource_id.__eq__,
        "start_date": _log.timestamp.__ge__,
        "end_date": _log.timestamp.__le__,
    },
)

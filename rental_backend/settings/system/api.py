"""For operators: the system, its database, and the audit log."""

import uuid
from datetime import UTC, datetime
from typing import Any, NoReturn

from flask import Blueprint
from sqlalchemy.orm import Session

from ... import __version__
from ...accounts.models import SecurityAuditLog
from ...infra import AUTH, DATABASE
from ...web.endpoint.context import current_services
from ...web.endpoint.needs import Needs
from ...web.endpoint.pipeline import endpoint
from ...web.query import projection
from ...web.query.paging import Page
from ..business import service
from ..needs import BROWSE, KNOWN
from ..regional import service as regional
from . import service as operations
from .lists import AUDIT_LOG
from .schemas import AuditLogSchema, LogsQuery

LOOK = Needs(DATABASE, AUTH)
OPERATE = "SYSTEM_MAINTENANCE"

bp = Blueprint("system", __name__, url_prefix="/api")


@bp.get("/system/info")
@endpoint(needs=BROWSE.fresh(), permission="SYSTEM_VIEW")
def info(session: Session) -> dict[str, Any]:
    """Show system information.

    It holds the version, the time zone, counts, and the state of this worker (memory in percent, times in ms).
    """
    counts = operations.counts(session)
    health = {
        "status": "degraded" if current_services().down() else "healthy",
        "uptime": operations.uptime(),
        "memory_usage": operations.memory_percent(),
        "response_time": counts.pop("response_time"),
    }
    zone = regional.zone_name(service.in_force(session))
    return {"system_version": __version__, "timezone": zone, **counts, "system_health": health}


@bp.get("/system/audit-logs")
@endpoint(needs=BROWSE.fresh(), permission="AUDIT_VIEW", query=AUDIT_LOG.takes, returns=AUDIT_LOG.returns)
def audit_logs(session: Session, **filters: object) -> Page:
    """List audit log entries. The newest entry comes first."""
    return AUDIT_LOG.page(session, filters)


@bp.get("/system/audit-logs/<uuid:id>")
@endpoint(needs=BROWSE.fresh(), permission="AUDIT_VIEW", returns=AuditLogSchema())
def audit_log(session: Session, id: uuid.UUID) -> bytes:
    """Show an audit log entry."""
    return projection.one(session, AuditLogSchema, SecurityAuditLog, id)


@bp.get("/admin/database/status")
@bp.get("/admin/database/statistics")
@endpoint(needs=LOOK, permission=OPERATE)
def database_status(session: Session) -> dict[str, Any]:
    """Show the size and the age of the database."""
    return {"success": True, **operations.database_status(session)}


@bp.get("/admin/database/tables")
@endpoint(needs=LOOK, permission=OPERATE)
def tables(session: Session) -> list[dict[str, Any]]:
    """List the tables of the database with rows and sizes."""
    return operations.tables(session)


@bp.get("/admin/database/test-connection")
@endpoint(needs=LOOK, permission=OPERATE)
def test_connection(session: Session) -> dict[str, Any]:
    """Test the connection to the database. The answer tells how long the database took, in ms."""
    return {"success": True, "connected": True, "response_time": operations.counts(session)["response_time"]}


@bp.get("/admin/database/logs")
@endpoint(needs=KNOWN, permission=OPERATE, query=LogsQuery())
def logs(limit: int) -> list[dict[str, Any]]:
    """List the last breaker events of the database and the accounts. The newest event comes first."""
    services = current_services().breakers
    found = [operations.told(name, each) for name in (DATABASE, AUTH) for each in services[name].events]
    return sorted(found, key=lambda each: str(each["timestamp"]), reverse=True)[:limit]


@bp.get("/admin/database/reset/progress")
@endpoint(needs=KNOWN, permission=OPERATE)
def reset_progress() -> dict[str, Any]:
    """Show the progress of a database reset. There is none: no request resets the database."""
    told = {"status": "idle", "progress": 0, "current_step": "none", "details": "Nothing is being reset."}
    return {"success": True, **told, "timestamp": datetime.now(UTC)}


@bp.post("/admin/database/reset")
@bp.post("/admin/database/clear-tables")
@endpoint(needs=KNOWN, permission=OPERATE, raises=(operations.Disabled,))
def reset() -> NoReturn:
    """Refuse to reset the database. No request destroys data."""
    operations.refuse()

"""The security pages: statistics, the audit log, permission checks, roles of many users, and the state of the setup."""

import uuid
from typing import Any

from flask import Blueprint
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from ...actor import Actor
from ...infra import AUTH, DATABASE, REDIS
from ...web.endpoint.context import current_services
from ...web.endpoint.needs import PUBLIC, Needs
from ...web.endpoint.pipeline import endpoint
from ...web.query.paging import Page
from ..audit.lists import AUDIT_LOG
from ..audit.schemas import AuditEntrySchema
from ..auth import service
from ..models import User
from ..roles.api import CHANGE, admin_of
from ..roles.schemas import BulkAssignment, PermissionCheck
from ..users import role_assignments as memberships
from ..users import service as users
from ..users.api import require_user
from . import statistics

BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=1800, touches=("accounts",))

bp = Blueprint("security", __name__, url_prefix="/api")


@bp.get("/security/stats")
@endpoint(needs=BROWSE, permission="AUDIT_VIEW")
def stats(session: Session) -> dict[str, Any]:
    """Show security statistics. They are the figures of the security page."""
    return {"success": True, **statistics.security_statistics(session)}


@bp.get("/security/audit-logs")
@endpoint(needs=BROWSE, permission="AUDIT_VIEW", query=AUDIT_LOG.takes, returns=AuditEntrySchema(many=True))
def audit_logs(session: Session, **filters: object) -> Page:
    """List security audit log entries.

    They tell what was done to users, roles, permissions and settings, newest first.
    """
    return AUDIT_LOG.page(session, filters)


@bp.get("/security/users/<uuid:id>/security")
@endpoint(needs=BROWSE, permission="USER_VIEW")
def user_security(session: Session, id: uuid.UUID) -> dict[str, Any]:
    """Show the security state of a user."""
    profile = service.profile_of(session, require_user(session, id))
    permissions = list(profile.permissions)
    return {
        "success": True,
        **statistics.user_security(session, current_services().identity.throttle, profile.user),
        "roles": list(profile.roles),
        "permissions": permissions,
        "effective_permissions": permissions,
    }


@bp.post("/security/permissions/check")
@endpoint(needs=CHANGE, permission="USER_VIEW", accepts=PermissionCheck(), changes=False)
def check_permissions(
    session: Session,
    user_id: uuid.UUID,
    permissions: list[str],
    resource: str | None = None,  # noqa: ARG001
) -> dict[str, Any]:
    """Check which permissions a user has."""
    profile = service.profile_of(session, require_user(session, user_id))
    held = {name: profile.user.is_superuser or name in profile.permissions for name in permissions}
    return {
        "user_id": user_id,
        "has_all_permissions": all(held.values()),
        "permissions_status": held,
        "missing_permissions": [name for name, has in held.items() if not has],
        "effective_roles": list(profile.roles),
    }


@bp.post("/security/roles/bulk-assign")
@endpoint(needs=CHANGE, permission="ROLE_ASSIGN", accepts=BulkAssignment())
def bulk_assign(
    session: Session, actor: Actor, user_ids: list[uuid.UUID], role_ids: list[uuid.UUID], action: str
) -> dict[str, Any]:
    """Assign roles to many users.

    `action` adds the roles, removes them, or replaces all roles of the users. Either all users are changed or none.
    """
    admin = admin_of(session, actor)
    changed = memberships.assign(admin, users.find_all(admin, user_ids), role_ids, action)
    return {"message": f"The roles of {changed} users were changed.", "changed": changed}


@bp.get("/auth/setup/status")
@endpoint(needs=Needs(DATABASE, stale_for=3600, touches=("accounts",)), permission=PUBLIC)
def setup_status(session: Session) -> dict[str, bool]:
    """Check whether the first administrator exists. A command creates the first administrator, never a request."""
    there = session.scalar(select(exists().where(User.is_superuser, User.is_active, User.deleted_at.is_(None)))) is True
    return {"is_initialized": there, "setup_required": not there}

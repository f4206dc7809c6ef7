"""Users, their roles and their direct permissions."""

import uuid
from datetime import datetime
from typing import Any, Unpack

from flask import Blueprint
from sqlalchemy import select
from sqlalchemy.orm import Session

from ...actor import Actor
from ...errors import NotFound
from ...infra import AUTH, DATABASE, REDIS
from ...resilience import uncounted
from ...web.endpoint.context import current_services
from ...web.endpoint.needs import SIGNED_IN, Needs
from ...web.endpoint.pipeline import endpoint
from ...web.endpoint.principal import Principal
from ...web.query import projection
from ...web.query.paging import Page
from .. import models
from ..access import read_models
from ..access.effective_permissions import by_role, direct
from ..audit.lists import AUDIT_LOG
from ..auth import api, passwords
from ..auth.schemas import UserSchema
from ..auth.service import Profile, own_profile
from ..roles.api import CHANGE, EVERYTHING, admin_of
from ..roles.lists import ROLES
from ..roles.schemas import RoleSchema
from . import grants
from . import role_assignments as memberships
from . import service as users
from .lists import GRANTS, USERS
from .schemas import (
    Grant,
    NewUser,
    OwnFields,
    Reason,
    StatusChange,
    UserChange,
    UserDetails,
)

BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=1800, touches=("accounts",))

bp = Blueprint("users", __name__, url_prefix="/api/users")
bp.get("/me")(api.me)


def shown(session: Session, user: models.User) -> bytes:
    """Return a user as they are now."""
    session.flush()
    return projection.one(session, UserDetails, read_models.User, user.id)


def require_user(session: Session, id: uuid.UUID) -> models.User:
    """Return a user to read, or raise `NotFound`."""
    user = session.scalars(select(models.User).where(models.User.id == id, models.User.deleted_at.is_(None))).first()
    if user is None:
        raise NotFound("There is no such user.")
    return user


def _chosen(password: str) -> passwords.Chosen:
    """Return a password with its hash. However long that takes, as much time as before is left for the database."""
    with uncounted():
        return passwords.chosen(current_services().identity, password)


@bp.put("/me")
@endpoint(needs=CHANGE, permission=SIGNED_IN, accepts=OwnFields(), returns=UserSchema())
def change_me(session: Session, principal: Principal, actor: Actor, **fields: Unpack[users.OwnValues]) -> Profile:
    """Change the profile of the signed-in user. Only an administrator can change the e-mail address."""
    profile = own_profile(session, principal.id)
    users.change_own(session, actor, profile.user, fields)
    return profile


@bp.get("/")
@endpoint(needs=BROWSE, permission="USER_VIEW", query=USERS.takes, returns=USERS.returns)
def browse(session: Session, **filters: object) -> Page:
    """List users.

    The newest user comes first. The answer is an object with the same rows as `items` and `users`, and with `total`.
    """
    return USERS.answer(session, filters)


@bp.post("/")
@endpoint(needs=CHANGE, permission="USER_CREATE", accepts=NewUser(), returns=UserDetails(), status=201, hashes=True)
def create(session: Session, actor: Actor, password: str, **fields: Unpack[users.UserValues]) -> bytes:
    """Create a user.

    Without a user name it is made from the e-mail address. A name or address in use is 409, and the answer names the
    field.
    """
    chosen = _chosen(password)  # first, for the session has no connection yet
    return shown(session, users.create(admin_of(session, actor), chosen, fields))


@bp.get("/<uuid:id>")
@endpoint(needs=BROWSE, permission="USER_VIEW", returns=UserDetails())
def show(session: Session, id: uuid.UUID) -> bytes:
    """Show a user with roles and direct permissions."""
    return projection.one(session, UserDetails, read_models.User, id)


@bp.put("/<uuid:id>")
@endpoint(needs=CHANGE, permission="USER_UPDATE", accepts=UserChange(), returns=UserDetails())
def change(
    session: Session, actor: Actor, id: uuid.UUID, password: str | None = None, **fields: Unpack[users.UserValues]
) -> bytes:
    """Change a user. Fields that are not sent keep their values."""
    chosen = None if password is None else _chosen(password)
    admin = admin_of(session, actor)
    return shown(session, users.change(admin, users.find(admin, id), fields, chosen))


@bp.delete("/<uuid:id>")
@endpoint(needs=CHANGE, permission="USER_DELETE")
def retire(session: Session, actor: Actor, id: uuid.UUID) -> None:
    """Soft-delete a user. The row and the audit log entries of the user stay."""
    admin = admin_of(session, actor)
    users.retire(admin, users.find(admin, id))


@bp.patch("/<uuid:id>/status")
@endpoint(needs=CHANGE, permission="USER_VIEW", accepts=StatusChange(), returns=UserDetails())
def set_status(session: Session, actor: Actor, id: uuid.UUID, **fields: Unpack[users.StatusValues]) -> bytes:
    """Activate or deactivate a user. It needs USER_ACTIVATE or USER_DEACTIVATE."""
    admin = admin_of(session, actor)
    return shown(session, users.set_status(admin, users.find(admin, id), fields))


@bp.get("/<uuid:id>/roles")
@endpoint(needs=BROWSE, permission="USER_VIEW", returns=RoleSchema(many=True))
def browse_roles(session: Session, id: uuid.UUID) -> Page:
    """List the roles of a user."""
    require_user(session, id)
    return ROLES.page(session, {"user_id": id, **EVERYTHING})


@bp.post("/<uuid:id>/roles/<uuid:role_id>")
@endpoint(needs=CHANGE, permission="ROLE_ASSIGN", accepts=Reason(), returns=UserDetails())
def assign_role(session: Session, actor: Actor, id: uuid.UUID, role_id: uuid.UUID, reason: str | None = None) -> bytes:
    """Assign a role to a user. Assigning a role twice is no error."""
    admin = admin_of(session, actor)
    user = users.find(admin, id)
    memberships.assign(admin, [user], [role_id], "add", reason)
    return shown(session, user)


@bp.delete("/<uuid:id>/roles/<uuid:role_id>")
@endpoint(needs=CHANGE, permission="ROLE_ASSIGN", accepts=Reason(), returns=UserDetails())
def unassign_role(
    session: Session, actor: Actor, id: uuid.UUID, role_id: uuid.UUID, reason: str | None = None
) -> bytes:
    """Remove a role from a user."""
    admin = admin_of(session, actor)
    user = users.find(admin, id)
    memberships.assign(admin, [user], [role_id], "remove", reason)
    return shown(session, user)


@bp.get("/<uuid:id>/permissions")
@endpoint(needs=BROWSE, permission="USER_VIEW", returns=GRANTS.returns)
def browse_grants(session: Session, id: uuid.UUID) -> Page:
    """List the direct permissions of a user. Expired grants are listed, too."""
    require_user(session, id)
    return GRANTS.page(session, {"user_id": id, **EVERYTHING})


@bp.post("/<uuid:id>/permissions")
@endpoint(needs=CHANGE, permission="PERMISSION_ASSIGN", accepts=Grant(), returns=UserDetails())
def grant(
    session: Session,
    actor: Actor,
    id: uuid.UUID,
    permission_code: str,
    expires_at: datetime | None = None,
    reason: str | None = None,
) -> bytes:
    """Grant a permission to a user. The caller must have it. A grant can expire."""
    admin = admin_of(session, actor)
    user = users.find(admin, id)
    grants.grant(admin, user, permission_code, expires_at, reason)
    return shown(session, user)


@bp.delete("/<uuid:id>/permissions/<permission_code>")
@endpoint(needs=CHANGE, permission="PERMISSION_ASSIGN", accepts=Reason(), returns=UserDetails())
def revoke(session: Session, actor: Actor, id: uuid.UUID, permission_code: str, reason: str | None = None) -> bytes:
    """Revoke a direct permission of a user."""
    admin = admin_of(session, actor)
    user = users.find(admin, id)
    grants.revoke(admin, user, permission_code, reason)
    return shown(session, user)


@bp.get("/<uuid:id>/effective-permissions")
@endpoint(needs=BROWSE, permission="USER_VIEW")
def effective_permissions(session: Session, id: uuid.UUID) -> dict[str, Any]:
    """Show the effective permissions of a user.

    Permissions from roles and direct permissions are listed apart. A superuser has all permissions.
    """
    user = require_user(session, id)
    roles, own = (sorted(set(session.scalars(names(id)))) for names in (by_role, direct))
    everything = select(models.Permission.name).where(models.Permission.is_active)
    held = sorted(session.scalars(everything)) if user.is_superuser else sorted({*roles, *own})
    return {
        "userType": user.user_type,
        "isSuperuser": user.is_superuser,
        "rolePermissions": roles,
        "directPermissions": own,
        "allPermissions": held,
        "all_permissions": held,
    }


@bp.get("/<uuid:id>/audit-logs")
@endpoint(needs=BROWSE, permission="AUDIT_VIEW", query=AUDIT_LOG.takes, returns=AUDIT_LOG.returns)
def audit_logs(session: Session, id: uuid.UUID, **filters: object) -> Page:
    """List the audit log entries of a user.

    They tell what the user did, and what was done to the user, newest first, as `logs`.
    """
    require_user(session, id)
    return AUDIT_LOG.answer(session, {**filters, "about": id})

"""Roles and permissions, at the three places where the frontend looks for them."""

import uuid
from typing import Unpack

from flask import Blueprint
from sqlalchemy.orm import Session

from ...actor import Actor
from ...infra import AUTH, DATABASE, REDIS
from ...web.endpoint.context import current_services
from ...web.endpoint.needs import Needs
from ...web.endpoint.pipeline import endpoint
from ...web.query import projection
from ...web.query.paging import Page
from .. import models
from ..access import read_models
from ..access.authority import Administrator, administrator
from . import service as roles
from .lists import CATEGORIES, PERMISSIONS, ROLES
from .schemas import (
    NewRole,
    PermissionSchema,
    RoleChange,
    RoleName,
    RolePermissions,
    RoleSchema,
    TemplateSchema,
)

BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600, touches=("accounts",))
CHANGE = Needs(DATABASE, AUTH, optional=(REDIS,), offline=False, touches=("accounts",))  # not by memory of who may

EVERYTHING = {"page_size": 1000}

bp = Blueprint("roles", __name__, url_prefix="/api")


def admin_of(session: Session, actor: Actor) -> Administrator:
    """Return who changes accounts in this transaction."""
    return administrator(session, current_services().identity, actor)


def shown(session: Session, role: models.Role) -> bytes:
    """Return a role as it is now."""
    session.flush()
    return projection.one(session, RoleSchema, read_models.Role, role.id)


@bp.get("/auth/roles")
@bp.get("/security/roles")
@endpoint(needs=BROWSE, permission="ROLE_VIEW", query=ROLES.takes, returns=RoleSchema(many=True))
def browse(session: Session, **filters: object) -> Page:
    """List roles. They are sorted by name, each with the names of its permissions."""
    return ROLES.page(session, filters)


@bp.get("/users/roles")
@endpoint(needs=BROWSE, permission="ROLE_VIEW", query=ROLES.takes, returns=ROLES.returns)
def browse_for_users(session: Session, **filters: object) -> Page:
    """List roles with their total. The answer is an object with `roles` and `total`."""
    return ROLES.answer(session, filters)


@bp.post("/auth/roles")
@bp.post("/security/roles")
@bp.post("/users/roles")
@endpoint(needs=CHANGE, permission="ROLE_CREATE", accepts=NewRole(), returns=RoleSchema(), status=201)
def create(session: Session, actor: Actor, **fields: Unpack[roles.RoleValues]) -> bytes:
    """Create a role.

    It can hold only permissions that the caller has. A name in use is 409, and the answer names the field.
    """
    return shown(session, roles.create(admin_of(session, actor), **fields))


@bp.get("/auth/roles/<uuid:id>")
@bp.get("/security/roles/<uuid:id>")
@endpoint(needs=BROWSE, permission="ROLE_VIEW", returns=RoleSchema())
def show(session: Session, id: uuid.UUID) -> bytes:
    """Show a role."""
    return projection.one(session, RoleSchema, read_models.Role, id)


@bp.put("/auth/roles/<uuid:id>")
@bp.put("/security/roles/<uuid:id>")
@endpoint(needs=CHANGE, permission="ROLE_UPDATE", accepts=RoleChange(), returns=RoleSchema())
def change(session: Session, actor: Actor, id: uuid.UUID, **fields: Unpack[roles.RoleValues]) -> bytes:
    """Change a role.

    Fields that are not sent keep their values. Changing the permissions needs ROLE_ASSIGN_PERMISSION. A system role is
    409.
    """
    return shown(session, roles.change(admin_of(session, actor), id, fields))


@bp.delete("/auth/roles/<uuid:id>")
@bp.delete("/security/roles/<uuid:id>")
@endpoint(needs=CHANGE, permission="ROLE_DELETE")
def delete(session: Session, actor: Actor, id: uuid.UUID) -> None:
    """Delete a role. A system role, or a role that a user has, is 409."""
    roles.delete_role(admin_of(session, actor), id)


@bp.post("/auth/roles/<uuid:id>/clone")
@endpoint(needs=CHANGE, permission="ROLE_CLONE", accepts=RoleName(), returns=RoleSchema(), status=201)
def clone(session: Session, actor: Actor, id: uuid.UUID, name: str) -> bytes:
    """Clone a role under a new name. The new role has the same permissions."""
    return shown(session, roles.clone(admin_of(session, actor), id, name))


@bp.get("/auth/roles/<uuid:id>/permissions")
@bp.get("/security/roles/<uuid:id>/permissions")
@endpoint(needs=BROWSE, permission="ROLE_VIEW", returns=PERMISSIONS.returns)
def browse_role_permissions(session: Session, id: uuid.UUID) -> Page:
    """List the permissions of a role."""
    projection.one(session, RoleSchema, read_models.Role, id)
    return PERMISSIONS.page(session, {"role_id": id, **EVERYTHING})


@bp.post("/auth/roles/<uuid:id>/permissions")
@endpoint(needs=CHANGE, permission="ROLE_ASSIGN_PERMISSION", accepts=RolePermissions(), returns=RoleSchema())
def add_permissions(session: Session, actor: Actor, id: uuid.UUID, permission_ids: list[str]) -> bytes:
    """Add permissions to a role."""
    return shown(session, roles.change_permissions(admin_of(session, actor), id, permission_ids, added=True))


@bp.delete("/auth/roles/<uuid:id>/permissions")
@endpoint(needs=CHANGE, permission="ROLE_ASSIGN_PERMISSION", accepts=RolePermissions(), returns=RoleSchema())
def remove_permissions(session: Session, actor: Actor, id: uuid.UUID, permission_ids: list[str]) -> bytes:
    """Remove permissions from a role."""
    return shown(session, roles.change_permissions(admin_of(session, actor), id, permission_ids, added=False))


@bp.get("/security/roles/templates")
@endpoint(needs=Needs(optional=(AUTH,)), permission="ROLE_VIEW", returns=TemplateSchema(many=True))
def templates() -> list[roles.Template]:
    """List role templates. A template names the permissions that a new role starts with."""
    return list(roles.TEMPLATES.values())


@bp.get("/auth/permissions")
@bp.get("/security/permissions")
@endpoint(needs=BROWSE, permission="PERMISSION_VIEW", query=PERMISSIONS.takes, returns=PERMISSIONS.returns)
def browse_permissions(session: Session, **filters: object) -> Page:
    """List permissions.

    They are sorted by name; without a limit all of them are answered. Permissions are declared in the code.
    """
    return PERMISSIONS.page(session, {"is_active": True, **EVERYTHING, **filters})


@bp.get("/auth/permissions/<uuid:id>")
@endpoint(needs=BROWSE, permission="PERMISSION_VIEW", returns=PermissionSchema())
def show_permission(session: Session, id: uuid.UUID) -> bytes:
    """Show a permission."""
    return projection.one(session, PermissionSchema, read_models.Permission, id)


@bp.get("/security/permissions/categories")
@endpoint(needs=BROWSE, permission="PERMISSION_VIEW", returns=CATEGORIES.returns)
def browse_categories(session: Session) -> Page:
    """List permissions grouped by resource."""
    return CATEGORIES.page(session, EVERYTHING)

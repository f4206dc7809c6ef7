"""Roles and permissions, at the three places where the frontend looks for them."""

import uuid
from typing import Unpack

from flask import Blueprint
from sqlalchemy import select
from sqlalchemy.orm import Session

from ...actor import Actor
from ...infra import AUTH, DATABASE, REDIS
from ...web.endpoint.context import current_services
from ...web.endpoint.needs import Needs
from ...web.endpoint.pipeline import endpoint
from ...web.query import projection
from ...web.query.listing import Listing, Page
from .. import models
from ..access import read_models
from ..access.authority import Administrator, administrator
from ..models import role_permissions, user_roles
from . import service as roles
from .schemas import (
    CategorySchema,
    NewRole,
    PermissionQuery,
    PermissionSchema,
    RoleChange,
    RoleList,
    RoleName,
    RolePermissions,
    RoleQuery,
    RoleSchema,
    TemplateSchema,
)

BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600, touches=("accounts",))
CHANGE = Needs(DATABASE, AUTH, optional=(REDIS,), offline=False, touches=("accounts",))  # not by memory of who may

_role = read_models.Role.__table__.c
ROLES = Listing(
    read_models.Role,
    RoleSchema,
    order=(_role.name.asc(),),
    search=(_role.name, _role.description),
    filters={
        "is_active": _role.is_active.__eq__,
        "is_system": _role.is_system_role.__eq__,
        "template": _role.template.__eq__,
        "user_id": lambda user: _role.id.in_(select(user_roles.c.role_id).where(user_roles.c.user_id == user)),
    },
)
_permission = read_models.Permission.__table__.c
PERMISSIONS = Listing(
    read_models.Permission,
    PermissionSchema,
    order=(_permission.name.asc(),),
    search=(_permission.name, _permission.description),
    filters={
        "resource": _permission.resource.__eq__,
        "risk_level": _permission.risk_level.__eq__,
        "is_active": _permission.is_active.__eq__,
        "role_id": lambda role: _permission.id.in_(
            select(role_permissions.c.permission_id).where(role_permissions.c.role_id == role)
        ),
    },
)
CATEGORIES = Listing(read_models.Category, CategorySchema, order=(read_models.Category.__table__.c.resource.asc(),))
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
@endpoint(needs=BROWSE, permission="ROLE_VIEW", query=RoleQuery(), returns=RoleSchema(many=True))
def browse(session: Session, **filters: object) -> Page:
    """List roles. They are sorted by name, each with the names of its permissions."""
    return ROLES.page(session, filters)


@bp.get("/users/roles")
@endpoint(needs=BROWSE, permission="ROLE_VIEW", query=RoleQuery(), returns=RoleList())
def browse_for_users(session: Session, **filters: object) -> Page:
    """List roles with their total. The answer is an object with `roles` and `total`."""
    return ROLES.page(session, filters).under("roles")


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
@endpoint(needs=BROWSE, permission="ROLE_VIEW", returns=PermissionSchema(many=True))
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
@endpoint(needs=BROWSE, permission="PERMISSION_VIEW", query=PermissionQuery(), returns=PermissionSchema(many=True))
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
@endpoint(needs=BROWSE, permission="PERMISSION_VIEW", returns=CategorySchema(many=True))
def browse_categories(session: Session) -> Page:
    """List permissions grouped by resource."""
    return CATEGORIES.page(session, EVERYTHING)

"""The lists of roles, of permissions, and of permissions by what they are about."""

from sqlalchemy import select

from ...web.query.envelopes import named
from ...web.query.listing import Listing
from ..access.read_models import Category, Permission, Role
from ..models import role_permissions, user_roles
from .schemas import CategorySchema, PermissionQuery, PermissionSchema, RoleList, RoleQuery, RoleSchema

_role, _permission = Role.__table__.c, Permission.__table__.c
ROLES = Listing(
    Role,
    RoleSchema,
    order=(_role.name.asc(),),
    query=RoleQuery,
    search=(_role.name, _role.description),
    filters=("template",),
    conditions={
        "is_system": _role.is_system_role.__eq__,
        "user_id": lambda user: _role.id.in_(select(user_roles.c.role_id).where(user_roles.c.user_id == user)),
    },
    envelope=named(RoleList),
)
PERMISSIONS = Listing(
    Permission,
    PermissionSchema,
    order=(_permission.name.asc(),),
    query=PermissionQuery,
    search=(_permission.name, _permission.description),
    filters=("resource", "risk_level"),
    conditions={
        "role_id": lambda role: _permission.id.in_(
            select(role_permissions.c.permission_id).where(role_permissions.c.role_id == role)
        ),
    },
)
CATEGORIES = Listing(Category, CategorySchema, order=(Category.__table__.c.resource.asc(),))

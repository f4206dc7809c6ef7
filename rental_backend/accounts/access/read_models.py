"""Users, roles and permissions as they are shown: with what belongs to them, which PostgreSQL gathers."""

from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, func, literal, literal_column, not_, null, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import DeclarativeBase

from ...models import Expression
from .. import models
from ..models import LoginAttempt, UserPermission, UserType, role_permissions, user_roles
from .effective_permissions import IN_FORCE


class ReadModel(DeclarativeBase):
    """The base of what is only read."""


def _list(value: Expression, order: Expression) -> ColumnElement[Any]:
    """Return the JSON array of all rows, or an empty one."""
    return func.coalesce(func.json_agg(aggregate_order_by(value, order)), literal_column("'[]'::json"))


def _by_name(name: Expression, value: Expression) -> ColumnElement[Any]:
    """Return the JSON object of all rows, or an empty one."""
    return func.coalesce(func.json_object_agg(name, value), literal_column("'{}'::json"))


_role = func.json_build_object(
    *("id", models.Role.id, "name", models.Role.name, "description", models.Role.description)
)
_roles_of_user = (
    select(models.Role.id)
    .join(user_roles, user_roles.c.role_id == models.Role.id)
    .where(user_roles.c.user_id == models.User.id)
    .correlate(models.User)
)
_granted = (
    select(_list(models.Permission.name, models.Permission.name))
    .join(UserPermission, UserPermission.permission_id == models.Permission.id)
    .where(UserPermission.user_id == models.User.id, IN_FORCE)
    .correlate(models.User)
)
_grants_by_name = (
    select(_by_name(models.Permission.name, models.Permission.id))
    .join(UserPermission, UserPermission.permission_id == models.Permission.id)
    .where(UserPermission.user_id == models.User.id, IN_FORCE)
    .correlate(models.User)
)
_sign_ins = (
    select(func.count())
    .where(LoginAttempt.success, LoginAttempt.email.in_([models.User.username, models.User.email]))
    .correlate(models.User)
)


class User(ReadModel):
    """A user who is not deleted, with their roles (`role` is the first by name), grants and count of kept sign-ins."""

    __table__ = (
        select(
            *(column for column in models.User.__table__.c if column.name not in {"password", "user_type"}),
            case((models.User.is_superuser, UserType.SUPERADMIN.value), else_=models.User.user_type.cast(String)).label(
                "user_type"
            ),
            *(
                _roles_of_user.with_only_columns(shown)
                .order_by(models.Role.name)
                .limit(1)
                .scalar_subquery()
                .label(name)
                for name, shown in (("role", _role), ("role_id", models.Role.id))
            ),
            _roles_of_user.with_only_columns(_list(_role, models.Role.name)).scalar_subquery().label("roles"),
            _granted.scalar_subquery().label("direct_permissions"),
            _grants_by_name.scalar_subquery().label("grants_by_name"),
            _sign_ins.scalar_subquery().label("login_count"),
            null().label("location"),
        )
        .where(models.User.deleted_at.is_(None))
        .subquery("users")
    )
    __mapper_args__ = {"primary_key": [__table__.c.id]}


_permissions_of_role = (
    select(models.Permission.id)
    .join(role_permissions, role_permissions.c.permission_id == models.Permission.id)
    .where(role_permissions.c.role_id == models.Role.id)
    .correlate(models.Role)
)
_users_of_role = (
    select(func.count())
    .select_from(user_roles)
    .join(models.User, models.User.id == user_roles.c.user_id)
    .where(user_roles.c.role_id == models.Role.id, models.User.deleted_at.is_(None))
    .correlate(models.Role)
    .scalar_subquery()
)


class Role(ReadModel):
    """A role with the names of its permissions, how many users have it, and whether it could be deleted."""

    __table__ = select(
        *models.Role.__table__.c,
        case((models.Role.is_system_role, models.Role.name)).label("template"),
        _permissions_of_role.with_only_columns(_list(models.Permission.name, models.Permission.name))
        .scalar_subquery()
        .label("permissions"),
        _permissions_of_role.with_only_columns(_by_name(models.Permission.name, models.Permission.id))
        .scalar_subquery()
        .label("permissions_by_name"),
        _permissions_of_role.with_only_columns(func.count()).scalar_subquery().label("permission_count"),
        _users_of_role.label("user_count"),
        and_(not_(models.Role.is_system_role), _users_of_role == 0).label("can_be_deleted"),
    ).subquery("roles")
    __mapper_args__ = {"primary_key": [__table__.c.id]}


class Permission(ReadModel):
    """A permission, and how many roles have it."""

    __table__ = select(
        *models.Permission.__table__.c,
        select(func.count())
        .where(role_permissions.c.permission_id == models.Permission.id)
        .correlate(models.Permission)
        .scalar_subquery()
        .label("usage_count"),
    ).subquery("permissions")
    __mapper_args__ = {"primary_key": [__table__.c.id]}


_title = func.initcap(func.replace(models.Permission.resource, "_", " "))
_permission = func.json_build_object(
    *(
        part
        for name in ("id", "name", "description", "resource", "action", "risk_level", "is_system_permission")
        for part in (literal(name), models.Permission.__table__.c[name])
    )
)


class Category(ReadModel):
    """The permissions of a resource."""

    __table__ = (
        select(
            models.Permission.resource,
            _title.label("name"),
            func.concat("Permissions on ", func.lower(_title)).label("description"),
            func.count().label("total_permissions"),
            _list(_permission, models.Permission.name).label("permissions"),
        )
        .where(models.Permission.is_active)
        .group_by(models.Permission.resource)
        .subquery("categories")
    )
    __mapper_args__ = {"primary_key": [__table__.c.resource]}


class Grant(ReadModel):
    """A permission granted to a user directly, by the id and name of the permission; expired ones too."""

    __table__ = (
        select(
            models.Permission.id,
            models.Permission.name,
            models.Permission.description,
            UserPermission.user_id,
            UserPermission.granted_by,
            UserPermission.granted_at,
            UserPermission.expires_at,
        )
        .join(UserPermission, UserPermission.permission_id == models.Permission.id)
        .subquery("grants")
    )
    __mapper_args__ = {"primary_key": [__table__.c.user_id, __table__.c.id]}

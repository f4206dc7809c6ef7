"""What users may do: the permissions of their active roles, and those granted to them directly for now."""

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import CompoundSelect, Select, func, or_, select, union

from ..models import Permission, Role, UserPermission, role_permissions, user_roles

Names = Select[str]
IN_FORCE = or_(UserPermission.expires_at.is_(None), UserPermission.expires_at > func.now())  # of a direct grant


def by_role(*user_ids: uuid.UUID) -> Names:
    """Select the names of the permissions that users have by their roles."""
    return (
        select(Permission.name)
        .join(role_permissions, role_permissions.c.permission_id == Permission.id)
        .join(user_roles, user_roles.c.role_id == role_permissions.c.role_id)
        .join(Role, Role.id == user_roles.c.role_id)
        .where(user_roles.c.user_id.in_(user_ids), Role.is_active, Permission.is_active)
    )


def direct(*user_ids: uuid.UUID) -> Names:
    """Select the names of the permissions that users were granted directly, and still have."""
    return (
        select(Permission.name)
        .join(UserPermission, UserPermission.permission_id == Permission.id)
        .where(UserPermission.user_id.in_(user_ids), Permission.is_active, IN_FORCE)
    )


def effective(user_ids: Iterable[uuid.UUID]) -> CompoundSelect[str]:
    """Select the names of all permissions that any of these users has, each once."""
    ids = tuple(user_ids)
    return union(by_role(*ids), direct(*ids))


def lasting(user_id: uuid.UUID) -> CompoundSelect[str]:
    """Select the names of the permissions of a user that no date ends: what a token may say of them for days."""
    return union(by_role(user_id), direct(user_id).where(UserPermission.expires_at.is_(None)))


def ending(user_id: uuid.UUID) -> Select[Any]:
    """Select a JSON array of the permissions that a user has for a time only: [name, seconds since the epoch]."""
    end = func.extract("epoch", UserPermission.expires_at)
    return (
        select(func.json_agg(func.json_build_array(Permission.name, end)))
        .join(UserPermission, UserPermission.permission_id == Permission.id)
        .where(UserPermission.user_id == user_id, Permission.is_active, IN_FORCE)
        .where(UserPermission.expires_at.is_not(None), Permission.name.not_in(by_role(user_id)))
    )

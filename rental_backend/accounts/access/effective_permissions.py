"""What users may do: the permissions of their active roles, and those granted to them directly for now."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, DateTime, Select, case, cast, func, null, or_, select, union, union_all
from sqlalchemy.orm import Session

from ..models import Permission, Role, UserPermission, role_permissions, user_roles

Names = Select[str]
Held = Mapping[str, datetime | None]  # permissions by name, each with its end; None where it has none
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


def rights(user_ids: Iterable[uuid.UUID]) -> CompoundSelect[Any]:
    """Select each permission of these users by each way they have it: name, end (null: it lasts), and whose it is."""
    ids = tuple(user_ids)
    return union_all(
        by_role(*ids).add_columns(cast(null(), DateTime(timezone=True)).label("ends"), user_roles.c.user_id),
        direct(*ids).add_columns(UserPermission.expires_at, UserPermission.user_id),
    )


def held(session: Session, user_ids: Iterable[uuid.UUID]) -> Held:
    """Return the permissions that any of these users has, each with when the last of it ends (None: it lasts)."""
    each = rights(user_ids).subquery()
    ends = case((func.bool_or(each.c.ends.is_(None)), null()), else_=func.max(each.c.ends))
    return dict(session.execute(select(each.c.name, ends).group_by(each.c.name)).all())


def shortfall(mine: Held, wanted: Held) -> list[str]:
    """Return the names of what is wanted and not `mine`, or mine for a shorter time than it is wanted."""
    return sorted(name for name, ends in wanted.items() if name not in mine or _outlasts(ends, mine[name]))


def _outlasts(ends: datetime | None, mine: datetime | None) -> bool:
    return mine is not None and (ends is None or ends > mine)

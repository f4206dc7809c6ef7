"""Permissions granted to a user directly, perhaps for a time."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from ...errors import Invalid, NotFound
from ..access.authority import Administrator
from ..access.effective_permissions import direct
from ..models import Permission, User, UserPermission


def grant(
    admin: Administrator, user: User, name: str, expires_at: datetime | None = None, reason: str | None = None
) -> None:
    """Grant a permission, for no longer than the administrator has it; granting it again changes when it expires."""
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise Invalid({"expires_at": ["Must be in the future."]})
    _grant(admin, user, admin.permissions_named([name], "permission_code"), expires_at)
    expires = expires_at.isoformat() if expires_at else None
    admin.note("GRANT_PERMISSION", "users", user.id, after={"permission": name, "expires_at": expires}, reason=reason)


def revoke(admin: Administrator, user: User, name: str, reason: str | None = None) -> None:
    """Take a direct grant back, or raise `NotFound` if there is none."""
    named = select(Permission.id).where(Permission.name == name).scalar_subquery()
    gone = delete(UserPermission).where(UserPermission.user_id == user.id, UserPermission.permission_id == named)
    if not admin.session.execute(gone.returning(UserPermission.user_id)).first():
        raise NotFound(f"The user was not granted {name} directly.")
    admin.note("REVOKE_PERMISSION", "users", user.id, before={"permission": name}, reason=reason)


def replace(admin: Administrator, user: User, names: Iterable[str]) -> None:
    """Leave a user with just these direct grants; grants that they have already keep their expiry."""
    before = set(admin.session.scalars(direct(user.id)))
    wanted = admin.permissions_named(names, "direct_permissions")
    if before == set(wanted):
        return
    others = delete(UserPermission).where(
        UserPermission.user_id == user.id,
        UserPermission.permission_id.not_in([wanted[name] for name in before & set(wanted)]),
    )
    admin.session.execute(others)
    _grant(admin, user, {name: key for name, key in wanted.items() if name not in before})
    granted = {"direct_permissions": sorted(before)}, {"direct_permissions": sorted(wanted)}
    admin.note("CHANGE_PERMISSIONS", "users", user.id, before=granted[0], after=granted[1])


def _grant(
    admin: Administrator, user: User, permissions: Mapping[str, uuid.UUID], expires_at: datetime | None = None
) -> None:
    admin.require_all(permissions, "grant this", expires_at)
    if not permissions:
        return
    naive = expires_at.astimezone(UTC).replace(tzinfo=None) if expires_at else None
    granted = insert(UserPermission).values(
        [
            {"user_id": user.id, "permission_id": key, "granted_by": admin.user.id, "expires_at": naive}
            for key in permissions.values()
        ]
    )
    admin.session.execute(
        granted.on_conflict_do_update(
            index_elements=["user_id", "permission_id"],
            set_={name: granted.excluded[name] for name in ("granted_by", "granted_at", "expires_at")},
        )
    )

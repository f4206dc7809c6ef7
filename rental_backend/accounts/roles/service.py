"""The rules of roles (BR-L2): system roles stay as they are, and roles in use stay."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypedDict

from sqlalchemy import delete, func, select

from ...errors import Conflict, NotFound
from ..access.authority import Administrator
from ..access.permissions import PERMISSIONS, ROLES
from ..models import Permission, Role, User, role_permissions, user_roles


@dataclass(frozen=True, slots=True)
class Template:
    """A template for new roles."""

    name: str
    description: str
    category: str
    permissions: tuple[str, ...]
    recommended_for: tuple[str, ...]


RECOMMENDED = {
    "SUPER_ADMIN": ("Owners",),
    "ADMIN": ("Office managers",),
    "MANAGER": ("Shop managers",),
    "STAFF": ("Clerks",),
    "VIEWER": ("Auditors", "Trainees"),
}
TEMPLATES = {
    role.name: Template(
        role.name,
        role.description,
        "Administration" if role.has(PERMISSIONS["USER_CREATE"]) else "Business",
        tuple(name for name, permission in PERMISSIONS.items() if role.has(permission)),
        RECOMMENDED[role.name],
    )
    for role in ROLES
}


PLAIN = {"name", "description", "is_active"}


class RoleValues(TypedDict, total=False):
    """What can be said of a role; a change holds only what it changes. A template counts for a new role only."""

    name: str
    description: str | None
    permissions: list[str] | None
    template: str | None
    is_active: bool


def create(
    admin: Administrator,
    *,
    name: str,
    description: str | None = None,
    permissions: list[str] | None = None,
    template: str | None = None,
    is_active: bool = True,
) -> Role:
    """Create a role with permissions that its maker has; without any, it gets the permissions of a named template.

    Raises `Conflict` if the name is in use, `Invalid` if a permission is unknown.
    """
    _require_free(admin, name)
    started = TEMPLATES.get(template or "") if permissions is None else None
    wanted = _permissions(admin, started.permissions if started else permissions or ())
    admin.require_all(wanted, "create a role")
    role = Role(name=name, description=description, is_active=is_active)
    role.created_by = role.updated_by = admin.actor.name
    admin.session.add(role)
    admin.session.flush()
    _give(admin, role, wanted.values())
    admin.note("CREATE", "roles", role.id, after=_seen(role, wanted))
    return role


def change(admin: Administrator, id: uuid.UUID, fields: RoleValues) -> Role:
    """Change what is given; nobody lets its users do what the administrator may not."""
    role, held = _find(admin, id)
    before, wanted = _seen(role, held), held
    if "name" in fields and fields["name"] != role.name:
        _require_free(admin, fields["name"], but=role.id)
    if (named := fields.get("permissions")) is not None:
        wanted = _permissions(admin, named)
    if set(held) - set(wanted) or (role.is_active and not fields.get("is_active", True)):
        admin.require_power_over(*_holders(admin, role))
    for name, value in fields.items():
        if name in PLAIN:
            setattr(role, name, value)
    if set(wanted) != set(held):
        admin.require_all(wanted, "add to a role")
        admin.session.execute(delete(role_permissions).where(role_permissions.c.role_id == role.id))
        _give(admin, role, wanted.values())
    role.updated_by = admin.actor.name
    admin.note("UPDATE", "roles", role.id, before=before, after=_seen(role, wanted))
    return role


def change_permissions(admin: Administrator, id: uuid.UUID, permissions: list[str], *, added: bool) -> Role:
    """Add permissions to a role, or take them away."""
    named = set(_permissions(admin, permissions))
    _, held = _find(admin, id)
    return change(admin, id, {"permissions": sorted(set(held) | named if added else set(held) - named)})


def clone(admin: Administrator, id: uuid.UUID, name: str) -> Role:
    """Create a role with the permissions and the description of another, of the system or not."""
    role = find(admin, id)
    return create(admin, name=name, description=role.description, permissions=list(permissions_in(admin, role)))


def delete_role(admin: Administrator, id: uuid.UUID) -> None:
    """Delete a role that no user has; raises `Conflict` if one has it, or if it belongs to the system."""
    role, held = _find(admin, id)
    users = _count_users(admin, role)
    if users:
        raise Conflict(f"The role {role.name} cannot be deleted: {users} users have it. Remove it from them first.")
    for links in (user_roles, role_permissions):  # deleted users may still have the role
        admin.session.execute(delete(links).where(links.c.role_id == role.id))
    admin.session.delete(role)
    admin.note("DELETE", "roles", role.id, before=_seen(role, held))


def find(admin: Administrator, id: uuid.UUID) -> Role:
    """Return a role, or raise `NotFound`."""
    role = admin.session.get(Role, id)
    if role is None:
        raise NotFound("There is no such role.")
    return role


def permissions_in(admin: Administrator, *roles: Role) -> dict[str, uuid.UUID]:
    """Return the permissions in any of these roles: ids by name."""
    held = (
        select(Permission.name, Permission.id)
        .join(role_permissions, role_permissions.c.permission_id == Permission.id)
        .where(role_permissions.c.role_id.in_([role.id for role in roles]))
        .order_by(Permission.name)
    )
    return dict(admin.session.execute(held).all())


def _find(admin: Administrator, id: uuid.UUID) -> tuple[Role, dict[str, uuid.UUID]]:
    """Return a role for a change, and its permissions; refuse if it is the system's, or may do more than the caller."""
    role = find(admin, id)
    if role.is_system_role:
        raise Conflict(f"{role.name} is a role of the system and cannot be changed or deleted. Clone it instead.")
    held = permissions_in(admin, role)
    admin.require_all(held, "change a role with more permissions")
    return role, held


def _holders(admin: Administrator, role: Role) -> Iterable[User]:
    """Return the users who may do less without a role."""
    having = select(User).join(user_roles, user_roles.c.user_id == User.id).where(user_roles.c.role_id == role.id)
    return admin.session.scalars(having.where(User.deleted_at.is_(None), User.is_superuser.is_(False)))


def _permissions(admin: Administrator, wanted: Iterable[str]) -> dict[str, uuid.UUID]:
    return admin.permissions_named(wanted, "permissions")


def _require_free(admin: Administrator, name: str, but: uuid.UUID | None = None) -> None:
    taken = select(Role.id).where(func.lower(Role.name) == name.lower(), Role.id.is_distinct_from(but))
    if admin.session.scalar(taken):
        raise Conflict(f"The name {name} is already in use by another role.", errors={"name": ["Already in use."]})


def _give(admin: Administrator, role: Role, permission_ids: Iterable[uuid.UUID]) -> None:
    rows = [{"role_id": role.id, "permission_id": each} for each in permission_ids]
    if rows:
        admin.session.execute(role_permissions.insert(), rows)


def _count_users(admin: Administrator, role: Role) -> int:
    users = select(func.count()).select_from(user_roles).join(User, User.id == user_roles.c.user_id)
    return admin.session.scalar(users.where(user_roles.c.role_id == role.id, User.deleted_at.is_(None))) or 0


def _seen(role: Role, permissions: Iterable[str]) -> dict[str, Any]:
    """Return what the audit log says of a role."""
    seen: dict[str, Any] = {name: getattr(role, name) for name in ("name", "description", "is_active")}
    return {**seen, "permissions": sorted(permissions)}

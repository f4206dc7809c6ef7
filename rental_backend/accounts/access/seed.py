"""Permissions and roles in the database, as they are declared in the code."""

from collections.abc import Collection

from sqlalchemy import column, select, values
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ...models import added
from ..models import Permission, Role, role_permissions
from .permissions import PERMISSIONS, ROLES


def add_permissions_and_roles(session: Session) -> tuple[int, int]:
    """Store those permissions and roles that are missing; return how many of each.

    A role gets the permissions it is declared to have when either of the two is new. What an administrator has granted
    or taken away since stays so.
    """
    permissions = added(
        session,
        Permission.name,
        [
            {
                "name": each.name,
                "resource": each.resource,
                "action": each.action,
                "description": each.description,
                "risk_level": each.risk_level,
                "is_system_permission": True,
            }
            for each in PERMISSIONS.values()
        ],
    )
    roles = added(
        session,
        Role.name,
        [{"name": each.name, "description": each.description, "is_system_role": True} for each in ROLES],
    )
    _grant(session, permissions, roles)
    return len(permissions), len(roles)


def _grant(session: Session, new_permissions: Collection[str], new_roles: Collection[str]) -> None:
    grants = [
        (role.name, permission.name)
        for role in ROLES
        for permission in PERMISSIONS.values()
        if role.has(permission) and (role.name in new_roles or permission.name in new_permissions)
    ]
    if not grants:
        return
    wanted = values(column("role", Role.name.type), column("permission", Permission.name.type), name="wanted").data(
        grants
    )
    found = (
        select(Role.id, Permission.id)
        .select_from(wanted)
        .join(Role, Role.name == wanted.c.role)
        .join(Permission, Permission.name == wanted.c.permission)
    )
    session.execute(insert(role_permissions).from_select(["role_id", "permission_id"], found).on_conflict_do_nothing())

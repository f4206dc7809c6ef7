"""Which users have which roles."""

import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from ...errors import NotFound
from ..access.authority import Administrator
from ..audit import service as audit
from ..models import Role, User, user_roles
from ..roles import service as roles


def assign(
    admin: Administrator,
    users: Sequence[User],
    role_ids: Iterable[uuid.UUID],
    action: str = "add",
    reason: str | None = None,
) -> int:
    """Add roles to users, remove them, or replace all that they have; return how many users that changed.

    Nobody gives a role whose permissions they do not have. Raises `NotFound` if there is no such role.
    """
    named = _named(admin, set(role_ids))
    before = _names(admin, users)
    of_these = user_roles.c.user_id.in_(before)
    if action == "remove":
        admin.session.execute(delete(user_roles).where(of_these, user_roles.c.role_id.in_(named)))
    else:
        admin.require_all(roles.permissions_in(admin, *named.values()), "give this role")
        if action == "replace":
            admin.session.execute(delete(user_roles).where(of_these, user_roles.c.role_id.not_in(named)))
        links = [{"user_id": user, "role_id": role} for user in before for role in named]
        if links:
            admin.session.execute(insert(user_roles).on_conflict_do_nothing(), links)
    after = _names(admin, users)
    events = [
        audit.change(
            *(admin.actor, f"{action}_roles".upper(), "users", user),
            before={"roles": before[user]},
            after={"roles": after[user]},
            reason=reason,
        )
        for user in before
        if before[user] != after[user]
    ]
    if events:
        audit.store(admin.session, events)
    return len(events)


def _named(admin: Administrator, ids: set[uuid.UUID]) -> dict[uuid.UUID, Role]:
    found = {role.id: role for role in admin.session.scalars(select(Role).where(Role.id.in_(ids)))}
    if ids - found.keys():
        raise NotFound("There is no such role.")
    return found


def _names(admin: Administrator, users: Sequence[User]) -> dict[uuid.UUID, list[str]]:
    """Return the names of each user's roles, by the user's id."""
    held: dict[uuid.UUID, list[str]] = {user.id: [] for user in users}
    named = select(user_roles.c.user_id, Role.name).join(Role, Role.id == user_roles.c.role_id)
    for user_id, name in admin.session.execute(named.where(user_roles.c.user_id.in_(held)).order_by(Role.name)):
        held[user_id].append(name)
    return held

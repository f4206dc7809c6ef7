"""Changing accounts: one change at a time, by an administrator who may do at least as much as the changed users."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Text, cast, event, func, or_, select
from sqlalchemy.orm import Session, SessionTransaction

from ...actor import Actor
from ...errors import Forbidden, Invalid, Unauthenticated
from ...infra.identity.identity import Identity
from ..audit import service as audit
from ..models import Permission, User
from .effective_permissions import effective

TURN = 202_508_190  # the advisory lock for changes of users, roles and grants


@dataclass(frozen=True, slots=True)
class Administrator:
    """Somebody who changes accounts in a transaction, and what they may do as of its turn."""

    session: Session
    identity: Identity
    actor: Actor
    user: User
    permissions: frozenset[str]

    def require(self, permission: str) -> None:
        """Raise `Forbidden` unless the administrator has a permission."""
        self.require_all([permission], "do this")

    def require_all(self, permissions: Iterable[str], deed: str) -> None:
        """Raise `Forbidden`, which names the deed, unless the administrator has all of the permissions."""
        missing = [] if self.user.is_superuser else sorted(set(permissions) - self.permissions)
        if missing:
            raise Forbidden(f"You may not {deed} without having {', '.join(missing)} yourself.", missing=missing)

    def require_superuser(self) -> None:
        """Raise `Forbidden` unless the administrator is a superuser."""
        if not self.user.is_superuser:
            raise Forbidden("Only a superuser can change a superuser, or make another user a superuser.")

    def require_power_over(self, *users: User) -> None:
        """Raise `Forbidden` if another user may do what the administrator may not: a new password is a way in."""
        others = [user for user in users if user.id != self.user.id]
        if any(user.is_superuser for user in others):
            self.require_superuser()
        if others and not self.user.is_superuser:
            held = self.session.scalars(effective(user.id for user in others))
            self.require_all(held, "change a user with more permissions")

    def permissions_named(self, wanted: Iterable[str], field: str) -> dict[str, uuid.UUID]:
        """Return the ids of permissions by name; raise `Invalid`, which names the field, if there is one that is not.

        They may be asked for by name or by id.
        """
        asked = set(wanted)
        either = or_(Permission.name.in_(asked), cast(Permission.id, Text).in_(asked))
        found = dict(self.session.execute(select(Permission.name, Permission.id).where(either)).all())
        unknown = sorted(asked - found.keys() - {str(key) for key in found.values()})
        if unknown:
            raise Invalid({field: [f"There is no permission {', '.join(unknown)}."]})
        return found

    def note(
        self,
        action: str,
        resource: str,
        resource_id: uuid.UUID,
        *,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        **details: object,
    ) -> None:
        """Log what the administrator changed, with `before` and `after`."""
        audit.note(self.session, self.actor, action, resource, resource_id, before=before, after=after, **details)


# D35: changes of users and roles take turns.
def administrator(session: Session, identity: Identity, actor: Actor) -> Administrator:
    """Wait for this transaction's turn, and return its caller as they are by then.

    Changes of accounts are rare, and their rules look at many rows (is there another superuser, does anybody have this
    role, what does the caller have): one at a time, each sees what the one before has done. When the
    transaction has ended, in whatever way, this process asks anew about everybody.
    """
    event.listen(session, "after_transaction_end", lambda _, ended: _forget(identity, ended))
    session.execute(select(func.pg_advisory_xact_lock(TURN)))
    user = session.get(User, actor.id) if actor.id else None
    if user is None or not user.is_active or user.deleted_at is not None:
        raise Unauthenticated("This account is not active.", reason="inactive")
    return Administrator(session, identity, actor, user, frozenset(session.scalars(effective([user.id]))))


def _forget(identity: Identity, ended: SessionTransaction) -> None:
    if ended.parent is None:  # flushes end transactions too, inside of this one
        identity.forget_everybody()

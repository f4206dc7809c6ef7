"""Changing accounts: one change at a time, by an administrator who may do at least as much as the changed users."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Text, cast, event, func, or_, select
from sqlalchemy.orm import Session, SessionTransaction

from ...actor import Actor
from ...errors import Forbidden, Invalid, Unauthenticated
from ...infra.identity.identity import Identity
from ..audit import service as audit
from ..models import Permission, User
from .effective_permissions import Held, held, shortfall

TURN = 202_508_190  # the advisory lock for changes of users, roles and grants


@dataclass(frozen=True, slots=True)
class Administrator:
    """Somebody who changes accounts in a transaction. What they may do is looked up when it matters, in its turn."""

    session: Session
    identity: Identity
    actor: Actor
    user: User

    def require_all(self, permissions: Iterable[str], deed: str, until: datetime | None = None) -> None:
        """Raise `Forbidden`, which names the deed, unless the administrator has all of the permissions `until` then.

        Without a time, unless the administrator has them for good.
        """
        _require(self.session, self.user, dict.fromkeys(permissions, until), deed)

    def require_superuser(self) -> None:
        """Raise `Forbidden` unless the administrator is a superuser."""
        _require_superuser(self.user)

    def require_power_over(self, *users: User) -> None:
        """Raise `Forbidden` if another user may do what the administrator may not."""
        require_power(self.session, self.user, *users)

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


# D105: power over somebody, and over a permission, is having as much for as long.
def require_power(session: Session, by: User | None, *users: User) -> None:
    """Raise `Forbidden` if any of the users, besides `by`, may do what `by` may not, or may do it for longer.

    A new password, a reset token or an ended session is a way to what somebody may do, or to keep them from doing it.
    """
    others = [user for user in users if by is None or user.id != by.id]
    if any(user.is_superuser for user in others):
        _require_superuser(by)
    if others:
        _require(session, by, held(session, [user.id for user in others]), "change a user with more permissions")


def _require_superuser(by: User | None) -> None:
    if by is None or not by.is_superuser:
        raise Forbidden("Only a superuser can change a superuser, or make another user a superuser.")


def _require(session: Session, by: User | None, wanted: Held, deed: str) -> None:
    if not wanted or (by is not None and by.is_superuser):
        return
    mine = held(session, [by.id]) if by else {}
    missing = shortfall(mine, wanted)
    if missing:
        absent = [name for name in missing if name not in mine]
        some = f"{', '.join(absent or missing)} yourself" + ("" if absent else " for as long")
        raise Forbidden(f"You may not {deed} without having {some}.", missing=missing)


def take_turn(session: Session) -> None:
    """Wait for the turn of this transaction among all that change accounts."""
    session.execute(select(func.pg_advisory_xact_lock(TURN)))


# D35: changes of users and roles take turns.
def administrator(session: Session, identity: Identity, actor: Actor) -> Administrator:
    """Wait for this transaction's turn, and return its caller as they are by then.

    Changes of accounts are rare, and their rules look at many rows (is there another superuser, does anybody have this
    role, what does the caller have): one at a time, each sees what the one before has done. When the
    transaction has ended, in whatever way, this process asks anew about everybody.
    """
    event.listen(session, "after_transaction_end", lambda _, ended: _forget(identity, ended))
    take_turn(session)
    user = session.get(User, actor.id) if actor.id else None
    if user is None or not user.is_active or user.deleted_at is not None:
        raise Unauthenticated("This account is not active.", reason="inactive")
    return Administrator(session, identity, actor, user)


def _forget(identity: Identity, ended: SessionTransaction) -> None:
    if ended.parent is None:  # flushes end transactions too, inside of this one
        identity.forget_everybody()

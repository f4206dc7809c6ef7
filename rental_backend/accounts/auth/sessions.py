"""Sessions: who is signed in where, and how that is ended. A session is a refresh token with its access tokens."""

import uuid

from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from ...actor import Actor
from ...errors import NotFound
from ...infra.identity import break_glass
from ...infra.identity.identity import Identity
from ..access.authority import require_power
from ..audit import service as audit
from ..models import RefreshToken, User

LIVE = (RefreshToken.is_active, RefreshToken.expires_at > func.now())
MOST = 1000


def sessions_of(session: Session, user_id: uuid.UUID) -> list[RefreshToken]:
    """Return the sessions of a user that have not ended, last used first. Raises `NotFound` for no user."""
    find_holder(session, user_id)
    live = select(RefreshToken).where(RefreshToken.user_id == user_id, *LIVE)
    used = func.coalesce(RefreshToken.last_used_at, RefreshToken.created_at)
    return list(session.scalars(live.order_by(used.desc(), RefreshToken.id).limit(MOST)))


def find_holder(session: Session, user_id: uuid.UUID) -> User:
    """Return a user, or raise `NotFound`."""
    user = session.get(User, user_id)
    if user is None or user.deleted_at is not None:
        raise NotFound("There is no such user.")
    return user


def find_subordinate(session: Session, actor: Actor, user_id: uuid.UUID) -> User:
    """Return the actor, or a user who may do no more than they. Raises `NotFound` or `Forbidden`."""
    user = find_holder(session, user_id)
    require_power(session, session.get(User, actor.id) if actor.id else None, user)
    return user


def sign_out(identity: Identity, actor: Actor, user_id: uuid.UUID, session_id: uuid.UUID) -> int:
    """End a session, if it has not ended yet; return how many were ended. Its tokens are refused in either case.

    The break-glass account has no sessions in the database, and can sign out while that is away.
    """
    ended: list[uuid.UUID] = []
    if user_id != break_glass.ID:
        with identity.database.transaction() as session:
            ended = end(session, actor, "SIGN_OUT", user_id, only=session_id)
    identity.end_sessions([session_id])
    return len(ended)


def revoke(identity: Identity, actor: Actor, user_id: uuid.UUID, session_id: uuid.UUID) -> int:
    """End one session of a user; return 1. Raises `NotFound` if they have none of that id, else as `revoke_all`."""
    with identity.database.transaction() as session:
        find_subordinate(session, actor, user_id)
        ended = end(session, actor, "SESSION_REVOKED", user_id, only=session_id)
        if not ended:
            raise NotFound("There is no such session.")
    identity.end_sessions(ended)
    return len(ended)


def revoke_all(identity: Identity, actor: Actor, user_id: uuid.UUID, *, besides: uuid.UUID | None = None) -> int:
    """End all sessions of a user, perhaps besides one; return how many.

    Raises `NotFound` for no user, `Forbidden` for another user who may do more than the actor.
    """
    with identity.database.transaction() as session:
        find_subordinate(session, actor, user_id)
        ended = end(session, actor, "SESSIONS_REVOKED", user_id, besides=besides)
    identity.end_sessions(ended)
    return len(ended)


def end_with(session: Session, identity: Identity, actor: Actor, user_id: uuid.UUID) -> None:
    """End all sessions of a user in the caller's transaction, and let nobody in by them once it is committed."""
    ended = end(session, actor, "SESSIONS_REVOKED", user_id)
    event.listen(session, "after_commit", lambda _: identity.end_sessions(ended), once=True)


def end(
    session: Session,
    actor: Actor,
    action: str,
    user_id: uuid.UUID,
    *,
    only: uuid.UUID | None = None,
    besides: uuid.UUID | None = None,
) -> list[uuid.UUID]:
    """End all sessions of a user, `only` one or all `besides` one, and log it; return the ids of the ended sessions.

    After the commit they are to be given to `Identity.end`; until then their access tokens work for AUTH_FRESH.
    """
    ending = update(RefreshToken).where(RefreshToken.user_id == user_id, *LIVE)
    if only is not None:
        ending = ending.where(RefreshToken.id == only)
    if besides is not None:
        ending = ending.where(RefreshToken.id != besides)
    ended = sorted(session.scalars(ending.values(is_active=False).returning(RefreshToken.id)))
    if ended:
        audit.note(session, actor, action, "users", user_id, sessions=[str(each) for each in ended])
    return ended

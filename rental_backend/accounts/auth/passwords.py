"""New passwords: which are good enough, and how one gets them: by the old one, a token, or an administrator.

There is no mailer. A user who has forgotten the password says so, which is logged; an administrator, having made sure
who it is, makes a reset token and hands it over. Every new password ends the user's other sessions and reset tokens.
"""

import secrets
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ...actor import Actor
from ...errors import AppError, Conflict, Forbidden, Invalid, TooManyAttempts, Unauthenticated
from ...infra.identity.identity import Identity
from ...infra.identity.login_throttle import account
from ...infra.identity.password_strength import strength
from ..access.authority import require_power, take_turn
from ..access.effective_permissions import held
from ..audit import service as audit
from ..models import PasswordResetToken, User
from . import sessions
from .service import InvalidCredentials, digest, find_user

SHORTEST, LONGEST = 8, 1000  # NIST SP 800-63B, 5.1.1.2 (the upper one spares the hasher)
TOKEN_LIFE = timedelta(hours=1)
ENOUGH = 6.0  # a million guesses: of ten in a quarter of an hour, from each of many addresses, for years
RESET = "USER_RESET_PASSWORD"


class InvalidResetToken(AppError):
    """The reset token was used, has expired, or never was one (400)."""

    status, code, title = 400, "invalid_reset_token", "Reset token refused"


@dataclass(frozen=True, slots=True)
class ResetToken:
    """A way to a new password, shown this once."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Chosen:
    """A password that an administrator chose for somebody, and its hash; neither is printed."""

    plain: str = field(repr=False)
    hashed: str = field(repr=False)

    def require_good_for(self, username: str, email: str, full_name: str) -> None:
        """Raise `Invalid` if it is no good for a user of that name and address."""
        require_good(self.plain, username, email, full_name, field="password")


# D110: a password is as good as the guesses it takes.
def require_good(password: str, *known: str, field: str = "new_password") -> None:
    """Raise `Invalid`, naming the field, for a password that is too short or among the first to be guessed (BR-L7).

    `known` are the names and the address of its user, which also tells where they work.
    """
    faults = []
    if not SHORTEST <= len(password) <= LONGEST:
        faults.append(f"Must have {SHORTEST} to {LONGEST} characters.")
    elif strength(password, known) < ENOUGH:
        faults.append("Is easy to guess. Take several words, or letters and digits that follow no pattern.")
    if "\0" in password or any("\ud800" <= letter <= "\udfff" for letter in password):
        faults.append("Must be text.")
    if faults:
        raise Invalid({field: faults})


def change(identity: Identity, actor: Actor, current: str, new: str, *, keep: uuid.UUID) -> None:
    """Change the caller's own password and end their sessions besides `keep`.

    Raises `InvalidCredentials` for a wrong current one, which counts as a failed sign-in.
    """
    with identity.database.reading() as session:
        user = session.get(User, actor.id)
    if user is None:
        raise Unauthenticated("This account is not active.", reason="inactive")
    require_good(new, *_known(user))
    throttle, counted = identity.throttle, account(user.id, user.username)
    with identity.passwords.reserve(), throttle.attempt(user.username, actor.address):
        with throttle.guess(counted, actor.address) as wait:
            if wait:
                raise TooManyAttempts(wait)
            if not identity.passwords.verify(user.password, current):
                raise InvalidCredentials("The current password is wrong.")
        hashed = identity.passwords.hash(new)
    with identity.final_transaction() as session:
        ended = _replace(session, actor, "PASSWORD_CHANGED", user, hashed, besides=keep)
    identity.end_sessions(ended)


def impose(identity: Identity, actor: Actor, user_id: uuid.UUID, new: str) -> None:
    """Give a user another password and end their sessions. Raises `NotFound`, and `Forbidden` if they may do more."""
    with identity.database.reading() as session:
        user = sessions.find_subordinate(session, actor, user_id)
    require_good(new, *_known(user), field="password")
    with identity.passwords.reserve():
        hashed = identity.passwords.hash(new)
    with identity.final_transaction() as session:
        take_turn(session)
        sessions.find_subordinate(session, actor, user_id)  # again: they may do more since the hashing began
        ended = _replace(session, actor, "PASSWORD_RESET", user, hashed)
    identity.end_sessions(ended)


def chosen(identity: Identity, password: str) -> Chosen:
    """Return a password of a form with its hash; raises `Invalid` for one that is good for nobody.

    To be called before the transaction, which would otherwise hold its connection while the password is hashed.
    """
    require_good(password, field="password")
    with identity.passwords.reserve():
        return Chosen(password, identity.passwords.hash(password))


# D34: there is no mailer.
def ask(session: Session, identity: Identity, actor: Actor, name: str) -> None:
    """Log that somebody has forgotten their password, or says so; as much is done for a name that nobody has.

    What comes too often for an account, by whatever name, is not logged any more.
    """
    user = find_user(session, name)
    if identity.throttle.spend(f"forgotten {account(user.id if user else None, name)}", actor.address):
        return
    audit.note(session, actor, "PASSWORD_FORGOTTEN", "users", user.id if user else None, name=name)


def issue(session: Session, actor: Actor, user_id: uuid.UUID) -> ResetToken:
    """Return a token by which a user can set a new password, once and for an hour; earlier ones end.

    Raises `NotFound`, and `Forbidden` if the user may do more than the actor.
    """
    take_turn(session)
    user = sessions.find_subordinate(session, actor, user_id)
    void_tokens(session, user.id)
    made = ResetToken(f"{user.id.hex}.{secrets.token_urlsafe(32)}", datetime.now(UTC) + TOKEN_LIFE)
    kept = {"token": _bound(session, made.token, user), "user_id": user.id, "expires_at": made.expires_at}
    session.add(PasswordResetToken(**kept, created_by=actor.name))
    audit.note(session, actor, "PASSWORD_RESET_ISSUED", "users", user.id)
    return made


def redeem(identity: Identity, actor: Actor, token: str, new: str) -> None:
    """Set a new password by a reset token, and end all sessions. Raises `InvalidResetToken`.

    A new password that is refused leaves the token as it is.
    """
    with identity.passwords.reserve():
        with identity.database.reading() as session:
            user, _ = _redeemable(session, token)
        require_good(new, *_known(user))
        hashed = identity.passwords.hash(new)
    with identity.final_transaction() as session:
        take_turn(session)
        _, kept = _redeemable(session, token)  # again: somebody else was quicker, or the user is not who they were
        kept.is_used = True
        actor = replace(actor, id=user.id, name=user.username)
        ended = _replace(session, actor, "PASSWORD_RESET", user, hashed)
    identity.end_sessions(ended)


def _known(user: User) -> tuple[str, str, str]:
    """Return what everybody knows of a user."""
    return user.username, user.email, user.full_name or ""


# D106: a reset token is good for the account that it was made for, as that was then.
def _redeemable(session: Session, token: str) -> tuple[User, PasswordResetToken]:
    """Return whose token it is, and what is kept of it; raise `InvalidResetToken` unless it is good.

    It is good while the account is what it was, and who made the token could make it still.
    """
    live = (PasswordResetToken.is_used.is_(False), PasswordResetToken.expires_at > func.now())
    user = session.get(User, _named(token), populate_existing=True)
    if user is not None and user.is_active and user.deleted_at is None:
        this = select(PasswordResetToken).where(*live, PasswordResetToken.token == _bound(session, token, user))
        kept = session.scalars(this).one_or_none()
        if kept is not None and _may_reset(session, kept.created_by, user):
            return user, kept
    raise InvalidResetToken("This reset token was used or has expired.")


def _named(token: str) -> uuid.UUID:
    """Return the id of the user whom a token names, or one that nobody has."""
    try:
        return uuid.UUID(hex=token.partition(".")[0])
    except ValueError:
        return uuid.UUID(int=0)


def _bound(session: Session, token: str, user: User) -> str:
    """Return what is kept of a token: a digest of it and of what the account is, by name, address and rights."""
    rights = sorted(f"{name} {ends}" for name, ends in held(session, [user.id]).items())
    return digest("\0".join((token, user.username, user.email, str(user.is_superuser), *rights)))


def _may_reset(session: Session, name: str | None, user: User) -> bool:
    """Tell whether somebody, by user name, may reset the password of a user now."""
    by = session.scalars(select(User).where(User.username == name, User.is_active, User.deleted_at.is_(None))).first()
    if by is None or not (by.is_superuser or RESET in held(session, [by.id])):
        return False
    try:
        require_power(session, by, user)
    except Forbidden:
        return False
    return True


def _replace(
    session: Session, actor: Actor, action: str, user: User, hashed: str, *, besides: uuid.UUID | None = None
) -> list[uuid.UUID]:
    """Store a new hash in place of the one that was looked at; return the sessions that ended with it."""
    mine = update(User).where(User.id == user.id, User.password == user.password, User.deleted_at.is_(None))
    if session.scalar(mine.values(password=hashed, updated_by=actor.name).returning(User.id)) is None:
        raise Conflict("The password was changed by somebody else meanwhile.")
    void_tokens(session, user.id)
    audit.note(session, actor, action, "users", user.id)
    return sessions.end(session, actor, "SESSIONS_REVOKED", user.id, besides=besides)


def void_tokens(session: Session, user_id: uuid.UUID) -> None:
    """Let no reset token of a user set a password any more."""
    unused = (PasswordResetToken.user_id == user_id, PasswordResetToken.is_used.is_(False))
    session.execute(update(PasswordResetToken).where(*unused).values(is_used=True))

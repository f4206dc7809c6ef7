"""Signing in and staying signed in; who has which permissions."""

import hashlib
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.orm import Session

from ...actor import Actor
from ...errors import AppError, Unauthenticated
from ...infra.identity.identity import Identity
from ...infra.identity.login_throttle import account
from ..access.effective_permissions import effective, lasting
from ..audit import service as audit
from ..models import LoginAttempt, RefreshToken, Role, User, user_roles


class InvalidCredentials(AppError):
    """The user name and password do not go together (400: a 401 would make the frontend reload its page)."""

    status, code, title = 400, "invalid_credentials", "Sign-in failed"
    keeps_transaction = True


@dataclass(frozen=True, slots=True)
class Profile:
    """A user with their roles (by name) and effective permissions."""

    user: User
    roles: tuple[str, ...]
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The tokens of a sign-in or refresh; `expires_at` is in seconds since the epoch; `offline`: nobody was asked."""

    access_token: str
    expires_at: int
    expires_in: int
    refresh_token: str | None = None
    profile: Profile | None = None
    offline: bool = False


def sign_in(identity: Identity, actor: Actor, username: str, password: str) -> SignedIn:
    """Return tokens for a user name or e-mail and its password, or raise `InvalidCredentials`; both are recorded.

    Raises `TooManyAttempts`, `Busy` at once if too many others are signing in, and `ServiceUnavailable` if nobody can
    tell whether it is the password. None fits where too many were tried under the other name of the account. It is
    checked between two short transactions, so that slow hashing holds no connection.
    """
    with identity.passwords.reserve(), identity.throttle.attempt(username, actor.address):
        with identity.database.reading() as session:
            user = find_user(session, username)
        counted = account(user.id if user else None, username)
        with identity.throttle.guess(counted, actor.address) as wait:
            stored = user.password if user and not wait else None
            fits = identity.passwords.verify(stored, password)
            new = identity.passwords.upgraded(stored, password) if stored and fits else stored
            fitting = user.id if user and fits else None
            with identity.final_transaction() as session:
                return _answer(session, identity, actor, typed=username, user_id=fitting, verified=stored, upgraded=new)


def _answer(
    session: Session,
    identity: Identity,
    actor: Actor,
    *,
    typed: str,
    user_id: uuid.UUID | None,
    verified: str | None,
    upgraded: str | None,
) -> SignedIn:
    """Record a try, and let in the user whose password was `verified`, unless it was changed meanwhile."""
    unchanged = select(User).where(User.id == user_id, User.password == verified, User.deleted_at.is_(None))
    user = session.scalars(unchanged.with_for_update()).one_or_none() if user_id else None
    reason = None if user and user.is_active else "inactive" if user else "wrong credentials"
    session.add(
        LoginAttempt(
            email=typed[:255],
            ip_address=actor.address,
            user_agent=actor.user_agent,
            success=reason is None,
            failure_reason=reason,
        )
    )
    if user is None or reason is not None:
        raise InvalidCredentials("The user name or password is wrong.")
    user.last_login = datetime.now(UTC)
    user.password = upgraded or user.password
    return _admit(session, identity, replace(actor, id=user.id, name=user.username), user)


def _admit(session: Session, identity: Identity, actor: Actor, user: User) -> SignedIn:
    """Begin a session and give out its tokens."""
    profile, begun, scopes = profile_of(session, user), uuid.uuid4(), scopes_of(session, user.id)
    refresh, until = identity.tokens.sign(
        "refresh",
        user.id,
        user.username,
        session=begun,
        scopes=scopes,
        superuser=user.is_superuser,
    )
    session.add(
        RefreshToken(
            id=begun,
            token=digest(refresh),
            user_id=user.id,
            expires_at=datetime.fromtimestamp(until, UTC),
            last_used_at=user.last_login,
            ip_address=actor.address,
            user_agent=actor.user_agent,
        )
    )
    audit.note(session, actor, "SIGN_IN", "sessions", begun)
    return replace(_access(identity, user, begun, scopes), refresh_token=refresh, profile=profile)


def _access(identity: Identity, user: User, session_id: uuid.UUID, scopes: frozenset[str]) -> SignedIn:
    """Return a new access token of a session."""
    access, expires = identity.tokens.sign(
        "access",
        user.id,
        user.username,
        session=session_id,
        scopes=scopes,
        superuser=user.is_superuser,
    )
    return SignedIn(access, expires, identity.tokens.lifetimes["access"])


def refresh(session: Session, identity: Identity, token: str, *, noted: bool = True) -> SignedIn:
    """Return a new access token for a refresh token that was given out and not revoked; it stays as it is.

    That it was used is `noted`, where anything may be written.
    """
    claims = identity.tokens.verify(token, "refresh")
    row, holder = RefreshToken, RefreshToken.user_id
    live = (row.token == digest(token), row.is_active, row.expires_at > func.now())
    same = (row.id == claims.session, holder == claims.user_id)
    using = update(row).where(*live, *same).values(last_used_at=func.now()).returning(holder)
    used = session.scalar(using if noted else select(holder).where(*live, *same))
    user = session.get(User, used) if used else None
    if user is None or not user.is_active or user.deleted_at is not None:
        raise Unauthenticated("The refresh token is not valid any more.", reason="revoked")
    return _access(identity, user, claims.session, scopes_of(session, user.id))


def find_user(session: Session, name: str) -> User | None:
    """Return the user of that name, or else of that e-mail address, whatever the case of the letters."""
    wanted = name.lower()
    by_name = func.lower(User.username) == wanted
    statement = select(User).where(or_(by_name, func.lower(User.email) == wanted), User.deleted_at.is_(None))
    return session.scalars(statement.order_by(case((by_name, 0), else_=1)).limit(1)).first()


def permissions_of(session: Session, user_id: uuid.UUID) -> tuple[str, ...]:
    """Return the names of a user's effective permissions, from active roles and direct grants, in order."""
    return tuple(sorted(session.scalars(effective([user_id]))))


def scopes_of(session: Session, user_id: uuid.UUID) -> frozenset[str]:
    """Return the permissions that a token says a user has, in case nobody else can: none that ends on a date."""
    return frozenset(session.scalars(lasting(user_id)))


def profile_of(session: Session, user: User) -> Profile:
    """Return a user with their roles and permissions."""
    roles = select(Role.name).join(user_roles, user_roles.c.role_id == Role.id).where(user_roles.c.user_id == user.id)
    return Profile(user, tuple(session.scalars(roles.order_by(Role.name))), permissions_of(session, user.id))


def own_profile(session: Session, user_id: uuid.UUID) -> Profile:
    """Return a caller's own profile; raises `Unauthenticated` if they were deleted since the last look-up."""
    user = session.get(User, user_id)
    if user is None:
        raise Unauthenticated("This account is not active.", reason="inactive")
    return profile_of(session, user)


def create_administrator(session: Session, identity: Identity, username: str, email: str, password: str) -> bool:
    """Create the first superuser; return False, changing nothing, if there is any user already."""
    if session.scalars(select(User.id).limit(1)).first():
        return False
    session.add(
        User(
            username=username,
            email=email,
            password=identity.passwords.hash(password),
            full_name="Administrator",
            first_name="Administrator",
            is_superuser=True,
            is_verified=True,
            user_type="SUPERADMIN",
        )
    )
    return True


def digest(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()

"""Signing in and staying signed in; who has which permissions."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import case, func, or_, select, union
from sqlalchemy.orm import Session

from ..errors import AppError, Unauthenticated
from ..infra.identity import Identity
from ..infra.offline import Account
from .models import LoginAttempt, Permission, RefreshToken, Role, User, UserPermission, role_permissions, user_roles


class InvalidCredentials(AppError):
    """The user name and password do not go together (400: a 401 would make the frontend reload its page)."""

    status, code, title = 400, "invalid_credentials", "Sign-in failed"
    keeps_transaction = True


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sign-in comes from."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A user with his roles (by name) and effective permissions."""

    user: User
    roles: tuple[str, ...]
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The tokens of a sign-in or refresh; `expires_at` is in seconds since the epoch."""

    access_token: str
    expires_at: int
    expires_in: int
    refresh_token: str | None = None
    profile: Profile | None = None


def sign_in(identity: Identity, username: str, password: str, origin: Origin) -> SignedIn:
    """Return tokens for a user name or e-mail and its password, or raise `InvalidCredentials`; both are recorded.

    The password is checked between two short transactions, so that slow hashing holds no connection.
    """
    with identity.database.reading() as session:
        user = find_user(session, username)
    fits = identity.passwords.verify(user.password if user else None, password)
    upgraded = (
        identity.passwords.hash(password) if user and fits and identity.passwords.outdated(user.password) else None
    )
    with identity.database.transaction() as session:
        reason = None if user and fits and user.is_active else "inactive" if user and fits else "wrong credentials"
        session.add(
            LoginAttempt(
                email=username[:255],
                ip_address=origin.address,
                user_agent=origin.user_agent,
                success=reason is None,
                failure_reason=reason,
            )
        )
        if user is None or reason is not None:
            raise InvalidCredentials("The user name or password is wrong.")
        return _admit(session, identity, session.merge(user, load=False), upgraded, origin)


def _admit(session: Session, identity: Identity, user: User, upgraded: str | None, origin: Origin) -> SignedIn:
    """Give out tokens and remember the refresh token."""
    profile = profile_of(session, user)
    scopes = frozenset(profile.permissions)
    access, expires = identity.tokens.sign("access", user.id, user.username, scopes=scopes, superuser=user.is_superuser)
    refresh, until = identity.tokens.sign("refresh", user.id, user.username)
    session.add(
        RefreshToken(
            token=_digest(refresh),
            user_id=user.id,
            expires_at=datetime.fromtimestamp(until, UTC),
            ip_address=origin.address,
            user_agent=origin.user_agent,
        )
    )
    user.last_login = datetime.now(UTC)
    user.password = upgraded or user.password
    return SignedIn(access, expires, identity.tokens.lifetimes["access"], refresh, profile)


def refresh(session: Session, identity: Identity, token: str) -> SignedIn:
    """Return a new access token for a refresh token that was given out and not revoked; it stays as it is."""
    claims = identity.tokens.verify(token, "refresh")
    user = session.scalars(
        select(User)
        .join(RefreshToken, RefreshToken.user_id == User.id)
        .where(RefreshToken.token == _digest(token), RefreshToken.is_active, RefreshToken.expires_at > func.now())
    ).one_or_none()
    if user is None or not user.is_active or user.deleted_at is not None or user.id != claims.user_id:
        raise Unauthenticated("The refresh token is not valid any more.", reason="revoked")
    scopes = frozenset(permissions_of(session, user.id))
    access, expires = identity.tokens.sign("access", user.id, user.username, scopes=scopes, superuser=user.is_superuser)
    return SignedIn(access, expires, identity.tokens.lifetimes["access"])


def find_user(session: Session, name: str) -> User | None:
    """Return the user of that name, or else of that e-mail address, whatever the case of the letters."""
    wanted = name.lower()
    by_name = func.lower(User.username) == wanted
    statement = select(User).where(or_(by_name, func.lower(User.email) == wanted), User.deleted_at.is_(None))
    return session.scalars(statement.order_by(case((by_name, 0), else_=1)).limit(1)).first()


def permissions_of(session: Session, user_id: uuid.UUID) -> tuple[str, ...]:
    """Return the names of a user's effective permissions, those of his active roles and his own, in order."""
    by_role = (
        select(Permission.name)
        .join(role_permissions, role_permissions.c.permission_id == Permission.id)
        .join(user_roles, user_roles.c.role_id == role_permissions.c.role_id)
        .join(Role, Role.id == user_roles.c.role_id)
        .where(user_roles.c.user_id == user_id, Role.is_active, Permission.is_active)
    )
    own = (
        select(Permission.name)
        .join(UserPermission, UserPermission.permission_id == Permission.id)
        .where(
            UserPermission.user_id == user_id,
            Permission.is_active,
            or_(UserPermission.expires_at.is_(None), UserPermission.expires_at > func.timezone("UTC", func.now())),
        )
    )
    return tuple(sorted(session.scalars(union(by_role, own))))


def profile_of(session: Session, user: User) -> Profile:
    """Return a user with his roles and permissions."""
    roles = select(Role.name).join(user_roles, user_roles.c.role_id == Role.id).where(user_roles.c.user_id == user.id)
    return Profile(user, tuple(session.scalars(roles.order_by(Role.name))), permissions_of(session, user.id))


def own_profile(session: Session, user_id: uuid.UUID) -> Profile:
    """Return a caller's own profile; raises `Unauthenticated` if he was deleted since he was last looked up."""
    user = session.get(User, user_id)
    if user is None:
        raise Unauthenticated("This account is not active.", reason="inactive")
    return profile_of(session, user)


def load_account(session: Session, user_id: uuid.UUID) -> Account | None:
    """Return what the identity door needs to know of a user, or None if there is none."""
    user = session.get(User, user_id)
    if user is None or user.deleted_at is not None:
        return None
    permissions = frozenset() if user.is_superuser else frozenset(permissions_of(session, user_id))
    return Account(user.id, user.username, user.is_active, user.is_superuser, permissions)


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


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

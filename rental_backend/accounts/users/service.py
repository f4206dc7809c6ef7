"""The rules of users: who makes, changes, switches off and deletes whom."""

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain, count
from typing import Any, Literal, TypedDict

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from ...actor import Actor
from ...errors import Conflict, Forbidden, NotFound
from ..access.authority import Administrator
from ..audit import service as audit
from ..auth import passwords, sessions
from ..auth.passwords import Chosen
from ..models import User, UserType
from . import grants
from . import role_assignments as memberships

LOGGED = (
    *("username", "email", "full_name", "first_name", "last_name", "phone", "bio", "avatar_url"),
    *("user_type", "is_superuser", "is_active", "is_verified"),
)
PLAIN = {"full_name", "first_name", "last_name", "phone", "bio", "avatar_url", "is_verified"}
OWN = PLAIN - {"is_verified"}
UNIQUE: tuple[Literal["username", "email"], ...] = ("username", "email")
LONGEST_NAME = 50


class OwnValues(TypedDict, total=False):
    """What users can say of themselves; a change holds only what it changes."""

    email: str
    full_name: str
    first_name: str | None
    last_name: str | None
    phone: str | None
    bio: str | None
    avatar_url: str | None


class StatusValues(TypedDict, total=False):
    """Whether a user can sign in, and whether their address is verified."""

    is_active: bool
    is_verified: bool


class UserValues(OwnValues, total=False):
    """What administrators can say of a user; a change holds only what it changes."""

    username: str
    user_type: UserType
    is_superuser: bool
    is_active: bool
    role_id: uuid.UUID | None
    direct_permissions: list[str] | None


def create(admin: Administrator, password: Chosen, fields: UserValues) -> User:
    """Create a user with a password, a role and grants; without a user name one is made of the address.

    Raises `Conflict` if the name or address is in use, `Forbidden` for what the administrator does not have.
    """
    fields = {"username": _free_username(admin.session, fields["email"]), "is_active": True, **fields}
    for name in UNIQUE:
        _require_free(admin.session, name, fields[name])
    password.require_good_for(fields["username"], fields["email"], fields.get("full_name", ""))
    user = User(username=fields["username"], email=fields["email"], password=password.hashed, is_superuser=False)
    user.is_active, user.created_by = fields["is_active"], admin.actor.name
    _describe(user, fields)
    _set_type(admin, user, fields)
    user.updated_by = admin.actor.name
    admin.session.add(user)
    admin.session.flush()
    admin.note("CREATE", "users", user.id, after=_seen(user))
    _set_rights(admin, user, fields)
    return user


def change(admin: Administrator, user: User, fields: UserValues, password: Chosen | None = None) -> User:
    """Change what is given; a new password, like an end of `is_active`, ends the user's sessions."""
    before = _seen(user)
    for name in UNIQUE:
        if name in fields and fields[name] != getattr(user, name):
            _require_free(admin.session, name, fields[name], but=user.id)
            setattr(user, name, fields[name])
    _describe(user, fields)
    _set_type(admin, user, fields)
    if password is not None:
        password.require_good_for(user.username, user.email, user.full_name or "")
        user.password = password.hashed
        _end_sessions(admin, user)
    if "is_active" in fields:
        _set_active(admin, user, fields["is_active"])
    user.updated_by = admin.actor.name
    more = {"password": "changed"} if password is not None else {}
    admin.note("UPDATE", "users", user.id, before=before, after=_seen(user), **more)
    _set_rights(admin, user, fields)
    return user


def change_own(session: Session, actor: Actor, user: User, fields: OwnValues) -> User:
    """Change how one is called and reached; only an administrator changes the address that one signs in with."""
    before = _seen(user)
    if fields.get("email", user.email).lower() != user.email.lower():
        raise Forbidden("Only an administrator can change your e-mail address, because you sign in with it.")
    _describe(user, {name: value for name, value in fields.items() if name in OWN})
    user.updated_by = actor.name
    audit.note(session, actor, "UPDATE", "users", user.id, before=before, after=_seen(user))
    return user


def set_status(admin: Administrator, user: User, fields: StatusValues) -> User:
    """Switch a user on or off, or say that their address is verified."""
    before = _seen(user)
    if "is_active" in fields:
        _set_active(admin, user, fields["is_active"])
    _describe(user, fields)
    user.updated_by = admin.actor.name
    admin.note("CHANGE_STATUS", "users", user.id, before=before, after=_seen(user))
    return user


def retire(admin: Administrator, user: User) -> None:
    """Delete a user: they disappear and cannot sign in; their row stays, for what they did refers to it."""
    before = _seen(user)
    _require_dispensable(admin, user)
    user.is_active = False
    user.deleted_at, user.deleted_by = datetime.now(UTC), admin.actor.name
    _end_sessions(admin, user)
    admin.note("DELETE", "users", user.id, before=before)


def find(admin: Administrator, id: uuid.UUID) -> User:
    """Return a user for a change. Raises `NotFound`, or `Forbidden` if they may do more than the administrator."""
    return find_all(admin, [id])[0]


def find_all(admin: Administrator, ids: Iterable[uuid.UUID]) -> list[User]:
    """Return users for a change, like `find`; they stay locked until the transaction ends."""
    wanted = set(ids)
    locked = select(User).where(User.id.in_(wanted), User.deleted_at.is_(None)).order_by(User.id)
    users = list(admin.session.scalars(locked.with_for_update(key_share=True)))
    if len(users) < len(wanted):
        raise NotFound("There is no such user.")
    admin.require_power_over(*users)
    return users


def _describe(user: User, fields: Mapping[str, object]) -> None:
    """Set what has no rules; the full name follows the first and last ones, unless it is given."""
    for name in fields.keys() & PLAIN:
        setattr(user, name, fields[name])
    if fields.keys() & {"first_name", "last_name"} and not fields.get("full_name"):
        user.full_name = " ".join(filter(None, (user.first_name, user.last_name))) or user.username
    user.full_name = user.full_name or user.username


def _set_type(admin: Administrator, user: User, fields: UserValues) -> None:
    """Set the user type; SUPERADMIN is another word for superuser, and nothing else is."""
    kind = fields.get("user_type")
    superuser = fields.get("is_superuser", user.is_superuser if kind is None else kind is UserType.SUPERADMIN)
    if superuser != user.is_superuser:
        admin.require_superuser()
        if not superuser:
            _require_other_superuser(admin, user)
    user.is_superuser = superuser
    if superuser:
        user.user_type = UserType.SUPERADMIN
    elif kind is not None or user.user_type in (None, UserType.SUPERADMIN):
        user.user_type = kind or UserType.USER


def _set_rights(admin: Administrator, user: User, fields: UserValues) -> None:
    if (role := fields.get("role_id")) is not None:
        memberships.assign(admin, [user], [role], "replace")
    if (granted := fields.get("direct_permissions")) is not None:
        grants.replace(admin, user, granted)


def _set_active(admin: Administrator, user: User, active: bool) -> None:
    if active == user.is_active:
        return
    if not active:
        _require_dispensable(admin, user)
        _end_sessions(admin, user)
    user.is_active = active


def _require_dispensable(admin: Administrator, user: User) -> None:
    """Nobody locks themselves out; so nobody locks out the last superuser, which only another superuser could do."""
    if user.id == admin.user.id:
        raise Conflict("You cannot disable or delete your own account.")


def _require_other_superuser(admin: Administrator, user: User) -> None:
    others = exists().where(User.is_superuser, User.is_active, User.deleted_at.is_(None), User.id != user.id)
    if not admin.session.scalar(select(others)):
        raise Conflict(f"{user.username} is the last active superuser, and one is needed.")


def _end_sessions(admin: Administrator, user: User) -> None:
    """Leave a user no way in that they had so far, but for their password."""
    passwords.void_tokens(admin.session, user.id)
    sessions.end_with(admin.session, admin.identity, admin.actor, user.id)


def _require_free(session: Session, field: str, value: str, but: uuid.UUID | None = None) -> None:
    column = func.lower(getattr(User, field))
    if session.scalar(select(User.id).where(column == value.lower(), User.id.is_distinct_from(but)).limit(1)):
        raise Conflict(f"The {field} {value} is already in use.", errors={field: ["Already in use."]})


def _free_username(session: Session, email: str) -> str:
    """Return the first free user name like the one before the @."""
    wanted = re.sub(r"[^a-z0-9._-]", "", email.partition("@")[0].lower())[: LONGEST_NAME - 8] or "user"
    lowered = func.lower(User.username)
    taken = set(session.scalars(select(lowered).where(lowered.startswith(wanted, autoescape=True))))
    return next(name for name in chain([wanted], (f"{wanted}{number}" for number in count(2))) if name not in taken)


def _seen(user: User) -> dict[str, Any]:
    """Return what the audit log says of a user: never their password."""
    return {name: getattr(user, name) for name in LOGGED}

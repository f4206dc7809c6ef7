"""Sign-in, refresh, sign-out, the signed-in user, sessions and passwords."""

import uuid
from dataclasses import replace
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from ...actor import Actor
from ...errors import Forbidden, TooManyAttempts, Unauthenticated, Unavailable
from ...infra import AUTH
from ...infra.runtime.modes import Mode
from ...web.endpoint.context import current_services, say_degraded
from ...web.endpoint.needs import PUBLIC, SIGNED_IN, Needs
from ...web.endpoint.pipeline import endpoint
from ...web.endpoint.principal import Principal, claims_of
from . import offline_sign_in as fallback
from . import passwords, service, sessions
from . import throttle_audit as throttled
from .schemas import (
    Credentials,
    EndedSchema,
    Forgotten,
    Keeping,
    MessageSchema,
    NewPassword,
    PasswordChange,
    Redemption,
    RefreshedSchema,
    RefreshRequest,
    ResetTokenSchema,
    SessionSchema,
    SignedInSchema,
    SigningOut,
    UserSchema,
)

ACCOUNTS = Needs(AUTH, touches=("accounts",))  # refuse rather than guess

SIGN_INS = Needs(AUTH, touches=("sign-ins",))  # which nobody is shown by a stale answer
TO_SIGN_IN = (Mode.NORMAL, Mode.EMERGENCY)  # then with the break-glass account

bp = Blueprint("auth", __name__, url_prefix="/api/auth")
users = Blueprint("sessions", __name__, url_prefix="/api/users")


@bp.post("/login")
@endpoint(
    needs=SIGN_INS,
    permission=PUBLIC,
    accepts=Credentials(),
    returns=SignedInSchema(),
    modes=TO_SIGN_IN,
    hashes=True,
    secret=True,
    raises=(service.InvalidCredentials, TooManyAttempts),
)
def login(actor: Actor, username: str, password: str, remember_me: bool = False) -> service.SignedIn:  # noqa: ARG001
    """Sign in with a user name and a password.

    Wrong credentials are 400, too many attempts 429, an outage is 503: nobody signs in from memory.
    """
    with throttled.noted(current_services(), actor, username, "sign in"):
        return _marked(fallback.sign_in(current_services(), actor, username, password))


@bp.post("/refresh")
@endpoint(
    needs=Needs(optional=(AUTH,)),
    permission=PUBLIC,
    accepts=RefreshRequest(),
    returns=RefreshedSchema(),
    modes=tuple(Mode),
    secret=True,
    raises=(Unauthenticated, Unavailable),
)
def refresh(actor: Actor, refresh_token: str) -> service.SignedIn:
    """Exchange a refresh token for a new access token.

    During an outage the signature of the refresh token is enough, for a limited time.
    """
    return _marked(fallback.refresh(current_services(), actor, refresh_token))


def _marked(signed_in: service.SignedIn) -> service.SignedIn:
    """Mark the answer as degraded if the accounts were not asked, even in the second before the breaker opens."""
    if signed_in.offline:
        say_degraded("offline")
    return signed_in


@bp.post("/logout")
@endpoint(
    needs=SIGN_INS,
    permission=PUBLIC,
    accepts=SigningOut(),
    returns=MessageSchema(),
    modes=TO_SIGN_IN,
    raises=(Unauthenticated,),
)
def logout(actor: Actor, refresh_token: str | None = None) -> dict[str, str]:
    """Sign out.

    The session of the refresh token ends, or without one the session of the access token. Signing out twice is no
    error.
    """
    identity = current_services().identity
    claims = identity.tokens.verify(refresh_token, "refresh") if refresh_token else claims_of(request, identity)
    actor = replace(actor, id=claims.user_id, name=claims.username)
    sessions.sign_out(identity, actor, claims.user_id, claims.session)
    return {"message": "Signed out."}


@bp.get("/me")
@endpoint(
    needs=Needs(AUTH, stale_for=1800, touches=("accounts",)),
    permission=SIGNED_IN,
    returns=UserSchema(),
    per_caller=True,
)
def me(session: Session, principal: Principal) -> service.Profile:
    """Show the signed-in user with roles and permissions."""
    return service.own_profile(session, principal.id)


@bp.post("/forgot-password")
@endpoint(
    needs=ACCOUNTS,
    permission=PUBLIC,
    accepts=Forgotten(),
    returns=MessageSchema(),
    status=202,
    raises=(TooManyAttempts,),
)
def forgot_password(session: Session, actor: Actor, username: str) -> dict[str, str]:
    """Ask the administrators for a password reset. The answer is the same whether the user exists or not."""
    with throttled.noted(current_services(), actor, username, "forget a password"):
        current_services().identity.throttle.admit(f"forgotten {username}", actor.address)
    passwords.ask(session, current_services().identity, actor, username)
    return {"message": "An administrator can now give you a reset token, good for an hour."}


@bp.post("/reset-password")
@endpoint(
    needs=ACCOUNTS,
    permission=PUBLIC,
    accepts=Redemption(),
    returns=MessageSchema(),
    hashes=True,
    raises=(passwords.InvalidResetToken, Unauthenticated, TooManyAttempts),
)
def reset_password(actor: Actor, token: str, new_password: str) -> dict[str, str]:
    """Set a new password with a reset token. The token is used up, and all sessions of the user end."""
    passwords.redeem(current_services().identity, actor, token, new_password)
    return {"message": "The password was changed. Sign in with it."}


@users.post("/me/change-password")
@endpoint(
    needs=ACCOUNTS,
    permission=SIGNED_IN,
    accepts=PasswordChange(),
    returns=MessageSchema(),
    hashes=True,
    raises=(service.InvalidCredentials, TooManyAttempts),
)
def change_password(principal: Principal, actor: Actor, current_password: str, new_password: str) -> dict[str, str]:
    """Change the password of the signed-in user.

    All other sessions of the user end. A wrong current password is 400.
    """
    with throttled.noted(current_services(), actor, principal.username, "change a password"):
        passwords.change(current_services().identity, actor, current_password, new_password, keep=principal.session)
    return {"message": "The password was changed."}


@users.post("/<uuid:user_id>/reset-password")
@endpoint(needs=ACCOUNTS, permission="USER_RESET_PASSWORD", accepts=NewPassword(), returns=MessageSchema(), hashes=True)
def impose_password(actor: Actor, user_id: uuid.UUID, password: str) -> dict[str, str]:
    """Set a new password for a user.

    All sessions of the user end. It is 403 if the user has permissions that the caller lacks.
    """
    passwords.impose(current_services().identity, actor, user_id, password)
    return {"message": "The password was changed."}


@users.post("/<uuid:user_id>/reset-token")
@endpoint(needs=ACCOUNTS, permission="USER_RESET_PASSWORD", returns=ResetTokenSchema(), status=201, secret=True)
def issue_reset_token(session: Session, actor: Actor, user_id: uuid.UUID) -> passwords.ResetToken:
    """Issue a password reset token for a user. The token works once, for an hour. No other answer shows it again."""
    return passwords.issue(session, actor, user_id)


@users.get("/<uuid:user_id>/sessions")
@endpoint(needs=ACCOUNTS, permission=SIGNED_IN, returns=SessionSchema(many=True))
def browse_sessions(session: Session, principal: Principal, user_id: uuid.UUID) -> list[dict[str, Any]]:
    """List the sessions of a user.

    The session used last comes first. The sessions of another user need USER_VIEW_SESSIONS.
    """
    _require_own(principal, user_id, "USER_VIEW_SESSIONS")
    found = sessions.sessions_of(session, user_id)
    return [{"row": each, "is_current": each.id == principal.session} for each in found]


@users.delete("/<uuid:user_id>/sessions")
@endpoint(needs=ACCOUNTS, permission=SIGNED_IN, query=Keeping(), returns=EndedSchema())
def end_sessions(
    principal: Principal, actor: Actor, user_id: uuid.UUID, except_current: bool = False
) -> dict[str, int]:
    """End all sessions of a user.

    `except_current` keeps the session of the caller. The sessions of another user need USER_MANAGE.
    """
    _require_own(principal, user_id, "USER_MANAGE")
    besides = principal.session if except_current else None
    return {"ended": sessions.revoke_all(current_services().identity, actor, user_id, besides=besides)}


@users.delete("/<uuid:user_id>/sessions/<uuid:session_id>")
@endpoint(needs=ACCOUNTS, permission=SIGNED_IN, returns=EndedSchema())
def end_session(principal: Principal, actor: Actor, user_id: uuid.UUID, session_id: uuid.UUID) -> dict[str, int]:
    """End a session of a user. A session of another user needs USER_MANAGE."""
    _require_own(principal, user_id, "USER_MANAGE")
    return {"ended": sessions.revoke(current_services().identity, actor, user_id, session_id)}


def _require_own(principal: Principal, user_id: uuid.UUID, permission: str) -> None:
    """Raise `Forbidden` unless the caller asks about their own account or has the permission."""
    if principal.id != user_id and not principal.may(permission):
        raise Forbidden(f"This needs the permission {permission}.", permission=permission)

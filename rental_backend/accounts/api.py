"""Sign-in, refresh, and who I am."""

from flask import Blueprint, request
from sqlalchemy.orm import Session

from ..infra.dependencies import AUTH
from ..web.context import client_address, dependencies
from ..web.contracts import endpoint
from ..web.needs import PUBLIC, SIGNED_IN, Needs
from ..web.principal import Principal
from . import service
from .schemas import Credentials, RefreshedSchema, RefreshRequest, SignedInSchema, UserSchema

bp = Blueprint("auth", __name__, url_prefix="/api/auth")


@bp.post("/login")
@endpoint(needs=Needs(AUTH), permission=PUBLIC, accepts=Credentials(), returns=SignedInSchema())
def login(username: str, password: str, remember_me: bool = False) -> service.SignedIn:  # noqa: ARG001
    """Sign in; wrong credentials are 400, an outage is 503: nobody new is let in from memory."""
    origin = service.Origin(client_address(), request.user_agent.string[:500])
    return service.sign_in(dependencies().identity, username, password, origin)


@bp.post("/refresh")
@endpoint(needs=Needs(AUTH), permission=PUBLIC, accepts=RefreshRequest(), returns=RefreshedSchema())
def refresh(session: Session, refresh_token: str) -> service.SignedIn:
    """Exchange a refresh token for a new access token."""
    return service.refresh(session, dependencies().identity, refresh_token)


@bp.get("/me")
@endpoint(needs=Needs(AUTH, stale_for=1800), permission=SIGNED_IN, returns=UserSchema(), per_caller=True)
def me(session: Session, principal: Principal) -> service.Profile:
    """Return the caller with his roles and permissions."""
    return service.own_profile(session, principal.id)

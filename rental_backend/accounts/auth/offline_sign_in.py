"""Signing in and staying signed in while the accounts cannot be asked: bounded, marked and journalled."""

import uuid

from ...actor import Actor
from ...errors import AppError, ReadOnly, TooManyAttempts, Unavailable
from ...infra.audit_outbox import SecurityEvent
from ...infra.container import Services
from ...infra.identity import break_glass
from ...infra.identity.identity import Identity
from ..access.permissions import BREAK_GLASS
from ..models import User
from . import service

REFUSALS = {service.InvalidCredentials: "failure", TooManyAttempts: "throttled"}  # what else is refused is an outage
ONCE_IN = 300.0  # seconds between two events of one session that is refreshed again and again


def refresh(services: Services, actor: Actor, token: str) -> service.SignedIn:
    """Return a new access token; by the signature alone, and for a short time, if the accounts are away."""
    identity = services.identity
    claims = identity.tokens.verify(token, "refresh")
    try:
        return _refreshed(identity, token)
    except Unavailable:  # not `Busy`: then the accounts are there
        pass
    account = identity.refreshed_offline(claims)
    seconds = identity.offline.access
    access, expires = identity.tokens.sign(
        "access",
        account.id,
        account.username,
        session=claims.session,
        scopes=account.permissions,
        superuser=account.superuser,
        seconds=seconds,
    )
    event = SecurityEvent(actor=actor, action="REFRESHED_OFFLINE", resource="sessions", resource_id=str(claims.session))
    services.sign_ins.add("offline")
    services.audit_outbox.write_limited(("refreshed", claims.session), event, once_in=ONCE_IN)
    return service.SignedIn(access, expires, seconds, offline=True)


def _refreshed(identity: Identity, token: str) -> service.SignedIn:
    """Ask the accounts; in read-only mode without a note that they were asked."""
    try:
        with identity.database.transaction() as session:
            return service.refresh(session, identity, token)
    except ReadOnly:
        with identity.database.reading() as session:
            return service.refresh(session, identity, token, noted=False)


def sign_in(services: Services, actor: Actor, username: str, password: str) -> service.SignedIn:
    """Sign in. While the accounts are away nobody can, except with the break-glass account, if there is one."""
    try:
        signed_in = _sign_in(services, actor, username, password)
    except AppError as error:
        services.sign_ins.add(REFUSALS.get(type(error), "refused"))
        raise
    services.sign_ins.add("break_glass" if signed_in.offline else "success")
    return signed_in


def _sign_in(services: Services, actor: Actor, username: str, password: str) -> service.SignedIn:
    try:
        return service.sign_in(services.identity, actor, username, password)
    except Unavailable:
        if not services.break_glass.accepts(username):
            raise
    if not services.break_glass.verify(password, actor):
        raise service.InvalidCredentials("The user name or password is wrong.")
    name = services.break_glass.username
    access, expires = services.identity.tokens.sign(
        "access", break_glass.ID, name, session=uuid.uuid4(), scopes=BREAK_GLASS, seconds=break_glass.SECONDS
    )
    user = User(
        id=break_glass.ID,
        username=name,
        email="",
        full_name="Break glass",
        is_active=True,
        is_superuser=False,
        user_type="ADMIN",
    )
    profile = service.Profile(user, (), tuple(sorted(BREAK_GLASS)))
    return service.SignedIn(access, expires, break_glass.SECONDS, profile=profile, offline=True)

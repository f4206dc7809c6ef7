"""Every route of the application, for every kind of caller: let in or kept out exactly as its contract declares."""

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend import app as program
from rental_backend.accounts.models import Role, User, user_roles
from rental_backend.accounts.permissions import PERMISSIONS, ROLES
from rental_backend.accounts.reference import add_permissions_and_roles
from rental_backend.web.contracts import endpoint
from rental_backend.web.features import contracts
from rental_backend.web.needs import NOTHING, PUBLIC, SIGNED_IN
from tests import factories

KEY = "a key for tests, long enough to be taken"
# What nobody has to sign in for, and what everybody who is signed in may do. Whatever else is added needs a permission.
OPEN = {
    *("GET /", "GET /health", "GET /health/ready", "GET /health/breakers"),
    *("GET /api/health", "GET /api/health/ready", "GET /api/health/breakers"),
    *("POST /api/auth/login", "POST /api/auth/refresh", "GET /api/auth/setup/status"),
    *("POST /api/auth/logout", "POST /api/auth/forgot-password", "POST /api/auth/reset-password"),
}
EVERYBODYS = {"GET /api/auth/me", "GET /api/users/me", "PUT /api/users/me"}
PARAMETER = re.compile(r"<(?:\w+:)?\w+>")
Route = tuple[str, str, str]


def _routes(app: Flask) -> list[Route]:
    """Return the method, path and declared permission of every route."""
    return [(method, rule, contract.permission) for _, method, rule, contract in contracts(app)]


def _undeclared(app: Flask) -> list[str]:
    """Name the routes that declare no permission there is, or none at all and are not listed here."""
    allowed = {PUBLIC: OPEN, SIGNED_IN: EVERYBODYS}
    named = {f"{method} {rule}": permission for method, rule, permission in _routes(app)}
    return [
        route
        for route, permission in named.items()
        if permission not in PERMISSIONS and route not in allowed.get(permission, ())
    ]


def _mismatches(app: Flask, client: FlaskClient, expected: Callable[[str], int | None]) -> list[str]:
    """Call every route with nothing in the body; name those that do not answer as expected (None: let in)."""
    wrong = []
    for method, rule, permission in _routes(app):
        path = PARAMETER.sub(str(uuid.uuid4()), rule)
        status = client.open(path, method=method, json={} if method != "GET" else None).status_code
        wanted = None if permission == PUBLIC else expected(permission)
        if (status != wanted) if wanted else (status in (401, 403) or status >= 500):
            wrong.append(f"{method} {rule} ({permission}): {status} instead of {wanted or 'let in'}")
    return wrong


def _client(app: Flask, token: str | None) -> FlaskClient:
    client = app.test_client()
    if token:
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def _token(app: Flask, session: Session, user: User) -> str:
    return factories.token(session, app.extensions["dependencies"].identity.tokens, user)


def _with_role(session: Session, name: str) -> User:
    """Store a user who has one of the seeded roles."""
    add_permissions_and_roles(session)
    user = factories.user(session)
    role_id = session.scalars(select(Role.id).where(Role.name == name)).one()
    session.execute(user_roles.insert().values(user_id=user.id, role_id=role_id))
    session.commit()
    return user


def test_nobody_is_let_in_where_anything_is_declared(app: Flask) -> None:
    """Without a token every route that is not public is 401."""
    assert _mismatches(app, _client(app, None), lambda _: 401) == []


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_opens_just_what_it_has(app: Flask, session: Session, role: Any) -> None:
    """A user with a role as it is seeded is let in where the role has the permission, and is 403 elsewhere."""
    client = _client(app, _token(app, session, _with_role(session, role.name)))

    def expected(permission: str) -> int | None:
        return None if permission == SIGNED_IN or role.has(PERMISSIONS[permission]) else 403

    assert _mismatches(app, client, expected) == []


def test_a_user_without_permissions_gets_nowhere(app: Flask, session: Session) -> None:
    """Whoever is only signed in is 403 wherever a permission is declared."""
    client = _client(app, _token(app, session, factories.user(session)))

    assert _mismatches(app, client, lambda permission: None if permission == SIGNED_IN else 403) == []


def test_a_superuser_is_let_in_everywhere(app: Flask, session: Session) -> None:
    """No route keeps a superuser out."""
    client = _client(app, _token(app, session, factories.user(session, is_superuser=True)))

    assert _mismatches(app, client, lambda _: None) == []


def _segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _false_tokens(user: User) -> Iterator[tuple[str, str]]:
    """Yield tokens that say the right things about a superuser, each with one thing wrong."""
    now = int(time.time())
    said = {
        "sub": user.username,
        "user_id": str(user.id),
        "superuser": True,
        "scopes": sorted(PERMISSIONS),
        "type": "access",
        "iat": now,
        "exp": now + 600,
    }
    good = jwt.encode(said, KEY, algorithm="HS256")
    head, body, signature = good.split(".")
    yield "tampered claims", f"{head}.{_segment({**said, 'sub': 'another'})}.{signature}"
    yield "tampered signature", f"{head}.{body}.{signature[:-2] + ('AA' if signature[-2:] != 'AA' else 'BB')}"
    yield "no signature", f"{head}.{body}."
    for name in ("none", "None", "NONE"):
        yield f"alg {name}", f"{_segment({'alg': name, 'typ': 'JWT'})}.{body}."
        yield f"alg {name}, signed", f"{_segment({'alg': name, 'typ': 'JWT'})}.{body}.{signature}"
    yield "HS512", jwt.encode(said, KEY.ljust(64), algorithm="HS512")
    for algorithm, digest in (("HS512", hashlib.sha512), ("RS256", hashlib.sha256), ("HS384", hashlib.sha384)):
        unsigned = f"{_segment({'alg': algorithm, 'typ': 'JWT'})}.{body}"
        signed = base64.urlsafe_b64encode(hmac.new(KEY.encode(), unsigned.encode(), digest).digest())
        yield f"{algorithm} in the header", f"{unsigned}.{signed.rstrip(b'=').decode()}"
    yield "another key", jwt.encode(said, KEY.upper(), algorithm="HS256")
    yield "expired", jwt.encode({**said, "exp": now - 1}, KEY, algorithm="HS256")
    yield "of another kind", jwt.encode({**said, "type": "refresh"}, KEY, algorithm="HS256")
    yield "without an end", jwt.encode({name: said[name] for name in said if name != "exp"}, KEY, algorithm="HS256")


def test_a_false_token_is_no_token(app: Flask, session: Session) -> None:
    """Whatever is wrong with a superuser's token, every route that is not public is 401."""
    superuser = factories.user(session, is_superuser=True)

    wrong = {name: _mismatches(app, _client(app, token), lambda _: 401) for name, token in _false_tokens(superuser)}

    assert len(wrong) >= 15
    assert {name: routes for name, routes in wrong.items() if routes} == {}


@pytest.mark.parametrize("how", ["disabled", "retired", "deleted"])
def test_who_is_gone_is_out(app: Flask, session: Session, how: str) -> None:
    """The token of a superuser who is disabled, retired or not there any more is 401 everywhere."""
    user = factories.user(session, is_superuser=True)
    token = _token(app, session, user)
    if how == "deleted":
        session.delete(user)
    else:
        user.is_active, user.deleted_at = how == "retired", datetime.now(UTC) if how == "retired" else None
    session.commit()

    assert _mismatches(app, _client(app, token), lambda _: 401) == []


def test_every_route_declares_its_permission(app: Flask) -> None:
    """A permission is one that exists; public and for everybody is only what is listed here."""
    assert _undeclared(app) == []
    assert {f"{method} {rule}" for method, rule, _ in _routes(app)} >= OPEN | EVERYBODYS


def test_changes_of_accounts_need_a_fresh_look_at_the_caller(app: Flask) -> None:
    """Nobody changes an account by what is remembered of him, or gets an old answer to a change."""
    changes = [
        contract.needs
        for blueprint, method, _, contract in contracts(app)
        if blueprint in ("users", "roles", "security") and method != "GET"
    ]

    assert len(changes) > 15
    assert {(needs.offline, needs.stale_for, needs.answer(frozenset({"auth"}))) for needs in changes} == {
        (False, 0, "refuse")
    }


stray = Blueprint("stray", __name__)


@stray.get("/api/stray")
@endpoint(needs=NOTHING, permission=PUBLIC)
def stray_public() -> dict[str, bool]:
    """Forget the permission."""
    return {"ok": True}


@stray.get("/api/mistyped")
@endpoint(needs=NOTHING, permission="CUSTOMER_VEIW")
def stray_mistyped() -> dict[str, bool]:
    """Declare a permission that nobody can have."""
    return {"ok": True}


def test_a_route_that_forgets_its_permission_would_be_found(
    build: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new route that is open by mistake is named, and one whose wrapper is gone answers otherwise than declared."""
    monkeypatch.setattr(program, "BLUEPRINTS", (*program.BLUEPRINTS, stray))
    strayed = build()
    strayed.extensions["dependencies"].start()
    assert strayed.extensions["dependencies"].wait_until_settled(10)
    assert _undeclared(strayed) == ["GET /api/stray", "GET /api/mistyped"]

    bare = strayed.view_functions["customers.browse"]
    strayed.view_functions["customers.browse"] = unguarded = lambda **_: {"ok": True}
    unguarded.contract = bare.contract  # type: ignore[attr-defined]

    found = _mismatches(strayed, _client(strayed, None), lambda _: 401)
    assert found == ["GET /api/customers/ (CUSTOMER_VIEW): 200 instead of 401"]

"""Every route of the application, for every kind of caller: let in or kept out exactly as the table says."""

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
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from rental_backend import app as program
from rental_backend.accounts.access.permissions import PERMISSIONS, ROLES
from rental_backend.accounts.access.seed import add_permissions_and_roles
from rental_backend.accounts.models import RefreshToken, Role, User, user_roles
from rental_backend.infra.identity.tokens import key_name
from rental_backend.web.endpoint.capabilities import contracts
from rental_backend.web.endpoint.needs import NOTHING, PUBLIC, SIGNED_IN
from rental_backend.web.endpoint.pipeline import endpoint
from tests import factories
from tests.routes.table import OTHERS, ROUTES

pytestmark = pytest.mark.long

KEY = "a key for tests, long enough to be taken"
# What nobody has to sign in for, and what everybody who is signed in may do. Whatever else is added needs a permission.
OPEN = {
    *("GET /", "GET /health", "GET /health/ready", "GET /health/breakers"),
    *("GET /api/health", "GET /api/health/ready", "GET /api/health/breakers"),
    *("POST /api/auth/login", "POST /api/auth/refresh", "GET /api/auth/setup/status"),
    *("GET /api/system-settings/currency", "GET /status", "GET /status.json"),
    "GET /metrics",  # which looks for a token of its own
    *("GET /openapi.json", "GET /docs", "GET /docs/guide", "GET /docs/operations", "GET /assets/<release>/<name>"),
    *("POST /api/auth/logout", "POST /api/auth/forgot-password", "POST /api/auth/reset-password"),
}
# Nobody may do that; a permission is needed to be told so.
DISABLED = {"POST /api/admin/database/reset", "POST /api/admin/database/clear-tables"}
EVERYBODYS = {
    *("GET /api/auth/me", "GET /api/users/me", "PUT /api/users/me", "POST /api/users/me/change-password"),
    "GET /api/system/company",  # stands on every paper
    *OTHERS,  # for others' it takes a permission, and the matrix asks for others'
}
# Signing out takes a token in its body too. It gets a bad one, which it refuses itself: it would end our session.
BODIES = {"POST /api/auth/logout": {"refresh_token": "nonsense"}}
REFUSE = {"POST /api/auth/logout": 401}
EVERY = slice(None)
PARAMETER = re.compile(r"<(?:\w+:)?\w+>")
Route = tuple[str, str, str]


def _routes(app: Flask) -> list[Route]:
    """Return the method, path and permission of every route: as the table has it, or as it is declared only."""
    routes = [(method, rule, contract.permission) for _, method, rule, contract in contracts(app)]
    return [(method, rule, ROUTES.get(f"{method} {rule}", permission)) for method, rule, permission in routes]


def _undeclared(app: Flask) -> list[str]:
    """Name the routes that declare no permission there is, or none at all and are not listed here."""
    allowed = {PUBLIC: OPEN, SIGNED_IN: EVERYBODYS}
    named = {f"{method} {rule}": permission for method, rule, permission in _routes(app)}
    return [
        route
        for route, permission in named.items()
        if permission not in PERMISSIONS and route not in allowed.get(permission, ())
    ]


def _mismatches(
    app: Flask, client: FlaskClient, expected: Callable[[str], int | None], part: slice = EVERY
) -> list[str]:
    """Call every route with nothing in the body; name those that do not answer as expected (None: let in)."""
    wrong = []
    for method, rule, permission in list(_routes(app))[part]:
        path = PARAMETER.sub(str(uuid.uuid4()), rule)
        route = f"{method} {rule}"
        body = BODIES.get(route, {}) if method != "GET" else None
        status = client.open(path, method=method, json=body).status_code
        wanted = REFUSE.get(route) if permission == PUBLIC else expected(OTHERS.get(route, permission))
        if route in DISABLED:
            wanted = wanted or 403
        if (status != wanted) if wanted else (status in (401, 403) or status >= 500):
            wrong.append(f"{route} ({permission}): {status} instead of {wanted or 'let in'}")
    return wrong


def _client(app: Flask, token: str | None) -> FlaskClient:
    client = app.test_client()
    if token:
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def _token(app: Flask, session: Session, user: User) -> str:
    return factories.token(session, app.extensions["services"].identity.tokens, user)


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


def _said(user: User, begun: RefreshToken) -> dict[str, Any]:
    """Return what a valid token says of a superuser and his session."""
    now = int(time.time())
    return {
        "sub": user.username,
        "user_id": str(user.id),
        "sid": str(begun.id),
        "superuser": True,
        "scopes": sorted(PERMISSIONS),
        "type": "access",
        "iat": now,
        "exp": now + 600,
    }


def _signed(said: dict[str, Any], key: str = KEY, *, algorithm: str = "HS256", named: str = KEY) -> str:
    return jwt.encode(said, key, algorithm=algorithm, headers={"kid": key_name(named)})


def _header(algorithm: str) -> str:
    return _segment({"alg": algorithm, "typ": "JWT", "kid": key_name(KEY)})


def _false_tokens(said: dict[str, Any], ended: RefreshToken) -> Iterator[tuple[str, str]]:
    """Yield tokens that say the right things, each with one thing wrong."""
    now = int(time.time())
    good = _signed(said)
    head, body, signature = good.split(".")
    yield "tampered claims", f"{head}.{_segment({**said, 'sub': 'another'})}.{signature}"
    yield "tampered signature", f"{head}.{body}.{signature[:-2] + ('AA' if signature[-2:] != 'AA' else 'BB')}"
    yield "no signature", f"{head}.{body}."
    for name in ("none", "None", "NONE"):
        yield f"alg {name}", f"{_header(name)}.{body}."
        yield f"alg {name}, signed", f"{_header(name)}.{body}.{signature}"
    yield "HS512", _signed(said, KEY.ljust(64), algorithm="HS512")
    for algorithm, digest in (("HS512", hashlib.sha512), ("RS256", hashlib.sha256), ("HS384", hashlib.sha384)):
        unsigned = f"{_header(algorithm)}.{body}"
        signed = base64.urlsafe_b64encode(hmac.new(KEY.encode(), unsigned.encode(), digest).digest())
        yield f"{algorithm} in the header", f"{unsigned}.{signed.rstrip(b'=').decode()}"
    yield "another key", _signed(said, KEY.upper())
    yield "another key by its own name", _signed(said, KEY.upper(), named=KEY.upper())
    yield "a key without a name", jwt.encode(said, KEY, algorithm="HS256")
    yield "expired", _signed({**said, "exp": now - 1})
    yield "of another kind", _signed({**said, "type": "refresh"})
    yield "of an ended session", _signed({**said, "sid": str(ended.id)})
    yield "of no session", _signed({**said, "sid": str(uuid.uuid4())})
    for needed in ("exp", "sub", "user_id", "sid", "type"):
        yield f"without {needed}", _signed({name: said[name] for name in said if name != needed})


@pytest.mark.parametrize("share", [8, pytest.param(1, marks=pytest.mark.full)])
def test_a_false_token_is_no_token(app: Flask, session: Session, share: int) -> None:
    """Whatever is wrong with a superuser's token, every route that is not public is 401. Put right, it is good.

    Each token is tried at one of so many routes, at others than the token before.
    """
    superuser = factories.user(session, is_superuser=True)
    said = _said(superuser, factories.begin(session, superuser))
    ended = factories.begin(session, superuser, is_active=False)

    wrong = {
        name: _mismatches(app, _client(app, token), lambda _: 401, slice(number % share, None, share))
        for number, (name, token) in enumerate(_false_tokens(said, ended))
    }

    assert _mismatches(app, _client(app, _signed(said)), lambda _: None) == []
    assert len(wrong) >= 24
    assert {name: routes for name, routes in wrong.items() if routes} == {}


@pytest.mark.parametrize("how", ["disabled", "retired", "deleted"])
def test_who_is_gone_is_out(app: Flask, session: Session, how: str) -> None:
    """The token of a superuser who is disabled, retired or not there any more is 401 everywhere."""
    user = factories.user(session, is_superuser=True)
    token = _token(app, session, user)
    if how == "deleted":
        session.execute(delete(RefreshToken).where(RefreshToken.user_id == user.id))
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
    assert {(needs.offline, needs.stale_for, needs.degradation(frozenset({"auth"}))) for needs in changes} == {
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
    strayed.extensions["services"].start()
    assert strayed.extensions["services"].wait_until_settled(10)
    assert _undeclared(strayed) == ["GET /api/stray", "GET /api/mistyped"]

    bare = strayed.view_functions["customers.browse"]
    strayed.view_functions["customers.browse"] = unguarded = lambda **_: {"ok": True}
    unguarded.operation = bare.operation  # type: ignore[attr-defined]

    found = _mismatches(strayed, _client(strayed, None), lambda _: 401)
    assert found == ["GET /api/customers/ (CUSTOMER_VIEW): 200 instead of 401"]

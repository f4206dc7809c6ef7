"""What an operator orders: modes and drills, who may, written down, seen everywhere; no drill in production."""

import contextlib
import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.accounts.models import RefreshToken, SecurityAuditLog
from rental_backend.config import Config
from rental_backend.errors import NotFound
from rental_backend.infra.container import Services
from rental_backend.infra.identity import break_glass
from rental_backend.infra.postgres.database import Database
from rental_backend.infra.runtime.modes import Mode
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal
from tests.serving import until

pytestmark = pytest.mark.long

MODE, DRILLS = "/api/operations/mode", "/api/operations/drills"
READ_ONLY = {"mode": "read-only", "reason": "a migration"}
CUSTOMER = {"customer_code": "C-1", "customer_type": "BUSINESS", "business_name": "Film & Co"}
Operator = tuple[Flask, FlaskClient]
NUMBERS = itertools.count()


def _serve(app: Flask, session: Session, *permissions: str, superuser: bool = False) -> FlaskClient:
    services: Services = app.extensions["services"]
    services.start()
    assert services.wait_until_settled(10)
    user = factories.user(session, permissions=permissions, is_superuser=superuser)
    scopes = frozenset(permissions)
    token = factories.token(session, services.identity.tokens, user, scopes=scopes, superuser=superuser)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


@pytest.fixture
def operator(build: Callable[..., Flask], session: Session, settings: dict[str, str], tmp_path: Path) -> Operator:
    """A superuser's client of an application of its own, which hears of no other's changes."""
    url = settings["REDIS_URL"].rpartition("/")[0]
    app = build(JOURNAL_FOLDER=str(tmp_path), REDIS_URL=f"{url}/{next(NUMBERS) % 15 + 1}")
    return app, _serve(app, session, superuser=True)


def _remembered(client: FlaskClient) -> None:
    """Have the customers read once from the database, so that they are remembered: a busy machine may be too late."""

    def read() -> bool:
        answer = client.get("/api/customers")
        return answer.status_code == 200 and "X-Degraded" not in answer.headers

    until(read, 10, "a full answer")


def _adapters(app: Flask) -> Services:
    found: Services = app.extensions["services"]
    return found


def test_read_only_refuses_changes_and_says_until_when(operator: Operator) -> None:
    """Reads go on, changes are 503 `read_only` with a true time, and every answer and health page says so."""
    _, client = operator
    said = client.put(MODE, json={**READ_ONLY, "seconds": 60}).get_json()
    assert (said["mode"], said["reason"], said["kept"]) == ("read-only", "a migration", False)
    assert 55 < said["seconds_left"] <= 60

    read, change = client.get("/api/customers"), client.post("/api/customers", json=CUSTOMER)

    assert (read.status_code, read.headers["X-Mode"]) == (200, "read-only")
    problem = refusal(change, 503)
    assert (problem["code"], change.headers["X-Mode"]) == ("read_only", "read-only")
    assert 55 <= problem["retry_after"] <= 60
    for path in ("/", "/health", "/api/health", "/health/breakers"):
        answer = client.get(path)
        assert (answer.get_json()["mode"], answer.get_json()["status"]) == ("read-only", "degraded")
        assert answer.headers["X-Mode"] == "read-only"
    features = client.get("/api/health").get_json()["features"]
    assert set(features["customers"]["answers"]) == {"full", "refuse"}
    assert client.get("/health/breakers").get_json()["ordered"]["reason"] == "a migration"

    assert client.put(MODE, json={"mode": "normal", "reason": "done"}).get_json()["mode"] == "normal"
    after = client.post("/api/customers", json=CUSTOMER)
    assert (after.status_code, after.headers.get("X-Mode")) == (201, None)


def test_read_only_keeps_people_signed_in(operator: Operator, session: Session) -> None:
    """Nobody new signs in, but a refresh token gives a new access token, in full as health says; nothing is written."""
    app, client = operator
    user = factories.user(session)
    refresh = factories.token(session, _adapters(app).identity.tokens, user, kind="refresh")
    client.put(MODE, json=READ_ONLY)

    signed = client.post("/api/auth/login", json={"username": user.username, "password": factories.PASSWORD})
    refreshed = client.post("/api/auth/refresh", json={"refresh_token": refresh})
    features = client.get("/api/health").get_json()["features"]

    assert refusal(signed, 503)["code"] == "read_only"
    assert refreshed.status_code == 200
    assert refreshed.get_json()["expires_in"] == 1800
    assert "X-Degraded" not in refreshed.headers
    assert features["auth"]["answers"]["full"] > 0
    (begun,) = session.scalars(select(RefreshToken).where(RefreshToken.user_id == user.id))
    assert begun.last_used_at is None
    begun.is_active = False
    session.commit()
    refusal(client.post("/api/auth/refresh", json={"refresh_token": refresh}), 401)


def test_emergency_leaves_signatures_and_old_answers(operator: Operator) -> None:
    """What was read before is shown, as stale; nothing reaches the database, though it is there."""
    app, client = operator
    _remembered(client)
    client.put(MODE, json={"mode": "emergency", "reason": "fire"})
    before = [_adapters(app).breakers[name].counts().calls for name in ("database", "auth")]

    known, unknown = client.get("/api/customers"), client.get("/api/customers?search=never")

    assert (known.status_code, known.headers["X-Mode"]) == (200, "emergency")
    assert "stale" in known.headers["X-Degraded"]
    assert (unknown.status_code, refusal(client.post("/api/customers", json=CUSTOMER), 503)["code"]) == (
        503, "dependency_unavailable",
    )  # fmt: skip
    assert client.get("/health").status_code == 200
    assert set(client.get("/api/health").get_json()["features"]["customers"]["answers"]) == {"stale", "refuse"}
    assert [_adapters(app).breakers[name].counts().calls for name in ("database", "auth")] == before
    assert client.put(MODE, json={"mode": "normal", "reason": "over"}).status_code == 200
    assert client.get("/api/customers?search=never").status_code == 200


def test_no_view_can_write_in_read_only_mode(operator: Operator) -> None:
    """The door itself refuses, whatever a view has declared or forgotten."""
    app, _ = operator
    services = _adapters(app)
    services.modes.set(Mode.READ_ONLY, reason="a test", actor="test")
    for adapter in (services.database, services.identity.database):
        with pytest.raises(Exception, match="read-only mode"), adapter.transaction():
            raise AssertionError("a transaction was begun")


def test_only_operators_steer(build: Callable[..., Flask], session: Session, tmp_path: Path) -> None:
    """SYSTEM_MAINTENANCE is what it takes; everything else is not enough, and nobody is asked to sign in."""
    app = build(JOURNAL_FOLDER=str(tmp_path))
    clerk = _serve(app, session, "SYSTEM_UPDATE", "SYSTEM_CONFIG_UPDATE")
    calls: list[tuple[str, str, Any]] = [
        ("GET", MODE, None), ("PUT", MODE, READ_ONLY), ("GET", DRILLS, None),
        ("PUT", f"{DRILLS}/database", {"kind": "error", "reason": "x", "seconds": 5}),
        ("DELETE", f"{DRILLS}/database", None),
    ]  # fmt: skip
    for method, path, body in calls:
        assert refusal(clerk.open(path, method=method, json=body), 403)["permission"] == "SYSTEM_MAINTENANCE"
        refusal(app.test_client().open(path, method=method, json=body), 401)
    steward = _serve(app, session, "SYSTEM_MAINTENANCE")
    assert steward.put(MODE, json=READ_ONLY).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "off", "reason": "x"}, "mode"), ({"mode": "normal"}, "reason"),
        ({**READ_ONLY, "seconds": 0}, "seconds"),
        ({**READ_ONLY, "reason": ""}, "reason"), ({**READ_ONLY, "reason": "x" * 201}, "reason"),
        ({**READ_ONLY, "seconds": 10**9}, "seconds"), ({**READ_ONLY, "force": True}, "force"),
    ],
)  # fmt: skip
def test_an_order_that_makes_no_sense_is_refused(signed_in: Caller, body: dict[str, Any], field: str) -> None:
    """By name, and the mode stays."""
    client = signed_in()
    refusal(client.put(MODE, json=body), 422, fields=(field,))
    assert client.get(MODE).get_json() == {"mode": "normal"}


def test_every_order_is_written_down(operator: Operator, session: Session) -> None:
    """Who put it into which mode, why and for how long; drills too, also those of an outage."""
    _, client = operator
    client.put(MODE, json={**READ_ONLY, "seconds": 60})
    client.put(f"{DRILLS}/redis", json={"kind": "error", "reason": "practice", "seconds": 5})
    client.delete(f"{DRILLS}/redis")
    client.put(MODE, json={"mode": "normal", "reason": "done"})

    def logged() -> list[SecurityAuditLog]:
        session.expire_all()
        found = session.scalars(select(SecurityAuditLog).order_by(SecurityAuditLog.timestamp))
        return [each for each in found if each.resource == "operations"]

    rows = until(lambda: len(logged()) == 4 and logged())
    assert [row.action for row in rows] == ["MODE_CHANGED", "DRILL_BEGUN", "DRILL_ENDED", "MODE_CHANGED"]
    assert rows[0].user_name
    assert {
        "before": "normal",
        "after": "read-only",
        "reason": "a migration",
        "seconds": 60,
        "kept": False,
    }.items() <= (rows[0].details or {}).items()
    assert rows[1].resource_id == "redis"


def test_an_order_by_command_is_written_down_too(operator: Operator, session: Session) -> None:
    """Its author is in no table; the log names him all the same, and what comes after him is not held up."""
    app, client = operator
    tokens = _adapters(app).identity.tokens
    more = {"session": uuid.uuid4(), "scopes": frozenset({"SYSTEM_MAINTENANCE"}), "seconds": 60}
    token, _ = tokens.sign("access", break_glass.ID, "flask (root)", **more)
    ordered = app.test_client().put(MODE, json=READ_ONLY, headers={"Authorization": f"Bearer {token}"})
    assert ordered.status_code == 200
    client.put(MODE, json={"mode": "normal", "reason": "done"})

    def logged() -> list[tuple[str, bool]]:
        session.expire_all()
        found = session.scalars(select(SecurityAuditLog).order_by(SecurityAuditLog.timestamp))
        return [(each.user_name, each.user_id is None) for each in found if each.resource == "operations"]

    found = until(lambda: len(logged()) == 2 and logged())
    assert found[0] == ("flask (root)", True)
    assert not found[1][1]


@contextlib.contextmanager
def _drill(client: FlaskClient, name: str, **order: Any) -> Iterator[None]:
    answer = client.put(f"{DRILLS}/{name}", json={"reason": "practice", "seconds": 60, **order})
    assert answer.status_code == 200, answer.text
    yield
    assert client.delete(f"{DRILLS}/{name}").status_code == 204


@pytest.mark.parametrize("kind", ["error", "refusal", "latency"])
def test_a_drill_opens_the_breaker_and_ends(operator: Operator, kind: str) -> None:
    """Calls fail as they would, the breaker opens by itself, answers are stale; afterwards it heals by itself."""
    app, client = operator
    breaker = _adapters(app).database.breaker
    _remembered(client)
    with _drill(client, "database", kind=kind, latency=30 if kind == "latency" else 0):
        shown = client.get("/health/breakers").get_json()["drills"]["database"]
        assert (shown["kind"], shown["share"], shown["reason"]) == (kind, 1.0, "practice")
        statuses = {client.get("/api/customers").status_code for _ in range(7 if kind != "latency" else 1)}
        until(lambda: not breaker.closed, 10, "the breaker opens, by calls or by its heartbeat")
        answer = client.get("/api/customers")
        assert (statuses, answer.status_code) == ({200}, 200)  # from memory
        assert "stale" in answer.headers["X-Degraded"]
    until(lambda: breaker.closed, 10, "it heals by itself")
    assert client.get("/health/breakers").get_json()["drills"] == {}
    _remembered(client)


def test_a_drill_may_hit_a_share_and_runs_out(operator: Operator) -> None:
    """Half of the calls fail, the others do not; after its time none does."""
    app, _ = operator
    drills, strike = _adapters(app).fault_injection, _adapters(app).cache.inject_fault
    assert strike is not None
    order = {"kind": "error", "latency": 0.0, "reason": "practice", "actor": "test"}
    drills.order("redis", share=0.5, seconds=60, **order)  # type: ignore[arg-type]

    def fails() -> bool:
        try:
            strike()
        except Exception:
            return True
        return False

    assert 300 < sum(fails() for _ in range(1000)) < 700
    drills.order("redis", share=1.0, seconds=0.05, **order)  # type: ignore[arg-type]
    until(lambda: not fails(), 5)
    assert drills.active == {}


def test_a_slow_drill_takes_its_time_and_counts_as_slow(operator: Operator) -> None:
    """A latency below the deadline is waited for, and the breaker sees it."""
    app, client = operator
    breaker = _adapters(app).database.breaker
    with _drill(client, "database", kind="latency", latency=0.6):
        began = time.monotonic()
        answer = client.get("/api/customers?search=slow")
        assert (answer.status_code, time.monotonic() - began >= 0.6) == (200, True)
        assert breaker.counts().slow >= 1


def test_there_is_no_drill_in_production(
    build: Callable[..., Flask], session: Session, settings: dict[str, str], tmp_path: Path
) -> None:
    """Not even a superuser finds a way in: no route, no command that is obeyed, and doors that would not listen."""
    app = build(ENVIRONMENT="production", JOURNAL_FOLDER=str(tmp_path))
    client = _serve(app, session, superuser=True)
    services = _adapters(app)

    for method, path in (("GET", DRILLS), ("PUT", f"{DRILLS}/database"), ("DELETE", f"{DRILLS}/database")):
        body = {"kind": "error", "reason": "x", "seconds": 60}
        assert client.open(path, method=method, json=body).status_code == 404
    assert not [rule for rule in app.url_map.iter_rules() if "drill" in rule.rule or "drill" in rule.endpoint]
    for name in services.breakers:
        with pytest.raises(NotFound):
            services.fault_injection.order(name, kind="error", share=1, latency=0, reason="x", actor="x", seconds=60)
        with pytest.raises(NotFound):
            services.fault_injection.end(name)
    listening: list[Database | Any] = [services.database, services.identity.database, services.cache]
    assert [adapter.inject_fault for adapter in listening] == [None] * 3
    assert client.get("/health/breakers").get_json()["drills"] == {}
    assert client.put(MODE, json=READ_ONLY).status_code == 200  # modes are for production

    staging = build(ENVIRONMENT="staging", JOURNAL_FOLDER=str(tmp_path))
    assert Config.from_environ({**settings, "ENVIRONMENT": "staging"}).production
    assert _serve(staging, session, superuser=True).get(DRILLS).get_json() == {}
    assert json.loads(json.dumps(services.fault_injection.active)) == {}

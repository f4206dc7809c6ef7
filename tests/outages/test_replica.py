"""Reads from a standby while the database is away: a real one, which follows, falls behind, and may be lost too."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from deploy.private.servers import PostgresServer, RedisServer
from rental_backend.infra.container import Services
from rental_backend.resilience import State
from tests import factories
from tests.serving import until

from .matrix import NAMES, SETTINGS, STATES, prepared
from .standby import Standby

DB = 13  # of Redis, for nobody else
CASES = (*((State.OPEN, replica) for replica in STATES), (State.HALF_OPEN, State.CLOSED))


def _on(server: PostgresServer, statement: str) -> Any:
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()  # type: ignore[call-overload]
    return row and row[0]


@dataclass
class Pair:
    """A shop served from a primary and its standby, with a client who may do everything."""

    app: Flask
    client: FlaskClient
    primary: PostgresServer
    standby: Standby

    @property
    def services(self) -> Services:
        """The doors of the application."""
        found: Services = self.app.extensions["services"]
        return found

    def lose_primary(self) -> None:
        """Have no call made to the database."""
        self.services.database.breaker.force_open(reason="a test", actor="test")

    def on_standby(self, statement: str) -> Any:
        """Run a statement on the standby, around the application."""
        return _on(self.standby, statement)

    def create(self, name: str) -> str:
        """Create a customer and return his id."""
        body = {"customer_code": name, "customer_type": "BUSINESS", "business_name": name}
        answer = self.client.post("/api/customers", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["id"])


@pytest.fixture(scope="module")
def standby(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standby]:
    """A standby that follows the PostgreSQL of the run."""
    standby = Standby(tmp_path_factory.mktemp("standby"), postgres)
    standby.start()
    yield standby
    standby.stop()


@pytest.fixture
def make(standby: Standby, redis: RedisServer, build: Callable[..., Flask], tmp_path: Path) -> Callable[..., Flask]:
    """Make an application that knows both, and hears of nobody's changes who knows only one."""
    more = {"DATABASE_REPLICA_URL": standby.url, "REDIS_URL": f"{redis.url.rpartition('/')[0]}/{DB}"}
    return partial(build, **more, JOURNAL_FOLDER=str(tmp_path))


@pytest.fixture
def pair(make: Callable[..., Flask], postgres: PostgresServer, standby: Standby, session: Session) -> Pair:
    """Such an application, which runs, and a client."""
    app = make(PROBE_HEARTBEAT="0.2")
    services = app.extensions["services"]
    user = factories.user(session, is_superuser=True)
    token = factories.token(session, services.identity.tokens, user, superuser=True)
    services.start()
    until(lambda: not services.down(), 10, "all dependencies")
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return Pair(app, client, postgres, standby)


def test_reads_go_to_the_replica_and_say_so(pair: Pair) -> None:
    """With the database away a read nobody made before is answered, marked, with the age of the newest change."""
    made = pair.create("FOLLOWED")
    until(lambda: pair.on_standby("SELECT count(*) FROM customers WHERE customer_code = 'FOLLOWED'"))
    pair.lose_primary()

    answer = pair.client.get(f"/api/customers/{made}")
    change = pair.client.put(f"/api/customers/{made}", json={"business_name": "Other"})

    assert (answer.status_code, answer.headers["X-Degraded"]) == (200, "replica")
    assert float(answer.headers["X-Replica-Lag"]) >= 0
    assert answer.get_json()["customer_code"] == "FOLLOWED"
    assert change.status_code == 503
    said = pair.client.get("/health/breakers").get_json()
    answers = {(each["method"], each["path"]): each["answer"] for each in said["operations"]}
    assert answers["GET", "/api/customers/"] == "replica"
    assert answers["POST", "/api/customers/"] == "refuse"


def test_the_replica_never_hides_a_change_of_ones_own(pair: Pair) -> None:
    """A standby that has not got as far as the last change is not asked: refused, until it has followed."""
    pair.on_standby("SELECT pg_wal_replay_pause()")
    try:
        until(lambda: pair.on_standby("SELECT pg_get_wal_replay_pause_state() = 'paused'"))
        made = pair.create("AHEAD")
        pair.lose_primary()
        hidden = pair.client.get(f"/api/customers/{made}")
        listed = pair.client.get("/api/customers?search=AHEAD")
    finally:
        pair.on_standby("SELECT pg_wal_replay_resume()")

    assert (hidden.status_code, listed.status_code) == (503, 503)
    answer = until(lambda: (got := pair.client.get(f"/api/customers/{made}")).status_code == 200 and got)
    assert answer.headers["X-Degraded"] == "replica"


def test_without_the_replica_the_last_good_answer_counts(pair: Pair) -> None:
    """With both away a read is stale; the loss of the replica alone degrades nothing but its own line in health."""
    pair.create("KEPT")
    pair.client.get("/api/customers?search=KEPT")
    pair.standby.kill()
    try:
        until(lambda: "replica" in pair.services.down())
        alone = pair.client.get("/api/customers?search=KEPT")
        pair.lose_primary()
        both = pair.client.get("/api/customers?search=KEPT")
    finally:
        pair.standby.start()

    assert (alone.status_code, alone.headers.get("X-Degraded")) == (200, None)
    assert (both.status_code, both.headers["X-Degraded"]) == (200, "stale")
    until(lambda: "replica" not in pair.services.down(), 10, "the replica is used again without a restart")


def test_every_read_is_answered_as_declared_whatever_the_state_of_the_replica(
    make: Callable[..., Flask], session: Session, standby: Standby
) -> None:
    """All reads while the database is away: from the replica if that is closed, else as if there were none."""
    matrix = prepared(make(**SETTINGS), session)
    matrix.routes = [route for route in matrix.routes if not route.contract.changes_by(route.method)]
    followed = "SELECT count(*) FROM users WHERE is_superuser"
    until(lambda: _on(standby, followed), what="the standby knows who asks")
    found = []
    for database, replica in CASES:
        vector = (database, *[State.CLOSED] * (len(NAMES) - 1), replica)
        matrix.remember(vector)
        found += matrix.wrong(vector)
        served = any("replica" in matrix.ask(route).degraded for route in matrix.routes)
        assert served == (replica is State.CLOSED)

    assert "\n".join(found) == ""

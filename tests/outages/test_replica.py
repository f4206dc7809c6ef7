"""Reads from a standby while the database is away: a real one, which follows, falls behind, and may be lost too."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from deploy.private.servers import PostgresServer
from rental_backend.config import driver_url
from rental_backend.infra.dependencies import Dependencies
from tests import factories
from tests.conftest import migrate
from tests.serving import until

from .standby import Standby


@dataclass
class Pair:
    """A shop served from a primary and its standby, with a client who may do everything."""

    app: Flask
    client: FlaskClient
    primary: PostgresServer
    standby: Standby

    @property
    def doors(self) -> Dependencies:
        """The doors of the application."""
        found: Dependencies = self.app.extensions["dependencies"]
        return found

    def lose_primary(self) -> None:
        """Have no call made to the database."""
        self.doors.database.breaker.force_open(reason="a test", actor="test")

    def on_standby(self, statement: str) -> Any:
        """Run a statement on the standby, around the application."""
        with psycopg.connect(self.standby.url, autocommit=True) as connection:
            row = connection.execute(statement).fetchone()  # type: ignore[call-overload]
        return row and row[0]

    def create(self, name: str) -> str:
        """Create a customer and return his id."""
        body = {"customer_code": name, "customer_type": "BUSINESS", "business_name": name}
        answer = self.client.post("/api/customers", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["id"])


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresServer, Standby]]:
    """A migrated primary, and a standby that follows it."""
    folder = tmp_path_factory.mktemp("pair")
    primary = PostgresServer(folder / "primary", port=0, durable=False)
    primary.start()
    migrate(primary.url)
    standby = Standby(folder / "standby", primary)
    standby.start()
    yield primary, standby
    standby.stop()
    primary.stop()


@pytest.fixture
def pair(servers: tuple[PostgresServer, Standby], build: Callable[..., Flask], tmp_path: Path) -> Pair:
    """An application that knows both."""
    primary, standby = servers
    app = build(DATABASE_URL=primary.url, DATABASE_REPLICA_URL=standby.url, JOURNAL_FOLDER=str(tmp_path))
    doors = app.extensions["dependencies"]
    engine = create_engine(driver_url(primary.url))
    with Session(engine, expire_on_commit=False) as session:
        user = factories.user(session, is_superuser=True)
        token = factories.token(session, doors.identity.tokens, user, superuser=True)
    engine.dispose()
    doors.start()
    until(lambda: not doors.down(), 10, "all dependencies")
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return Pair(app, client, primary, standby)


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
        until(lambda: "replica" in pair.doors.down())
        alone = pair.client.get("/api/customers?search=KEPT")
        pair.lose_primary()
        both = pair.client.get("/api/customers?search=KEPT")
    finally:
        pair.standby.start()

    assert (alone.status_code, alone.headers.get("X-Degraded")) == (200, None)
    assert (both.status_code, both.headers["X-Degraded"]) == (200, "stale")
    until(lambda: "replica" not in pair.doors.down(), 10, "the replica is used again without a restart")

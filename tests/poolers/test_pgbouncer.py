"""A real PgBouncer on the way to the database: what it does to sessions is not noticed, or told by the doctor."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.private.pgbouncer import PgBouncer
from deploy.private.servers import PostgresServer
from rental_backend.doctor import databases
from rental_backend.doctor.findings import Finding, Severity
from rental_backend.infra.postgres.database import Database
from tests import factories
from tests.poolers.conftest import OpenPooler
from tests.serving import until

THREADS = 8
FEW = {"pool_mode": "transaction", "default_pool_size": "3"}  # so that servers go from one client to another
SETTINGS = "SELECT current_setting('TimeZone'), current_setting('statement_timeout')"


@contextmanager
def adapter(url: str, pooler: str) -> Iterator[Database]:
    """Open an adapter whose connections are pooled so."""
    database = Database(
        "database",
        url,
        deadline=2,
        connect_deadline=2,
        pool_size=4,
        pool_timeout=1,
        calls=100,
        pooler=pooler,
    )
    yield database
    database.close()


def serve(build: Callable[..., Flask], pooler: PgBouncer, postgres: PostgresServer, session: Session) -> FlaskClient:
    """Serve through the pooler; return a client that may do everything."""
    patient = {"REQUEST_BUDGET": "20", "DATABASE_DEADLINE": "5", "DATABASE_CONNECT_DEADLINE": "5", "AUTH_DEADLINE": "5"}
    around = {"DATABASE_URL": f"{pooler.url}?pgbouncer=true", "DATABASE_UNPOOLED_URL": postgres.url}
    app = build(**around, **patient, DATABASE_POOL_TIMEOUT="10")
    services = app.extensions["services"]
    user = factories.user(session, is_superuser=True)
    token = factories.token(session, services.identity.tokens, user, superuser=True)
    services.start()
    until(lambda: not services.down(), 20, "all dependencies")
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def mixed(client: FlaskClient, thread: int, requests: int) -> Counter[int]:
    """Create, read, list, change and delete customers; count the answers by status."""
    statuses: Counter[int] = Counter()
    made = ""
    for number in range(requests):
        body = {"customer_type": "BUSINESS", "business_name": f"Shop {thread} {number}"}
        match number % 8:
            case 0:
                code = {"customer_code": f"T{thread}N{number}"}
                answer = client.post("/api/customers", json={**body, **code})
                made = answer.get_json().get("id", made)
            case 1 | 5:
                answer = client.get(f"/api/customers/{made}")
            case 2:
                answer = client.get("/api/customers?limit=5")
            case 3:
                answer = client.put(f"/api/customers/{made}", json=body)
            case 4:
                answer = client.get(f"/api/customers?search=Shop {thread}")
            case 6:
                answer = client.get("/api/master-data/brands?limit=5")
            case _:
                answer = client.delete(f"/api/customers/{made}")
        statuses[answer.status_code] += 1
    return statuses


@pytest.mark.parametrize("requests", [pytest.param(400, id="400"), pytest.param(5000, marks=pytest.mark.full)])
def test_requests_through_a_pooler_by_transaction_do_not_notice(
    build: Callable[..., Flask],
    open_pooler: OpenPooler,
    postgres: PostgresServer,
    session: Session,
    requests: int,
) -> None:
    """Eight threads read and change through three servers of a stock PgBouncer: no answer is a 5xx, none degraded."""
    client = serve(build, open_pooler(**FEW), postgres, session)
    with ThreadPoolExecutor(THREADS) as pool:
        counted = pool.map(lambda thread: mixed(client, thread, requests // THREADS), range(THREADS))
        statuses: Counter[int] = sum(counted, Counter())
    assert statuses.total() == requests
    assert {*statuses} <= {200, 201, 204}, statuses


@contextmanager
def role_has(postgres: PostgresServer, name: str, value: str) -> Iterator[None]:
    """Have a setting of our role within the block."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE postgres IN DATABASE rental SET {name} = '{value}'".encode())
        try:
            yield
        finally:
            connection.execute(f"ALTER ROLE postgres IN DATABASE rental RESET {name}".encode())


@pytest.mark.parametrize("pooler", ["session", "transaction"])
def test_settings_hold_in_every_transaction(open_pooler: OpenPooler, postgres: PostgresServer, pooler: str) -> None:
    """The time zone everywhere, the server's time limits in every transaction, and in sessions that are ours."""
    server = open_pooler(**{**FEW, "pool_mode": pooler})
    with (
        role_has(postgres, "TimeZone", "Asia/Tokyo"),
        psycopg.connect(server.url, autocommit=True) as other,
        adapter(server.url, pooler) as database,
    ):
        assert database.breaker.probe(database.probe)
        for _ in range(10):
            with database.transaction() as session:
                assert session.execute(text(SETTINGS)).one() == ("UTC", "1600ms")
            assert other.execute("SELECT current_setting('TimeZone')").fetchone() == ("Asia/Tokyo",)
            with database.reading() as session:
                zone, limit = session.execute(text(SETTINGS)).one()
            assert (zone, limit) == ("UTC", "1600ms" if pooler == "session" else "0")


def test_nothing_is_prepared_behind_a_pooler_by_transaction(open_pooler: OpenPooler) -> None:
    """A statement that is used often would stay with a server, which is another client's the next time."""
    with adapter(open_pooler(**FEW).url, "transaction") as database:
        assert database.breaker.probe(database.probe)
        for _ in range(20):
            with database.reading() as session:
                assert session.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one() == 0


def test_a_statement_that_does_not_end_is_given_up_by_our_own_deadline(open_pooler: OpenPooler) -> None:
    """In autocommit the server knows no limit there; the connection is closed, and the next call gets another one."""
    with adapter(open_pooler(**FEW).url, "transaction") as database:
        assert database.breaker.probe(database.probe)
        with pytest.raises(Exception, match="not available"), database.reading() as session:
            session.execute(text("SELECT pg_sleep(30)"))
        with database.reading() as session:
            assert session.execute(text("SELECT 1")).scalar_one() == 1


def findings(database: Database) -> dict[str, Finding]:
    """Return what the doctor finds, by code."""
    return {each.code: each for each in databases.database(database, frozenset())}


def test_the_doctor_names_a_pooler_that_refuses_our_settings(open_pooler: OpenPooler) -> None:
    """As Debian ships it, PgBouncer refuses `options`: not a server that is down, but a setting that is missing."""
    with adapter(open_pooler(**FEW).url, "none") as database:
        found = findings(database)
    assert [*found] == ["database-pooler"]
    assert found["database-pooler"].level is Severity.FAIL
    assert "DATABASE_POOLER=transaction" in found["database-pooler"].mend


def test_the_doctor_is_not_content_with_settings_of_the_role(open_pooler: OpenPooler, postgres: PostgresServer) -> None:
    """`ALTER ROLE … SET` brings back the time limits, and nothing else that a session is counted on for."""
    server = open_pooler(**FEW, ignore_startup_parameters="options")
    with role_has(postgres, "statement_timeout", "1000"), adapter(server.url, "none") as database:
        found = findings(database)
    assert found["database-timeout"].level is Severity.PASS
    assert found["database-pooler"].level is Severity.FAIL
    assert "by transaction" in found["database-pooler"].message


@pytest.mark.parametrize("pooler", ["session", "transaction"])
def test_the_doctor_is_content_with_what_is_declared(open_pooler: OpenPooler, pooler: str) -> None:
    """Either kind of pooler is a supported set-up, as long as the settings say so."""
    server = open_pooler(**{**FEW, "pool_mode": pooler})
    with adapter(server.url, pooler) as database:
        found = findings(database)
    assert {code for code, each in found.items() if each.level is Severity.FAIL} == set()
    assert {"database-pooler", "database-timeout"} <= {*found}


def test_the_doctor_finds_that_a_pooler_is_not_of_the_kind_declared(open_pooler: OpenPooler) -> None:
    """Declared as one by session, a pooler by transaction loses what is set."""
    with adapter(open_pooler(**FEW).url, "session") as database:
        assert findings(database)["database-pooler"].level is Severity.FAIL


def test_the_doctor_knows_a_server_without_a_pooler(postgres: PostgresServer) -> None:
    """A direct connection keeps its session."""
    with adapter(postgres.url, "none") as database:
        assert findings(database)["database-pooler"].level is Severity.PASS

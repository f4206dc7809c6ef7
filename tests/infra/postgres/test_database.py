"""The door to PostgreSQL, before servers that are frozen, killed, stopped, full or out of reach."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import sqlalchemy.exc
from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.private.server import PrivateServer
from deploy.private.servers import PostgresServer
from rental_backend.errors import AppError, Busy, Conflict, Invalid, OutcomeUnknown, Unavailable
from rental_backend.infra.postgres.connection import DeadlineConnection, is_closed_by_server
from rental_backend.infra.postgres.database import Database
from rental_backend.resilience import CLOSED, OPEN, Counts, Prober, budget
from tests.infra.conftest import OpenDatabase, failures
from tests.infra.timing import within
from tests.proxy import Proxy
from tests.serving import free_port, until

pytestmark = pytest.mark.alone(waiting=True)

ROOT = Path(__file__).parents[3]
SLACK = 0.6  # psycopg looks up every 0.1 s while connecting; the rest is for a machine that is busy
INSERT = text("INSERT INTO things (id, name, size, parent_id) VALUES (:id, :name, :size, :parent)")


class Refused(AppError):
    """A refusal that leaves a trace."""

    status, keeps_transaction = 401, True


def insert(session: Session, id: int, name: str = "", size: int = 1, parent: int | None = None) -> None:
    """Store a thing."""
    session.execute(INSERT, {"id": id, "name": name or f"thing {id}", "size": size, "parent": parent})


def stored(server: PostgresServer) -> list[int]:
    """Return the things that are stored, seen around the door."""
    with psycopg.connect(server.url) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM things ORDER BY id")]


def backend(database: Database) -> int:
    """Use the database once and return the process that answered."""
    with database.reading() as session:
        return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())


def driver_connection(session: Session) -> DeadlineConnection:
    """Return the connection under a session."""
    found: Any = session.connection().connection.dbapi_connection
    assert isinstance(found, DeadlineConnection)
    return found


def behind(url: str, port: int, host: str = "127.0.0.1") -> str:
    """Return the URL with another address."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@{host}:{port}").geturl()


def test_a_frozen_server_is_waited_for_no_longer_than_the_deadline(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """A statement sent to a server that stopped gives `Unavailable` at the deadline, counted as one failure."""
    database = open_database(frail_postgres.url)
    first = backend(database)
    frail_postgres.freeze()
    with within(0.4 + SLACK, least=0.4), pytest.raises(Unavailable) as caught:
        backend(database)
    assert (type(caught.value), caught.value.members["dependency"]) == (Unavailable, "database")
    assert failures(database.breaker) == 1
    frail_postgres.thaw()
    assert backend(database) != first


def test_a_connection_that_missed_its_deadline_is_closed_and_never_used_again(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """What it was doing cannot be known, so it does not go back to the pool."""
    database = open_database(frail_postgres.url, pool_size=1)
    with pytest.raises(Unavailable), database.reading() as session:
        connection = driver_connection(session)
        session.execute(text("SELECT 1"))
        frail_postgres.freeze()
        session.execute(text("SELECT 2"))
    assert connection.closed
    frail_postgres.thaw()
    with database.reading() as session:
        assert driver_connection(session) is not connection
        assert session.execute(text("SELECT 3")).scalar_one() == 3


def test_connecting_to_a_frozen_server_takes_no_longer_than_the_deadline(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """The kernel accepts the connection and nobody speaks: given up in well under libpq's least of two seconds."""
    database = open_database(frail_postgres.url, deadline=5)
    frail_postgres.freeze()
    with within(0.4 + SLACK, least=0.4), pytest.raises(Unavailable):
        backend(database)
    assert failures(database.breaker) == 1
    with within(0.4 + SLACK, least=0.4), pytest.raises(psycopg.OperationalError, match=r"no connection within 0\.40 s"):
        database.probe()


def test_a_server_that_freezes_while_committing_leaves_the_outcome_unknown(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """The caller is told to look, within the deadline, and it counts as a failure."""
    database = open_database(frail_postgres.url)
    with within(0.4 + SLACK + 1, least=0.4), pytest.raises(OutcomeUnknown) as caught, database.transaction() as session:
        insert(session, 1)
        frail_postgres.freeze()
    assert (caught.value.code, caught.value.status) == ("outcome_unknown", 503)
    assert failures(database.breaker) == 1


def test_a_connection_cut_while_committing_leaves_the_outcome_unknown(
    frail_postgres: PostgresServer, open_database: OpenDatabase, proxy_to: Callable[[PrivateServer], Proxy]
) -> None:
    """A reset between the work and the answer to COMMIT is no proof that nothing was changed."""
    proxy = proxy_to(frail_postgres)
    database = open_database(behind(frail_postgres.url, proxy.port))
    with pytest.raises(OutcomeUnknown), database.transaction() as session:
        insert(session, 1)
        proxy.reset()


def test_a_server_that_freezes_before_the_rollback_gives_unavailable(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """A refusal by our own rules turns into an outage when the server stops meanwhile; nothing is stored."""
    database = open_database(frail_postgres.url)
    with within(0.4 + SLACK + 1), pytest.raises(Unavailable), database.transaction() as session:
        insert(session, 1)
        frail_postgres.freeze()
        raise Conflict
    frail_postgres.thaw()
    assert backend(database)
    assert stored(frail_postgres) == []


def test_a_black_hole_is_waited_for_no_longer_than_the_deadline(
    frail_postgres: PostgresServer, open_database: OpenDatabase, proxy_to: Callable[[PrivateServer], Proxy]
) -> None:
    """When the network swallows everything, old connections and new ones are given up alike."""
    proxy = proxy_to(frail_postgres)
    database = open_database(behind(frail_postgres.url, proxy.port))
    backend(database)
    proxy.black_hole()
    for _ in ("on the old connection", "on a new one"):
        with within(0.4 + SLACK, least=0.4), pytest.raises(Unavailable):
            backend(database)
    proxy.restore()
    assert backend(database)


def test_a_spent_budget_is_ours_and_no_verdict_on_the_server(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """Requests that had spent their time before they asked are told to come back, and open no breaker."""
    database = open_database(frail_postgres.url)
    backend(database)
    frail_postgres.freeze()
    for _ in range(2 * database.breaker.fail_max):  # on an old connection first, then on new ones
        with budget(0.05), pytest.raises(Busy):
            backend(database)
    assert database.breaker.closed
    assert failures(database.breaker) == 0


def test_what_is_left_of_a_requests_budget_bounds_the_wait(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """A request that has waited elsewhere already does not get the whole deadline again."""
    database = open_database(frail_postgres.url, deadline=3, connect_deadline=3)
    backend(database)
    frail_postgres.freeze()
    with budget(0.3), within(0.3 + SLACK, least=0.29):
        for _ in ("on the old connection", "on a new one"):
            with pytest.raises(Busy):
                backend(database)


def test_a_stopped_server_is_noticed_at_once(frail_postgres: PostgresServer, open_database: OpenDatabase) -> None:
    """A refused port needs no deadline; the sixth failure opens the breaker and nobody asks any more."""
    database = open_database(frail_postgres.url)
    backend(database)
    frail_postgres.stop()
    with within(SLACK):
        for _ in range(6):
            assert database.breaker.closed
            with pytest.raises(Unavailable):
                backend(database)
    assert database.breaker.current_state == OPEN
    database.breaker.half_open()
    assert not database.breaker.probe(database.probe)
    last = database.breaker.events[-1]
    assert (last.cause, last.error) == ("the probe failed", "OperationalError")


def test_nothing_connects_before_the_first_probe(open_database: OpenDatabase) -> None:
    """Making the door and asking through it touch no network; it is simply not available yet."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        url = f"postgresql://a:b@127.0.0.1:{listener.getsockname()[1]}/c"
        database = open_database(url, probed=False)
        with within(SLACK), pytest.raises(Unavailable):
            backend(database)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_without_a_url_it_is_never_available(open_database: OpenDatabase) -> None:
    """A database that is not configured is an outage, not a crash."""
    database = open_database("", probed=False)
    assert not database.breaker.probe(database.probe)
    with pytest.raises(Unavailable):
        backend(database)
    database.breaker.close()
    with pytest.raises(Unavailable):
        backend(database)


@pytest.mark.parametrize(("calls", "first"), [(40, 3), (16, 1), (5, 1)])
def test_after_an_outage_a_twelfth_of_the_calls_is_made_at_first(
    open_database: OpenDatabase, calls: int, first: int
) -> None:
    """One at least; as many as it is used to meet it by and by."""
    database = open_database("", probed=False, calls=calls)
    for _ in range(2):
        database.breaker.open()
        database.breaker.close()
    assert database.bulkhead.current_limit == first


def test_an_unknown_host_name_is_an_outage(open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that cannot be resolved fails the probe and leaves the breaker open."""
    asked = _resolver(monkeypatch, {})
    database = open_database(f"postgresql://a:b@nowhere.test:{free_port()}/c", probed=False)
    with pytest.raises(socket.gaierror):
        database.probe()
    assert not database.breaker.probe(database.probe)
    assert (database.breaker.current_state, asked) == (OPEN, ["nowhere.test", "nowhere.test"])


def test_names_are_resolved_by_the_probe_only(
    frail_postgres: PostgresServer, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request connects to the addresses the probe found; libpq, which knows nothing of the name, is not asked."""
    asked = _resolver(monkeypatch, {"shop-database.test": "127.0.0.1"})
    assert frail_postgres.port
    database = open_database(behind(frail_postgres.url, frail_postgres.port, "shop-database.test"))
    assert asked == ["shop-database.test"]
    with database.reading() as session:
        info = driver_connection(session).info
        assert (info.host, info.hostaddr) == ("shop-database.test", "127.0.0.1")
    assert asked == ["shop-database.test"]


def test_a_resolver_that_fails_later_does_no_harm(
    frail_postgres: PostgresServer, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe goes on with the addresses it knows as long as names cannot be resolved."""
    names = {"shop-database.test": "127.0.0.1"}
    asked = _resolver(monkeypatch, names)
    assert frail_postgres.port
    database = open_database(behind(frail_postgres.url, frail_postgres.port, "shop-database.test"))
    names.clear()
    database.breaker.open()
    database.breaker.half_open()
    assert database.breaker.probe(database.probe)
    assert len(asked) == 2


def _resolver(monkeypatch: pytest.MonkeyPatch, names: dict[str, str]) -> list[str]:
    """Stand in for the system's resolver; return the list of the names it is asked for."""
    asked: list[str] = []

    def resolve(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (names[host], int(port)))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_a_name_that_leads_elsewhere_is_followed_by_every_process(
    frail_postgres: PostgresServer, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not probe resolves it, too, and gives up its connections to the address of before."""
    names = {"shop.test": "127.0.0.1"}
    asked = _resolver(monkeypatch, names)
    database = open_database(behind(frail_postgres.url, frail_postgres.port or 0, "shop.test"))
    first = backend(database)
    database.resolve()
    assert backend(database) == first
    names["shop.test"] = "127.0.0.2"  # where nobody listens
    database.resolve()
    with pytest.raises(Unavailable):
        backend(database)
    names.clear()
    database.resolve()
    assert asked == ["shop.test"] * 4


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_pool_of_stale_connections_harms_nobody(
    frail_postgres: PostgresServer, open_database: OpenDatabase, end: str
) -> None:
    """After a restart of the server the next uses of every pooled connection succeed, as if nothing had happened."""
    database = open_database(frail_postgres.url, pool_size=3)
    with contextlib.ExitStack() as stack:
        for session in [stack.enter_context(database.reading()) for _ in range(3)]:
            session.execute(text("SELECT 1"))
    assert database.engine.pool.checkedin() == 3  # type: ignore[attr-defined]
    getattr(frail_postgres, end)()
    frail_postgres.start()
    with contextlib.ExitStack() as stack:
        for session in [stack.enter_context(database.transaction()) for _ in range(3)]:
            assert session.execute(text("SELECT 1")).scalar_one() == 1
    assert failures(database.breaker) == 0


def test_a_connection_ended_by_the_server_is_replaced_unseen(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """An administrator who ends an idle connection is not noticed by its next user."""
    database = open_database(frail_postgres.url, pool_size=1)
    ended = backend(database)
    with psycopg.connect(frail_postgres.url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [ended])
    assert backend(database) != ended
    assert failures(database.breaker) == 0


def test_inspecting_works_with_any_number_of_open_files(frail_postgres: PostgresServer) -> None:
    """A descriptor above 1023, which select() refuses, is inspected like any other."""
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1030)]
    try:
        with psycopg.connect(frail_postgres.url, autocommit=True) as connection:
            assert connection.fileno() > 1023
            assert not is_closed_by_server(connection)
            with psycopg.connect(frail_postgres.url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
            until(lambda: is_closed_by_server(connection))
    finally:
        for each in files:
            os.close(each)
    assert is_closed_by_server(connection)


def test_an_exhausted_pool_is_ours_and_no_verdict_on_the_server(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """When all connections are in use the next caller is told soon that we are busy; the breaker takes no note."""
    database = open_database(frail_postgres.url, pool_size=1, pool_timeout=0.1)
    with database.reading() as session:
        session.execute(text("SELECT 1"))
        for _ in range(5):
            with within(0.1 + SLACK, least=0.1), pytest.raises(Busy):
                backend(database)
    counts = database.breaker.counts()
    assert (database.breaker.current_state, counts.successes, counts.failures) == (CLOSED, 1, 0)


def test_too_many_calls_are_ours_and_no_verdict_on_the_server(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """With as many calls under way as may be the next caller is told at once that we are busy; then there is place."""
    database = open_database(frail_postgres.url, pool_size=2, calls=1)
    for _ in range(2):
        with database.reading() as session:
            session.execute(text("SELECT 1"))
            assert database.bulkhead.in_flight == 1
            for work in (database.reading, database.transaction):
                with within(SLACK), pytest.raises(Busy), work():
                    raise AssertionError("never reached")
        assert database.bulkhead.in_flight == 0
    counts = database.breaker.counts()
    assert (database.breaker.current_state, counts.successes, counts.failures) == (CLOSED, 2, 0)


@pytest.mark.parametrize(
    ("values", "refusal", "field"),
    [
        ({"id": 1, "name": "other"}, Conflict, "id"),
        ({"id": 2, "name": "secret name"}, Conflict, "name"),
        ({"id": 2, "parent": 99}, Invalid, "parent_id"),
        ({"id": 2, "size": -77}, Invalid, "ck_things_size"),
    ],
    ids=["primary key", "unique", "foreign key", "check"],
)
def test_a_violated_constraint_names_the_column(
    frail_postgres: PostgresServer,
    open_database: OpenDatabase,
    values: dict[str, Any],
    refusal: type[AppError],
    field: str,
) -> None:
    """The caller learns which field clashes, never a value; it says nothing against the server."""
    database = open_database(frail_postgres.url)
    with database.transaction() as session:
        insert(session, 1, "secret name")
    for _ in range(4):
        with pytest.raises(refusal) as caught, database.transaction() as session:
            insert(session, **values)
        assert list(caught.value.members["errors"]) == [field]
        assert field in caught.value.detail
        assert not {"secret", "99", "77"} & set(caught.value.detail.split())
    assert (database.breaker.closed, failures(database.breaker)) == (True, 0)
    assert stored(frail_postgres) == [1]


def test_overlapping_ranges_are_a_conflict(frail_postgres: PostgresServer, open_database: OpenDatabase) -> None:
    """An exclusion constraint names its columns as a uniqueness does."""
    database = open_database(frail_postgres.url)
    book = "INSERT INTO things (id, place, during) VALUES ({}, 7, '[1,5)')"
    with pytest.raises(Conflict) as caught, database.transaction() as session:
        session.execute(text(book.format(1)))
        session.execute(text(book.format(2)))
    assert list(caught.value.members["errors"]) == ["place", "during"]


def test_a_constraint_checked_at_the_commit_is_named_too(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """A COMMIT that a living server refuses has a known outcome: nothing was stored."""
    database = open_database(frail_postgres.url)
    with psycopg.connect(frail_postgres.url) as connection:
        connection.execute("ALTER TABLE things ALTER CONSTRAINT fk_things_parent_id_things DEFERRABLE")
    with pytest.raises(Invalid) as caught, database.transaction() as session:
        session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        insert(session, 1, parent=99)
    assert list(caught.value.members["errors"]) == ["parent_id"]
    assert failures(database.breaker) == 0
    assert stored(frail_postgres) == []


@pytest.mark.parametrize("statement", ["SELECT pg_sleep(5)", "LOCK TABLE things"], ids=["slow", "locked"])
def test_a_slow_statement_is_cut_by_a_living_server_and_no_verdict_on_it(
    frail_postgres: PostgresServer, open_database: OpenDatabase, statement: str
) -> None:
    """The server's own time-outs fire before our deadline: the connection lives on and the caller is told `Busy`."""
    database = open_database(frail_postgres.url, deadline=5, pool_size=1)
    first = backend(database)
    with psycopg.connect(frail_postgres.url) as other:
        other.execute("LOCK TABLE things")
        for _ in range(3):
            with within(2), pytest.raises(Busy), database.transaction() as session:
                session.execute(text("SET LOCAL statement_timeout = 100"))
                session.execute(text("SET LOCAL lock_timeout = 50"))
                session.execute(text(statement))
    assert backend(database) == first
    assert (database.breaker.closed, failures(database.breaker)) == (True, 0)


def test_a_value_out_of_range_is_the_callers_mistake(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """What the database cannot hold is invalid input, not an error of ours."""
    database = open_database(frail_postgres.url)
    with pytest.raises(Invalid), database.transaction() as session:
        insert(session, 10**12)
    assert failures(database.breaker) == 0


def test_a_mistake_in_a_statement_comes_through_as_it_is(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """A programming error is neither an outage nor a refusal, and its chain of causes has an end."""
    database = open_database(frail_postgres.url)
    with pytest.raises(sqlalchemy.exc.ProgrammingError) as caught, database.reading() as session:
        session.execute(text("SELEKT 1"))
    assert isinstance(caught.value.__cause__, psycopg.errors.SyntaxError)
    assert failures(database.breaker) == 0


@pytest.mark.parametrize("statement", ["SELECT * FROM nothing", "SELECT nothing FROM things"], ids=["table", "column"])
def test_a_schema_that_is_behind_is_unavailable_but_no_verdict(
    frail_postgres: PostgresServer, open_database: OpenDatabase, statement: str
) -> None:
    """During a deployment the new version may be ahead of the database: come back later, the server is well."""
    database = open_database(frail_postgres.url)
    with pytest.raises(Unavailable, match="revision") as caught, database.reading() as session:
        session.execute(text(statement))
    assert caught.value.headers["Retry-After"] == "5"
    assert failures(database.breaker) == 0


def test_a_server_that_takes_no_writes_fails_the_probe(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """A read-only server answers, but cannot be used for what we need it for."""
    with psycopg.connect(frail_postgres.url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'read'")
        connection.execute("ALTER ROLE reader SET default_transaction_read_only = on")
    url = f"postgresql://reader:read@127.0.0.1:{frail_postgres.port}/rental"
    database = open_database(url, probed=False)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        database.probe()
    assert not database.breaker.probe(database.probe)


def test_a_session_never_used_says_nothing_of_the_server(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """An empty transaction reports success without contacting anybody: it is not counted, a used one is."""
    database = open_database(frail_postgres.url)
    with database.reading():
        pass
    with database.transaction():
        pass
    assert database.breaker.counts() == Counts()
    with database.reading() as session:
        session.execute(text("SELECT 1"))
    with database.transaction() as session:
        session.execute(text("SELECT 1"))
    assert database.breaker.counts() == Counts(successes=2)


def test_work_is_committed_once_at_the_end(frail_postgres: PostgresServer, open_database: OpenDatabase) -> None:
    """Nothing is seen by others before the block ends, everything after."""
    database = open_database(frail_postgres.url)
    with database.transaction() as session:
        insert(session, 1)
        insert(session, 2)
        assert stored(frail_postgres) == []
    assert stored(frail_postgres) == [1, 2]


@pytest.mark.parametrize("error", [Conflict(), ValueError(), SystemExit()], ids=lambda error: type(error).__name__)
def test_an_error_rolls_everything_back(
    frail_postgres: PostgresServer, open_database: OpenDatabase, error: BaseException
) -> None:
    """Whatever leaves the block by an error leaves no trace, and comes through as it is."""
    database = open_database(frail_postgres.url, pool_size=1)
    with pytest.raises(type(error)) as caught, database.transaction() as session:
        insert(session, 1)
        raise error
    assert caught.value is error
    assert stored(frail_postgres) == []
    assert failures(database.breaker) == 0
    backend(database)


def test_a_refusal_that_keeps_its_transaction_is_committed_and_raised(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """A failed sign-in leaves its trace."""
    database = open_database(frail_postgres.url)
    with pytest.raises(Refused), database.transaction() as session:
        insert(session, 1)
        raise Refused
    assert stored(frail_postgres) == [1]
    assert database.breaker.counts() == Counts(successes=1)


def test_reading_statements_stand_alone(frail_postgres: PostgresServer, open_database: OpenDatabase) -> None:
    """No transaction is open between two queries of a reader; a transaction of the same pool is one again."""
    database = open_database(frail_postgres.url, pool_size=1)
    stamp = text("SELECT now()")
    with database.reading() as session:
        assert session.execute(stamp).scalar_one() != session.execute(stamp).scalar_one()
    with database.transaction() as session:
        assert session.execute(stamp).scalar_one() == session.execute(stamp).scalar_one()


def test_sessions_carry_our_limits(frail_postgres: PostgresServer, open_database: OpenDatabase) -> None:
    """The server knows our time-outs, a little under our own deadline, our name, and speaks UTC."""
    database = open_database(frail_postgres.url, deadline=0.8)
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "TimeZone", "application_name")
    with database.reading() as session:
        shown = [session.execute(text(f"SHOW {name}")).scalar_one() for name in names]
    assert shown == ["640ms", "320ms", "10s", "UTC", "rental_backend database"]


def test_options_of_the_url_are_kept(frail_postgres: PostgresServer, open_database: OpenDatabase) -> None:
    """What the operator puts into the URL stands beside our settings, and his name for the program before ours."""
    extra = "?options=-c%20search_path%3Dpg_catalog&application_name=till"
    database = open_database(frail_postgres.url + extra)
    with database.reading() as session:
        shown = [session.execute(text(f"SHOW {name}")).scalar_one() for name in ("search_path", "application_name")]
        assert session.execute(text("SHOW lock_timeout")).scalar_one() == "160ms"
    assert shown == ["pg_catalog", "till"]


def test_it_recovers_by_the_prober_alone(frail_postgres: PostgresServer, open_database: OpenDatabase) -> None:
    """Frozen, it opens without any user's call and closes again after the thaw."""
    database = open_database(frail_postgres.url)
    prober = Prober(database.breaker, database.probe, heartbeat=0.1)
    prober.start()
    frail_postgres.freeze()
    until(lambda: not database.breaker.closed)
    with within(SLACK), pytest.raises(Unavailable):
        backend(database)
    frail_postgres.thaw()
    until(lambda: database.breaker.closed)
    prober.stop()
    assert backend(database)


def test_a_forked_child_uses_no_connection_of_its_parent(frail_postgres: PostgresServer) -> None:
    """Both go on working after a fork, each on connections of its own."""
    script = """
        import json, os, sys
        from sqlalchemy import text
        from rental_backend.infra.postgres.database import Database

        database = Database(
            "database", os.environ["URL"], deadline=5, connect_deadline=5, pool_size=2, pool_timeout=1, calls=9
        )
        assert database.breaker.probe(database.probe)

        def backend():
            with database.reading() as session:
                return session.execute(text("SELECT pg_backend_pid()")).scalar_one()

        before = backend()
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.write(write, json.dumps([backend(), backend(), database.breaker.counts().failures]).encode())
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        print(json.dumps([before, backend(), json.loads(os.read(read, 1000))]))
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "URL": frail_postgres.url},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    before, after, (child_first, child_second, child_failures) = json.loads(done.stdout)
    assert before == after
    assert child_first == child_second != before
    assert child_failures == 0

"""A database that fails over behind one address while the old connections live on: nobody goes on using them."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from deploy.private.servers import PostgresServer
from rental_backend.errors import Unavailable
from rental_backend.infra.postgres.database import Database
from rental_backend.resilience import Prober, SharedMemory
from tests.infra.conftest import OpenDatabase
from tests.infra.failover import Failover, ask, standing

pytestmark = pytest.mark.alone(waiting=True)

BACK = 5.0  # seconds
HEARTBEAT = 2.0  # as it is shipped


def _start(folder: Path) -> PostgresServer:
    server = PostgresServer(folder, port=0, durable=False)
    server.start()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE things (id integer PRIMARY KEY); CREATE TABLE who (name text)")
        connection.execute("INSERT INTO who VALUES ('before')")
    return server


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Failover]:
    """A primary and its standby behind one address."""
    with standing(tmp_path, _start) as pair:
        yield pair


@contextmanager
def probing(database: Database) -> Iterator[None]:
    """Have the database probed in the background within the block."""
    prober = Prober(database.breaker, database.probe, heartbeat=HEARTBEAT, while_busy=True)
    prober.start()
    yield
    prober.stop()


def write(database: Database, id: int) -> bool:
    """Store a thing; tell whether that succeeded."""
    try:
        with database.transaction() as session:
            session.execute(text("INSERT INTO things VALUES (:id)"), {"id": id})
    except Unavailable:
        return False
    return True


def read(database: Database) -> str | None:
    """Return what the server that answers knows, None if there is no answer."""
    try:
        with database.reading() as session:
            return str(session.execute(text("SELECT name FROM who")).scalar_one())
    except Unavailable:
        return None


def processes(database: Database) -> tuple[int, ...]:
    """Use two connections at once and return the processes that answered."""
    with database.reading() as one, database.reading() as other:
        return tuple(int(each.execute(text("SELECT pg_backend_pid()")).scalar_one()) for each in (one, other))


def test_the_second_write_reaches_the_new_primary(pair: Failover, open_database: OpenDatabase) -> None:
    """The first one is told by the old primary that it takes none, and that speaks against every connection."""
    database = open_database(pair.url, deadline=2, connect_deadline=2)
    processes(database)
    pair.promote(fenced=True)
    assert [write(database, number) for number in range(3)] == [False, True, True]
    assert ask(pair.standby, "SELECT count(*) FROM things") == 2


@pytest.mark.parametrize("fenced", [True, False], ids=["read-only", "writable"])
def test_reads_leave_the_old_primary_without_a_write(pair: Failover, open_database: OpenDatabase, fenced: bool) -> None:
    """With nothing but reads on a busy pool, the prober finds that another server answers at the address."""
    database = open_database(pair.url, deadline=2, connect_deadline=2)
    with probing(database):
        processes(database)
        pair.promote(fenced=fenced)
        ask(pair.standby, "UPDATE who SET name = 'after'")
        began, found = time.monotonic(), [read(database)]
        while time.monotonic() < began + BACK:
            found.append(read(database))
            if found[-1] == "after":
                break
        assert found[-1] == "after"
        assert {read(database) for _ in range(50)} == {"after"}
        assert write(database, 1)


def test_writes_are_back_in_time_for_everybody(pair: Failover, open_database: OpenDatabase) -> None:
    """Another worker, whose own calls did not fail, gives up its connections as well."""
    memory = SharedMemory()
    workers = [open_database(pair.url, deadline=2, connect_deadline=2, memory=memory, probed=False) for _ in range(2)]
    assert workers[0].breaker.probe(workers[0].probe)
    for worker in workers:
        processes(worker)
    pair.promote(fenced=True)
    assert not write(workers[0], 1)
    assert write(workers[1], 2)


def test_what_was_opened_before_an_outage_is_not_used_after_it(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """A breaker that closes again gives up the connections of before; the operator's reset is one, too."""
    database = open_database(frail_postgres.url, deadline=2, connect_deadline=2)
    before = processes(database)
    assert set(processes(database)) == set(before)
    database.breaker.force_open(reason="a test", actor="test")
    database.breaker.reset(reason="a test", actor="test")
    assert not {*processes(database)} & {*before}


def test_a_restarted_server_is_another_one(frail_postgres: PostgresServer, open_database: OpenDatabase) -> None:
    """It is told by when it was started; the same one seen again costs no connection."""
    database = open_database(frail_postgres.url, deadline=2, connect_deadline=2)
    before = processes(database)
    database.probe()
    assert set(processes(database)) == set(before)
    frail_postgres.stop()
    frail_postgres.start()
    epoch = database.epoch.current()
    database.probe()
    assert database.epoch.current() == epoch + 1


def test_a_new_connection_is_used_whatever_ends_meanwhile(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """A server that takes no writes ends epochs all the time: who reads is not refused for that."""
    database = open_database(frail_postgres.url)
    database.epoch.current = itertools.count().__next__
    for _ in range(3):
        with database.reading() as session:
            assert session.execute(text("SELECT 1")).scalar_one() == 1


def test_one_condemned_connection_is_closed_at_once(
    frail_postgres: PostgresServer, open_database: OpenDatabase
) -> None:
    """An error that speaks against the server, not its address, costs the connection that had it and no other."""
    database = open_database(frail_postgres.url, deadline=2, connect_deadline=2)
    before = processes(database)
    with pytest.raises(Unavailable), database.reading() as session:
        driver = session.driver  # type: ignore[attr-defined]
        process = driver.info.backend_pid
        session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$"))
    assert driver.closed
    assert {*processes(database)} & {*before} == {*before} - {process}

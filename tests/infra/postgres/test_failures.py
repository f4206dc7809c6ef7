"""What each error says of its server, raised by real ones wherever a server can be brought to raise it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import sqlalchemy.exc
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.private.server import PrivateServer
from deploy.private.servers import PostgresServer, RedisServer
from rental_backend.infra.postgres.connection import CommitLost
from rental_backend.infra.postgres.database import Database
from rental_backend.infra.postgres.failures import classify_database_error
from rental_backend.infra.redis.failures import classify_redis_error
from rental_backend.resilience import Outcome
from tests.infra.conftest import OpenDatabase
from tests.proxy import Proxy
from tests.serving import until

pytestmark = pytest.mark.alone(waiting=True)

ROLE = "DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'guest'"
MEGABYTES = 128  # take a server a moment to load


@pytest.fixture
def administrator(frail_postgres: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    """A way around the door."""
    with closing(psycopg.connect(frail_postgres.url, autocommit=True)) as connection:
        yield connection


@pytest.fixture
def database(frail_postgres: PostgresServer, open_database: OpenDatabase) -> Database:
    """A door with a long deadline."""
    return open_database(frail_postgres.url, deadline=5)


def guest(server: PostgresServer, *, password: str) -> str:
    """Return the URL of the role `guest`."""
    return f"postgresql://guest:{password}@127.0.0.1:{server.port}/rental"


@contextmanager
def connected(database: Database, isolation: Any = "READ COMMITTED") -> Iterator[sqlalchemy.Connection]:
    """Hold a connection of the door's pool in a transaction; errors come as the door's translation sees them."""
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level=isolation)
        with connection.begin():
            yield connection


def raised(database: Database, *statements: str) -> sqlalchemy.exc.DBAPIError:
    """Return what the last of the statements raises in one transaction."""
    with pytest.raises(sqlalchemy.exc.DBAPIError) as caught, connected(database) as connection:
        for each in statements:
            connection.exec_driver_sql(each)
    return caught.value


def state(error: sqlalchemy.exc.DBAPIError) -> str | None:
    """Return the SQLSTATE of an error."""
    return getattr(error.orig, "sqlstate", None)


@pytest.mark.parametrize(
    ("expected", "statements"),
    [
        ("23505", ["INSERT INTO things (id) VALUES (1), (1)"]),
        ("23503", ["INSERT INTO things (id, parent_id) VALUES (1, 99)"]),
        ("23514", ["INSERT INTO things (id, size) VALUES (1, 0)"]),
        ("23502", ["INSERT INTO things (id) VALUES (NULL)"]),
        ("22003", ["SELECT 1000000 * 1000000"]),
        ("42P01", ["SELECT * FROM nothing"]),
        ("42601", ["SELEKT"]),
        ("57014", ["SET LOCAL statement_timeout = 30", "SELECT pg_sleep(5)"]),
        ("P0001", ["DO $$ BEGIN RAISE EXCEPTION 'no'; END $$"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_statements_own_fault_is_no_verdict(database: Database, expected: str, statements: list[str]) -> None:
    """Constraints, mistakes and our own time-outs say nothing against PostgreSQL."""
    error = raised(database, *statements)
    assert (state(error), classify_database_error(error)) == (expected, Outcome.NONE)


def test_a_lock_not_had_in_time_is_no_verdict(database: Database, administrator: psycopg.Connection[Any]) -> None:
    """Waiting for another transaction's lock is traffic, not an outage (55P03)."""
    with administrator.transaction():
        administrator.execute("LOCK TABLE things")
        error = raised(database, "SET LOCAL lock_timeout = 30", "LOCK TABLE things")
    assert (state(error), classify_database_error(error)) == ("55P03", Outcome.NONE)


def test_a_statement_cancelled_by_somebody_is_no_verdict(
    database: Database, administrator: psycopg.Connection[Any]
) -> None:
    """An administrator who cancels a query has nothing against the server (57014)."""
    with database.engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        sleeping = pool.submit(connection.exec_driver_sql, "SELECT pg_sleep(5)")
        until(lambda: _active(administrator, pid))
        administrator.execute("SELECT pg_cancel_backend(%s)", [pid])
        error = sleeping.exception(10)
    assert isinstance(error, sqlalchemy.exc.DBAPIError)
    assert (state(error), classify_database_error(error)) == ("57014", Outcome.NONE)


def _active(administrator: psycopg.Connection[Any], pid: int) -> bool:
    query = "SELECT query LIKE '%%pg_sleep%%' AND state = 'active' FROM pg_stat_activity WHERE pid = %s"
    row = administrator.execute(query, [pid]).fetchone()
    return bool(row and row[0])


def test_a_deadlock_is_no_verdict(database: Database, administrator: psycopg.Connection[Any]) -> None:
    """Two transactions that wait for each other say nothing against the server that noticed (40P01)."""
    administrator.execute("INSERT INTO things (id) VALUES (1), (2)")
    barrier = threading.Barrier(2)

    def cross(first: int, second: int) -> Exception | None:
        try:
            with connected(database) as connection:
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
                connection.exec_driver_sql("SET LOCAL deadlock_timeout = '50ms'")
                connection.exec_driver_sql(f"UPDATE things SET size = 1 WHERE id = {first}")
                barrier.wait(5)
                connection.exec_driver_sql(f"UPDATE things SET size = 1 WHERE id = {second}")
        except sqlalchemy.exc.DBAPIError as error:
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        errors = [each for each in pool.map(cross, (1, 2), (2, 1)) if each]
    assert [type(error.orig) for error in errors] == [psycopg.errors.DeadlockDetected]  # type: ignore[attr-defined]
    assert classify_database_error(errors[0]) is Outcome.NONE


def test_a_serialization_failure_is_no_verdict(database: Database, administrator: psycopg.Connection[Any]) -> None:
    """Losing a race between transactions is to be tried again (40001)."""
    administrator.execute("INSERT INTO things (id) VALUES (1)")
    with (
        pytest.raises(sqlalchemy.exc.DBAPIError) as caught,
        connected(database, "REPEATABLE READ") as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM things")
        administrator.execute("UPDATE things SET size = 5")
        connection.exec_driver_sql("UPDATE things SET size = 6")
    assert (state(caught.value), classify_database_error(caught.value)) == ("40001", Outcome.NONE)


def test_a_connection_ended_by_the_server_is_a_failure(
    database: Database, administrator: psycopg.Connection[Any]
) -> None:
    """A server that shuts down tells the sessions it ends (57P01)."""
    with database.engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        sleeping = pool.submit(connection.exec_driver_sql, "SELECT pg_sleep(5)")
        until(lambda: _active(administrator, pid))
        administrator.execute("SELECT pg_terminate_backend(%s)", [pid])
        error = sleeping.exception(10)
    assert isinstance(error, sqlalchemy.exc.DBAPIError)
    assert (state(error), classify_database_error(error)) == ("57P01", Outcome.FAILURE)


def test_too_many_connections_are_a_failure(
    frail_postgres: PostgresServer, administrator: psycopg.Connection[Any], open_database: OpenDatabase
) -> None:
    """A server that is full lets nobody in (53300)."""
    administrator.execute(ROLE)
    administrator.execute("ALTER ROLE guest CONNECTION LIMIT 1")
    database = open_database(guest(frail_postgres, password="guest"), probed=False)
    with closing(psycopg.connect(guest(frail_postgres, password="guest"))):
        error = raised(database, "SELECT 1")
    assert classify_database_error(error) is Outcome.FAILURE
    assert "too many connections" in str(error.orig)


def test_a_wrong_password_is_a_failure(
    frail_postgres: PostgresServer, administrator: psycopg.Connection[Any], open_database: OpenDatabase
) -> None:
    """Somebody changed the password: nobody gets in any more (28P01)."""
    administrator.execute(ROLE)
    error = raised(open_database(guest(frail_postgres, password="wrong"), probed=False), "SELECT 1")
    assert "password authentication failed" in str(error.orig)
    assert classify_database_error(error) is Outcome.FAILURE


def test_a_database_that_is_not_there_is_a_failure(frail_postgres: PostgresServer, open_database: OpenDatabase) -> None:
    """A server without our database is of no use (3D000)."""
    error = raised(open_database(frail_postgres.url.replace("/rental", "/other"), probed=False), "SELECT 1")
    assert "does not exist" in str(error.orig)
    assert classify_database_error(error) is Outcome.FAILURE


def test_a_read_only_server_is_a_failure(database: Database) -> None:
    """Whoever takes no writes is not the server we need (25006)."""
    error = raised(database, "SET TRANSACTION READ ONLY", "INSERT INTO things (id) VALUES (1)")
    assert (state(error), classify_database_error(error)) == ("25006", Outcome.FAILURE)


def test_a_connection_cut_in_the_middle_is_a_failure(
    frail_postgres: PostgresServer, open_database: OpenDatabase, proxy_to: Callable[[PrivateServer], Proxy]
) -> None:
    """A reset without a word from the server has no SQLSTATE and counts."""
    proxy = proxy_to(frail_postgres)
    url = frail_postgres.url.replace(f":{frail_postgres.port}/", f":{proxy.port}/")
    database = open_database(url)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        proxy.reset()
        with pytest.raises(sqlalchemy.exc.DBAPIError) as caught:
            connection.exec_driver_sql("SELECT 1")
    assert (state(caught.value), classify_database_error(caught.value)) == (None, Outcome.FAILURE)


def test_a_missed_deadline_is_a_failure(frail_postgres: PostgresServer, open_database: OpenDatabase) -> None:
    """A server that does not answer in time is at fault, wherever it was silent."""
    database = open_database(frail_postgres.url, deadline=0.1, connect_deadline=0.1)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        frail_postgres.freeze()
        with pytest.raises(sqlalchemy.exc.DBAPIError) as caught:
            connection.exec_driver_sql("SELECT 1")
    assert isinstance(caught.value.orig, psycopg.errors.ConnectionTimeout)
    assert classify_database_error(caught.value) is Outcome.FAILURE
    error = raised(database, "SELECT 1")
    assert isinstance(error.orig, psycopg.errors.ConnectionTimeout)
    assert classify_database_error(error) is Outcome.FAILURE


def test_our_own_full_pool_is_no_verdict(database: Database) -> None:
    """A pool that is exhausted is ours."""
    with database.engine.connect(), database.engine.connect():
        with pytest.raises(sqlalchemy.exc.TimeoutError) as caught:
            database.engine.connect()
        assert classify_database_error(caught.value) is Outcome.NONE


@pytest.mark.parametrize(
    "code", ["08006", "28000", "28P01", "53200", "53100", "57P02", "57P03", "58030", "XX000", "F0000"]
)
def test_states_that_no_test_can_bring_about_are_failures(code: str) -> None:
    """A full disk, no memory, a crash, a start-up: by their SQLSTATE the server is at fault."""
    error = psycopg.errors.lookup(code)("said by the server")
    assert error.sqlstate == code
    assert classify_database_error(error) is Outcome.FAILURE
    assert classify_database_error(sqlalchemy.exc.OperationalError("SELECT 1", {}, error)) is Outcome.FAILURE


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (CommitLost(), Outcome.FAILURE),
        (
            sqlalchemy.exc.InterfaceError("", {}, psycopg.InterfaceError("closed"), connection_invalidated=True),
            Outcome.FAILURE,
        ),
        (OSError("no route to host"), Outcome.FAILURE),
        (psycopg.OperationalError("server closed the connection unexpectedly"), Outcome.FAILURE),
        (psycopg.InterfaceError("the cursor is closed"), Outcome.NONE),
        (sqlalchemy.exc.InvalidRequestError("ours"), Outcome.NONE),
        (ValueError("ours"), Outcome.NONE),
        (SystemExit(), Outcome.NONE),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value.value,
)
def test_errors_without_a_state_are_judged_by_their_kind(error: BaseException, outcome: Outcome) -> None:
    """A lost connection counts, mistakes of our program do not."""
    assert classify_database_error(error) is outcome


def client(server: RedisServer, **options: Any) -> redis.Redis:
    """Return a client without retries."""
    return redis.Redis.from_url(
        server.url, **{"socket_timeout": 2, "socket_connect_timeout": 2, "retry": Retry(NoBackoff(), 0), **options}
    )


@contextmanager
def configured(server: RedisServer, name: str, value: str) -> Iterator[redis.Redis]:
    """Change a setting of the server within the block."""
    with client(server) as connection:
        before = connection.config_get(name)[name]
        connection.config_set(name, value)
        try:
            yield connection
        finally:
            connection.config_set(name, before)


def refused(command: Callable[[], Any]) -> redis.exceptions.RedisError:
    """Return what redis-py raises."""
    with pytest.raises(redis.exceptions.RedisError) as caught:
        command()
    return caught.value


def test_a_read_only_redis_is_a_failure(frail_redis: RedisServer) -> None:
    """A replica takes no writes (READONLY)."""
    with client(frail_redis) as connection:
        connection.replicaof("127.0.0.1", "1")
        try:
            error = refused(lambda: connection.set("a", "b"))
        finally:
            connection.replicaof("NO", "ONE")
    assert isinstance(error, redis.exceptions.ReadOnlyError)
    assert classify_redis_error(error) is Outcome.FAILURE


def test_a_replica_without_its_master_is_a_failure(frail_redis: RedisServer) -> None:
    """Whoever may not serve what is old has nothing to serve (MASTERDOWN)."""
    with configured(frail_redis, "replica-serve-stale-data", "no") as connection:
        connection.replicaof("127.0.0.1", "1")
        try:
            error = refused(lambda: connection.get("a"))
        finally:
            connection.replicaof("NO", "ONE")
    assert isinstance(error, redis.exceptions.MasterDownError)
    assert classify_redis_error(error) is Outcome.FAILURE


def test_a_full_redis_is_a_failure(frail_redis: RedisServer) -> None:
    """Without memory it takes nothing (OOM)."""
    with configured(frail_redis, "maxmemory", "1") as connection:
        error = refused(lambda: connection.set("a", "b"))
    assert isinstance(error, redis.exceptions.OutOfMemoryError)
    assert classify_redis_error(error) is Outcome.FAILURE


def test_a_redis_without_its_replicas_is_a_failure(frail_redis: RedisServer) -> None:
    """It refuses writes that nobody would copy (NOREPLICAS)."""
    with configured(frail_redis, "min-replicas-to-write", "1") as connection:
        error = refused(lambda: connection.set("a", "b"))
    assert str(error).startswith("NOREPLICAS")
    assert classify_redis_error(error) is Outcome.FAILURE


def test_a_redis_busy_with_an_endless_script_is_a_failure(frail_redis: RedisServer) -> None:
    """It answers nothing but that it is busy (BUSY)."""
    with (
        configured(frail_redis, "lua-time-limit", "10") as connection,
        client(frail_redis, socket_timeout=30) as runaway,
        ThreadPoolExecutor(1) as pool,
    ):
        endless = pool.submit(runaway.eval, "while true do end", 0)
        try:
            error = until(lambda: _complaint(connection))
        finally:
            connection.script_kill()
        assert isinstance(endless.exception(10), redis.exceptions.ResponseError)
    assert str(error).startswith("BUSY ")
    assert classify_redis_error(error) is Outcome.FAILURE


def _complaint(connection: redis.Redis) -> redis.exceptions.RedisError | None:
    try:
        connection.get("a")
    except redis.exceptions.RedisError as error:
        return error
    return None


def test_a_redis_that_cannot_save_is_a_failure(frail_redis: RedisServer) -> None:
    """It refuses writes while its snapshots fail (MISCONF)."""
    snapshots = frail_redis.data / "dump.rdb"
    snapshots.unlink(missing_ok=True)
    snapshots.mkdir()
    try:
        with configured(frail_redis, "save", "3600 1") as connection:
            connection.bgsave()
            error = until(lambda: _complaint_of_writing(connection))
    finally:
        snapshots.rmdir()
    with client(frail_redis) as connection:
        connection.save()
        assert connection.set("a", "b")
    assert str(error).startswith("MISCONF")
    assert classify_redis_error(error) is Outcome.FAILURE


def _complaint_of_writing(connection: redis.Redis) -> redis.exceptions.RedisError | None:
    try:
        connection.set("a", "b")
    except redis.exceptions.RedisError as error:
        return error
    return None


def test_a_loading_redis_is_a_failure(tmp_path: Path) -> None:
    """After a restart it reads its data first and answers nobody meanwhile (LOADING)."""
    server = RedisServer(tmp_path, port=0, durable=False)
    server.start()
    try:
        with client(server, socket_timeout=30) as connection:
            connection.config_set("rdbcompression", "no")
            fill = "for i = 1, ARGV[1] do redis.call('SET', i, string.rep('x', 2 ^ 20)) end"
            connection.eval(fill, 0, str(MEGABYTES))
            connection.save()
        server.kill()
        server.launch()
        seen: list[Exception] = []

        def loading() -> bool:
            try:
                with client(server) as connection:
                    connection.get("a")
            except redis.exceptions.BusyLoadingError as error:
                seen.append(error)
            except redis.exceptions.ConnectionError:
                return False
            return True

        until(loading)
        assert [classify_redis_error(error) for error in seen] == [Outcome.FAILURE]
    finally:
        server.stop()


@pytest.mark.parametrize("login", ["", ":wrong@"], ids=["NOAUTH", "WRONGPASS"])
def test_a_password_that_is_missing_or_wrong_is_a_failure(frail_redis: RedisServer, login: str) -> None:
    """Somebody changed the password: nothing is answered any more."""
    url = f"redis://{login}127.0.0.1:{frail_redis.port}/0"
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as connection:
        error = refused(lambda: connection.get("a"))
    assert isinstance(error, redis.exceptions.AuthenticationError)
    assert classify_redis_error(error) is Outcome.FAILURE


def test_too_many_clients_are_a_failure(frail_redis: RedisServer) -> None:
    """A server that is full lets nobody in."""
    with configured(frail_redis, "maxclients", "1"), client(frail_redis) as second:
        assert classify_redis_error(refused(lambda: second.get("a"))) is Outcome.FAILURE


def test_a_silent_redis_is_a_failure(frail_redis: RedisServer) -> None:
    """A server that is frozen misses the deadline, on an old connection and on a new one."""
    with client(frail_redis, socket_timeout=0.1) as old, client(frail_redis, socket_timeout=0.1) as new:
        old.get("a")
        frail_redis.freeze()
        for each in (old, new):
            error = refused(lambda each=each: each.get("a"))  # type: ignore[misc]
            assert isinstance(error, redis.exceptions.TimeoutError)
            assert classify_redis_error(error) is Outcome.FAILURE


def test_a_redis_that_dies_is_a_failure(frail_redis: RedisServer) -> None:
    """The old connection is cut and a new one refused."""
    with client(frail_redis) as connection:
        connection.get("a")
        frail_redis.kill()
        for _ in ("cut", "refused"):
            error = refused(lambda: connection.get("a"))
            assert isinstance(error, redis.exceptions.ConnectionError)
            assert classify_redis_error(error) is Outcome.FAILURE


def test_our_own_exhausted_pool_of_redis_is_no_verdict(frail_redis: RedisServer) -> None:
    """A pool without a free connection is ours."""
    with client(frail_redis, max_connections=1) as connection, connection.pubsub() as held:
        held.subscribe("a")
        error = refused(lambda: connection.get("a"))
    assert isinstance(error, redis.exceptions.MaxConnectionsError)
    assert classify_redis_error(error) is Outcome.NONE


def test_a_commands_own_fault_is_no_verdict(frail_redis: RedisServer) -> None:
    """A wrong type and an unknown command say nothing against Redis."""
    with client(frail_redis) as connection:
        connection.delete("list")
        connection.lpush("list", "a")
        for command in (lambda: connection.get("list"), lambda: connection.execute_command("NOPE")):
            error = refused(command)
            assert isinstance(error, redis.exceptions.ResponseError)
            assert classify_redis_error(error) is Outcome.NONE


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ConnectionResetError(), Outcome.FAILURE), (ValueError(), Outcome.NONE), (SystemExit(), Outcome.NONE)],
    ids=repr,
)
def test_errors_around_redis_are_judged_by_their_kind(error: BaseException, outcome: Outcome) -> None:
    """The network's errors count, those of our program do not."""
    assert classify_redis_error(error) is outcome

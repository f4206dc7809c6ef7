"""A database that cannot be reached: a clear sentence in bounded time, and never a secret."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.engine import make_url

from deploy.private.servers import PostgresServer
from rental_backend.config import Config, ConfigError
from rental_backend.infra.migration import Exit, MigrationError, Server
from tests.migrations.conftest import Command, Toys, wait_for

WORD = "hidden-word"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server that may be frozen and stopped."""
    server = PostgresServer(tmp_path_factory.mktemp("frail"), port=0, durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def frail(server: PostgresServer, toys: Toys) -> Iterator[PostgresServer]:
    """The same, with the toys on its empty database."""
    toys.url = server.url
    toys.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    yield server
    server.thaw()


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("migrate", {"password": WORD}, 'password authentication failed for user "postgres"'),
        ("preflight", {"password": WORD}, 'password authentication failed for user "postgres"'),
        ("migrate", {"password": None}, "it asks for a password"),
        ("migrate", {"database": "missing"}, 'database "missing" does not exist'),
        ("migrate", {"port": 1, "password": WORD}, "connection refused"),
        ("migrate", {"host": "nowhere.invalid", "password": WORD}, "its host name is not known"),
    ],
)
def test_the_reason_is_told_and_the_password_is_not(
    toys: Toys, command: Command, name: str, change: dict[str, object], reason: str
) -> None:
    """Each cause has its sentence; what waiting cannot mend is not waited for."""
    toys.add("1")
    url = make_url(toys.url)
    url = url._replace(password=None) if change == {"password": None} else url.set(**change)  # type: ignore[arg-type]
    wait = 0.2 if "refused" in reason or "name" in reason else 60
    started = time.monotonic()

    done = command(name, f"--wait={wait}", DATABASE_URL=url.render_as_string(hide_password=False))

    assert time.monotonic() - started < 8
    assert done.exit_code == Exit.UNREACHABLE, done.output
    assert done.stderr.splitlines()[-1] == f"Error: The database cannot be reached: {reason}."
    assert WORD not in done.output
    assert str(make_url(toys.url).password) not in done.output


@pytest.mark.parametrize(
    "rest", [f"shop:{WORD}%ZZ@db/shop", f"shop:{WORD}/x@db/shop", f"shop:x@{WORD}@db/shop", f"shop:x {WORD}@db/shop"]
)
@pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_UNPOOLED_URL", "REDIS_URL"])
def test_a_url_that_cannot_be_read_is_refused_without_repeating_it(variable: str, rest: str) -> None:
    """Drivers would print pieces of the password while they complain; the configuration names the variable only."""
    scheme = "redis" if variable == "REDIS_URL" else "postgresql"

    with pytest.raises(ConfigError) as refused:
        Config.from_environ({"ENVIRONMENT": "test", variable: f"{scheme}://{rest}"})

    assert variable in str(refused.value)
    assert WORD not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shop:p%40ss@db:5432,standby:5433/shop?target_session_attrs=read-write",
        "postgresql:///shop?host=/run/postgresql",
        "postgresql://shop@[::1]:5432/shop",
    ],
)
def test_other_urls_are_taken(url: str) -> None:
    """Several hosts, sockets, IPv6 addresses and quoted passwords are what they were."""
    assert Config.from_environ({"ENVIRONMENT": "test", "DATABASE_URL": url}).database_url.endswith(url[10:])


def test_a_url_that_only_the_driver_refuses_is_not_repeated_either() -> None:
    """The tool has words of its own for it."""
    with pytest.raises(MigrationError) as refused:
        Server(f"postgresql://shop:{WORD}%ZZ@db/shop").connect()

    assert str(refused.value) == "The database cannot be reached: its URL cannot be read."
    assert refused.value.__suppress_context__
    assert WORD not in repr(Server(f"postgresql://shop:{WORD}@db/shop"))


def test_the_road_around_the_pooler_is_taken(toys: Toys, command: Command) -> None:
    """DATABASE_UNPOOLED_URL counts before DATABASE_URL."""
    toys.add("1")

    done = command("migrate", DATABASE_URL="postgresql://shop@127.0.0.1:1/shop", DATABASE_UNPOOLED_URL=toys.url)

    assert done.exit_code == 0, done.output
    assert toys.revision == "1"


def test_a_server_that_comes_later_is_waited_for(toys: Toys, frail: PostgresServer) -> None:
    """A deployment that is faster than its database migrates it all the same."""
    toys.add("1")
    frail.stop()
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(toys.migrator(wait=20).migrate)
        wait_for(lambda: toys.said)
        frail.start()

        assert run.result(20).outcome == "migrated"

    assert toys.said[0] == "The database cannot be reached: connection refused. Waiting."


@pytest.mark.alone(waiting=True)
def test_a_frozen_server_is_given_up_on(toys: Toys, frail: PostgresServer) -> None:
    """It takes the connection and never answers: that is said after seconds."""
    toys.add("1")
    frail.freeze()
    started = time.monotonic()

    with pytest.raises(MigrationError, match="it does not answer") as failed:
        toys.migrator(wait=0, deadline=1).migrate()

    assert failed.value.code == Exit.UNREACHABLE
    assert time.monotonic() - started < 3


@pytest.mark.alone(waiting=True)
def test_a_server_that_freezes_in_the_middle_is_given_up_on(toys: Toys, frail: PostgresServer) -> None:
    """Nothing waits longer than a statement may take; thawed, the database is where it was, and free."""
    toys.ask("CREATE TABLE gate ()")
    toys.add("1", "CREATE TABLE shelf ()", "LOCK TABLE gate")
    with ThreadPoolExecutor(1) as pool, toys.holding("LOCK TABLE gate"):
        run = pool.submit(toys.migrator(lock_timeout=20, statement_timeout=1, deadline=1).migrate)
        wait_for(lambda: toys.ask("SELECT count(*) FROM pg_locks WHERE NOT granted") == [(1,)])
        frail.freeze()
        error = run.exception(12)
        frail.thaw()

    assert isinstance(error, MigrationError)
    assert error.code == Exit.UNREACHABLE
    assert toys.migrator().migrate().outcome == "migrated"

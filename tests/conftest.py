"""Real servers for the whole run, and an application that talks to them."""

import fcntl
import gc
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config as AlembicConfig
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy.orm import Session

from deploy.private import binaries, browser, pgbouncer
from deploy.private.servers import PostgresServer, RedisServer
from rental_backend.app import create_app
from rental_backend.config import Config, driver_url
from rental_backend.infra.identity import passwords
from rental_backend.infra.migration import Server
from rental_backend.tables import metadata
from tests import factories
from tests.cluster import start_at_newest
from tests.scanner import SCANNER, watch
from tests.skips import Skips
from tests.slowest import Slowest
from tests.turns import is_waiting, may_be_alone, require_own_marks, turn

ROOT = Path(__file__).parent.parent
# Only what has ever held a row since it was last vacuumed: 1 ms, where truncating all tables takes 70 ms and more.
EMPTY = """
    DO $$ DECLARE filled regclass; BEGIN
        SET LOCAL session_replication_role = replica;  -- without foreign keys, in any order
        FOR filled IN SELECT oid FROM pg_class WHERE relname IN ({names}) AND pg_relation_size(oid) > 0 LOOP
            EXECUTE format('DELETE FROM %s', filled);
        END LOOP;
    END $$"""

BUILT: list[Flask] = []  # the applications of the test that is running


def pytest_configure(config: pytest.Config) -> None:
    """Search all that the application says for secrets, print the slowest files, and let no test be skipped."""
    watch(SCANNER)
    config.pluginmanager.register(SCANNER, "secrets")
    if not hasattr(config, "workerinput"):  # a worker of pytest-xdist reports to its controller
        config.pluginmanager.register(Slowest(config), "slowest")
        config.pluginmanager.register(Skips(), "skips")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what needs a browser or a pooler where there is none, and files of which no test is wanted."""
    if collection_path.name == "browsing" and browser.find() is None:
        return True
    if collection_path.name == "poolers" and pgbouncer.have() is None:
        return True
    only_alone = config.option.markexpr.startswith("alone") and collection_path.match("test_*.py")
    return True if only_alone and not may_be_alone(collection_path) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say so at the end, too, where nobody overlooks it; but not while it is being installed."""
    if browser.find() is None and not config.option.markexpr.startswith("alone"):
        terminalreporter.section("NO BROWSER", sep="!", red=True, bold=True)
        terminalreporter.write_line(browser.NONE, red=True)
    if pgbouncer.find() is None and not config.option.markexpr.startswith("alone"):
        terminalreporter.section("NO PGBOUNCER", sep="!", red=True, bold=True)
        terminalreporter.write_line(pgbouncer.NONE, red=True)


# For what is not about outages: the deadlines that are shipped are met by a machine that is not busy with other tests.
PATIENT = {"REQUEST_BUDGET": "4", "DATABASE_DEADLINE": "2", "DATABASE_CONNECT_DEADLINE": "2", "AUTH_DEADLINE": "2"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first that take long: those that are given out last decide when all workers are done.

    Before them come the tests that may wait beside each other, so that all workers do so.
    """
    require_own_marks(items)
    items.sort(key=lambda item: (not is_waiting(item), item.get_closest_marker("long") is None))


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking through all that was imported again and again: an eighth of the time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Have a test that measures time run by itself, whatever the other processes would do."""
    with turn(item):
        return (yield)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL for the whole run, at the newest revision; never frozen or killed."""
    server = start_at_newest(tmp_path_factory.mktemp("postgres"), migrate)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for the whole run; never frozen or killed."""
    server = RedisServer(tmp_path_factory.mktemp("redis"), port=0, durable=False)
    server.start()
    yield server
    server.stop()


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database to a revision."""
    command.upgrade(AlembicConfig(ROOT / "alembic.ini", attributes={"server": Server(url)}), revision)


@pytest.fixture(scope="session")
def settings(postgres: PostgresServer, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of the application under test."""
    return {
        "ENVIRONMENT": "test",
        "SECRET_KEY": "a key for tests, long enough to be taken",
        "DATABASE_URL": postgres.url,
        "REDIS_URL": redis.url,
        "LOG_LEVEL": "WARNING",
        "JOURNAL_FOLDER": str(tmp_path_factory.mktemp("journal")),
        "BACKUP_FOLDER": str(tmp_path_factory.mktemp("backups")),
        "PG_BIN": str(binaries.postgres("pg_dump").parent),
    }


def application(environ: dict[str, str]) -> Flask:
    """Make an application that hashes a password in 0.1 ms instead of 90.

    The tests of `Passwords`, and those that start the program, work with the hashes that are shipped.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", factories.HASHER)
        return create_app(Config.from_environ(environ))


@pytest.fixture(scope="session")
def app(settings: dict[str, str]) -> Iterator[Flask]:
    """The application in this process, with every dependency up, for which it waits patiently."""
    app = application({**settings, **PATIENT})
    services = app.extensions["services"]
    services.start()
    assert services.wait_until_settled(10)
    assert not services.down()
    yield app
    services.stop()


@pytest.fixture(scope="session")
def engine(postgres: PostgresServer) -> Iterator[sqlalchemy.Engine]:
    """A way to the database around the application."""
    engine = sqlalchemy.create_engine(driver_url(postgres.url))
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: sqlalchemy.Engine, redis: RedisServer, settings: dict[str, str]) -> Iterator[Session]:
    """A session around the application; after the test the tables are emptied, tries to sign in and events forgotten.

    The application commits on connections of its own, which is part of what is tested, so nothing can be rolled back.
    """
    with Session(engine, expire_on_commit=False) as session:
        yield session
        session.rollback()
        end_built()
        forget_events(Path(settings["JOURNAL_FOLDER"]))
        empty_tables(session)
    with Redis.from_url(redis.url) as connection:
        tries = list(connection.scan_iter("sign-in:*", count=1000))
        if tries:
            connection.delete(*tries)


def forget_events(folder: Path) -> None:
    """Remove what the journal has yet to store, lest the next test finds it; what is being stored is waited for."""
    for kind in ("*.jsonl", "*.leaving"):  # a file gets the second name as it is set aside
        for path in folder.glob(kind):
            with suppress(FileNotFoundError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                path.unlink()


# D13: emptied, not rolled back.
def empty_tables(session: Session) -> None:
    """Delete every row of every table."""
    names = ", ".join(f"'{name}'" for name in metadata.tables)
    session.execute(sqlalchemy.text(EMPTY.format(names=names)))
    session.commit()


@pytest.fixture
def build(settings: dict[str, str]) -> Iterator[Callable[..., Flask]]:
    """Make an application of its own: `build(AUTH_FRESH="0.01")` has that setting and the usual ones.

    With the database of the run, which is never away, it is patient, too.
    """

    def build(**environ: str) -> Flask:
        usual = settings if any("DATABASE" in name for name in environ) else {**settings, **PATIENT}
        BUILT.append(application({**usual, **environ}))
        return BUILT[-1]

    yield build
    end_built()


def end_built() -> None:
    """Stop the applications of the test, and forget what they have yet to store, lest the next test finds it."""
    while BUILT:
        app = BUILT.pop()
        app.extensions["services"].stop()
        forget_events(Path(app.config["SETTINGS"].journal_folder))


Caller = Callable[..., FlaskClient]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client nobody has signed in with."""
    return app.test_client()


@pytest.fixture
def signed_in(app: Flask, session: Session) -> Caller:
    """Make a client signed in as a new user: `signed_in()` is a superuser, `signed_in("CUSTOMER_VIEW")` may do that."""

    def sign_in(*permissions: str, superuser: bool | None = None, username: str | None = None) -> FlaskClient:
        user = factories.user(
            session,
            username=username or f"user-{uuid.uuid4().hex[:8]}",
            permissions=permissions,
            is_superuser=not permissions if superuser is None else superuser,
        )
        tokens = app.extensions["services"].identity.tokens
        scopes = frozenset(permissions)
        token = factories.token(session, tokens, user, scopes=scopes, superuser=user.is_superuser)
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    return sign_in

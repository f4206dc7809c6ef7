"""Databases of their own, on every PostgreSQL that there is."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from deploy.private import binaries
from deploy.private.servers import PostgresServer
from tests.schema.databases import alembic, columns, connected, contents

HERE = Path(__file__).parent
BOTH = bool(os.environ.get("POSTGRES_BIN")) and not binaries.all_chosen()

BASELINE = "202508190531"

Make = Callable[..., str]
Contents = dict[str, tuple[int, str]]


@pytest.fixture(scope="session", params=["usual", "bundled"] if BOTH else ["usual"])
def server(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresServer]:
    """The server of all tests, and the one of our wheels too when POSTGRES_BIN chose another for all tests."""
    if request.param == "usual":
        yield postgres
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("POSTGRES_BIN")
        bundled = PostgresServer(tmp_path_factory.mktemp("bundled"), port=0, durable=False)
        bundled.start()
    yield bundled
    bundled.stop()


@pytest.fixture(scope="session")
def make(server: PostgresServer) -> Iterator[Make]:
    """Make a database and return its URL: `make()` is empty, `make("production.sql")` was filled by that file.

    `make(like=url)` is a copy of a database that nobody is connected to.
    """
    names, made = (f"schema_{number}" for number in itertools.count(1)), []

    def make(*scripts: str, like: str | None = None) -> str:
        name = next(names)
        template = make_url(like).database if like else "template1"
        with connected(server.url) as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        made.append(name)
        url = make_url(server.url).set(database=name).render_as_string(hide_password=False)
        with connected(url) as connection:
            for script in scripts:
                connection.exec_driver_sql((HERE / script).read_text())
        return url

    yield make
    with connected(server.url) as connection:
        for name in made:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def new(make: Make) -> str:
    """A database that was empty, at the newest revision; nobody changes it."""
    url = make()
    alembic(url, "upgrade", "head")
    return url


@pytest.fixture(scope="session")
def filled(make: Make) -> str:
    """A filled production, stamped with its revision; nobody changes it."""
    url = make("production.sql", "rows.sql")
    alembic(url, "stamp", BASELINE)
    return url


@pytest.fixture(scope="session")
def taken_over(make: Make, filled: str) -> tuple[str, Contents, Contents]:
    """A filled production, upgraded: its URL, and what its tables held before and hold now."""
    url = make(like=filled)
    known = columns(url)
    before = contents(url, known)
    alembic(url, "upgrade", "head")
    return url, before, contents(url, known)

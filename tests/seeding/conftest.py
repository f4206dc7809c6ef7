"""Databases of their own, at the newest revision."""

import itertools
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from deploy.private.servers import PostgresServer
from rental_backend.config import driver_url
from rental_backend.web.middleware import logs
from tests.cluster import NEWEST

Make = Callable[[], str]
Run = Callable[..., Result]


def url_of(postgres: PostgresServer, name: str) -> str:
    """Return the URL of one database of a server."""
    return make_url(postgres.url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def make(postgres: PostgresServer) -> Iterator[Make]:
    """Make an empty database at the newest revision and return its URL."""
    server = sqlalchemy.create_engine(driver_url(postgres.url), isolation_level="AUTOCOMMIT")
    numbers = itertools.count(1)

    def make() -> str:
        name = f"seeding_{next(numbers)}"
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {NEWEST}")
        return url_of(postgres, name)

    yield make
    server.dispose()


@pytest.fixture
def connection(make: Make) -> Iterator[Connection]:
    """A connection to an empty database of its own; each statement is committed."""
    engine = sqlalchemy.create_engine(driver_url(make()), poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def run(build: Callable[..., Flask]) -> Iterator[Run]:
    """Run a command in this process: `run(url, "demo", ENVIRONMENT="test")`."""

    def run(url: str, *arguments: str, **environ: str) -> Result:
        app = build(DATABASE_URL=url, **environ)
        with app.app_context():
            return app.test_cli_runner().invoke(args=arguments)

    yield run
    logs.configure("WARNING")  # commands log errors only

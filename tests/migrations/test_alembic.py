"""The migrations, on a real server, in databases of their own."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy.engine import make_url

from deploy.private.servers import PostgresServer
from tests.conftest import PATIENT
from tests.schema.catalogue import catalogue
from tests.schema.databases import connected

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


@contextmanager
def _database(postgres: PostgresServer, template: str = "template1") -> Iterator[str]:
    """Make a database like another, for a while, and give its URL."""
    name = f"migrations_{uuid.uuid4().hex[:8]}"
    with connected(postgres.url) as server:
        server.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
        server.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database of its own."""
    with _database(postgres) as url:
        yield url


@pytest.fixture(scope="module")
def newest(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a database at the newest revision, to which a deployment brought it; nobody changes it."""
    with _database(postgres) as url:
        assert alembic(url, "upgrade", "head").returncode == 0
        yield url


def alembic(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run alembic as the deployment does: from the checkout, with only DATABASE_URL set."""
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=ROOT,
        env={"DATABASE_URL": url} if url else {},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_models_and_the_migrations_agree(newest: str) -> None:
    """Alembic finds nothing that the models have and the migrations lack, or the other way round."""
    agreed = alembic(newest, "check")

    assert agreed.returncode == 0, agreed.stdout + agreed.stderr


@pytest.mark.full
def test_a_drift_would_be_found(postgres: PostgresServer, newest: str) -> None:
    """The check above fails as soon as the database is not what the models say."""
    with _database(postgres, str(make_url(newest).database)) as url:
        with connected(url) as connection:
            connection.exec_driver_sql("ALTER TABLE customers DROP COLUMN notes")

        drifted = alembic(url, "check")

    assert drifted.returncode != 0
    assert "notes" in drifted.stdout + drifted.stderr


@pytest.mark.full
def test_upgrading_twice_changes_nothing(newest: str) -> None:
    """A deployment that migrates again finds nothing to do."""
    with connected(newest) as connection:
        first = catalogue(connection)

        assert alembic(newest, "upgrade", "head").returncode == 0

        assert catalogue(connection) == first


def test_there_is_one_head() -> None:
    """Migrations are one line, so that `head` has one meaning."""
    heads = ScriptDirectory.from_config(AlembicConfig(ROOT / "alembic.ini")).get_heads()

    assert len(heads) == 1


def test_without_a_database_it_says_what_to_set() -> None:
    """Alembic without DATABASE_URL names it instead of showing a traceback."""
    done = alembic("", "upgrade", "head")

    assert done.returncode != 0
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_until_the_migration_has_run_a_request_is_told_to_come_back(empty: str, build: Callable[..., Flask]) -> None:
    """A process that is there before its tables answers 503, and its breakers stay closed: the server is well."""
    app = build(**PATIENT, DATABASE_URL=empty)

    answer = app.test_client().post("/api/auth/login", json={"username": "a", "password": "b"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "revision" in answer.get_json()["detail"]
    assert not app.extensions["services"].down()

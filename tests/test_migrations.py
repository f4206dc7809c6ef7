"""The migrations, on a real server, in databases of their own."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy.engine import make_url

from deploy.private.servers import PostgresServer
from rental_backend.config import driver_url
from tests.schema.catalogue import catalogue
from tests.schema.databases import connected

ROOT = Path(__file__).parent.parent


@pytest.fixture
def empty(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database of its own."""
    name = f"migrations_{uuid.uuid4().hex[:8]}"
    server = sqlalchemy.create_engine(driver_url(postgres.url), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    yield make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


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


def test_the_models_and_the_migrations_agree(empty: str) -> None:
    """Alembic finds nothing that the models have and the migrations lack, or the other way round."""
    assert alembic(empty, "upgrade", "head").returncode == 0

    agreed = alembic(empty, "check")

    assert agreed.returncode == 0, agreed.stdout + agreed.stderr


def test_a_drift_would_be_found(empty: str) -> None:
    """The check above fails as soon as the database is not what the models say."""
    assert alembic(empty, "upgrade", "head").returncode == 0
    engine = sqlalchemy.create_engine(driver_url(empty))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("ALTER TABLE customers DROP COLUMN notes"))
    engine.dispose()

    drifted = alembic(empty, "check")

    assert drifted.returncode != 0
    assert "notes" in drifted.stdout + drifted.stderr


def test_upgrading_twice_changes_nothing(empty: str) -> None:
    """A deployment that migrates again finds nothing to do."""
    assert alembic(empty, "upgrade", "head").returncode == 0
    with connected(empty) as connection:
        first = catalogue(connection)

        assert alembic(empty, "upgrade", "head").returncode == 0

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
    app = build(DATABASE_URL=empty)

    answer = app.test_client().post("/api/auth/login", json={"username": "a", "password": "b"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "revision" in answer.get_json()["detail"]
    assert not app.extensions["dependencies"].down()

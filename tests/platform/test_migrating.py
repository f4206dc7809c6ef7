"""Migrations where instances start: once for all of them, and never in the way of serving."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests.conftest import migrate
from tests.platform.starting import Started
from tests.schema.databases import connected
from tests.serving import ROOT, until

pytestmark = pytest.mark.alone

Start = Callable[..., Started]
HEAD = (ROOT / "migrations" / "head").read_text().strip()


@pytest.mark.full
def test_two_replicas_that_start_at_once_migrate_once(start: Start, empty_database: str) -> None:
    """One migrates, the other waits for it and finds nothing to do; both take traffic only then."""
    both = [start(DATABASE_URL=empty_database, MIGRATE_AT_START="1", WEB_CONCURRENCY="1") for _ in range(2)]
    for each in both:
        until(each.alive, 20, "it serves before it is ready")
        assert each.ready().json()["phase"] == "starting"

    for each in both:
        each.serves()

    assert sorted(each.said("Migrated from nothing") for each in both) == [0, 1]
    assert sorted(each.said("Nothing to migrate") for each in both) == [0, 1]
    with connected(empty_database) as database:
        assert database.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD]
        assert database.execute(text("SELECT count(*) > 0 FROM permissions")).scalar_one()


@pytest.fixture
def newer_database(empty_database: str) -> str:
    """A database that a newer version than this has migrated."""
    migrate(empty_database)
    with connected(empty_database) as database:
        database.execute(text("UPDATE alembic_version SET version_num = '999912312359'"))
    return empty_database


@pytest.mark.full
def test_a_database_that_is_ahead_is_no_obstacle(start: Start, newer_database: str) -> None:
    """After a rollback the older version leaves the newer database as it is, says so, and serves."""
    starter = start(DATABASE_URL=newer_database, MIGRATE_AT_START="1", WEB_CONCURRENCY="1").serves()

    assert starter.said("Warning: nothing to migrate")
    with connected(newer_database) as database:
        assert database.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "999912312359"


@pytest.mark.full
def test_a_release_that_fails_ends_the_instance(start: Start, newer_database: str) -> None:
    """A version that cannot live with the database never takes traffic, and ends with the code of the migration."""
    with connected(newer_database) as database:
        database.execute(text("COMMENT ON TABLE alembic_version IS 'contract 999912312359'"))

    starter = start(DATABASE_URL=newer_database, MIGRATE_AT_START="1", WEB_CONCURRENCY="1")

    assert starter.ends() == 7
    assert starter.said("the release failed with 7")


@pytest.mark.full
def test_without_a_database_an_instance_serves_what_it_can(start: Start, empty_database: str) -> None:
    """A start does not depend on the database: it serves degraded, and migrates when there is one."""
    missing = f"{empty_database}_missing"
    name = missing.rpartition("/")[2]

    starter = start(DATABASE_URL=missing, MIGRATE_AT_START="1", WEB_CONCURRENCY="1").serves()

    assert starter.ready().json()["missing"] == ["auth", "database"]
    assert starter.said("The database cannot be reached")
    with connected(empty_database) as database:
        database.execute(text(f"CREATE DATABASE {name}"))
        try:
            until(lambda: starter.said("Migrated from nothing"), 60)
            until(lambda: starter.ready().json()["missing"] == [], 20)
        finally:
            database.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

"""What the server asks to be asked again is asked again: nobody is told of a plan that no longer fits its table."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
import sqlalchemy.exc
from sqlalchemy import column, select, table, text
from sqlalchemy.orm import Session

from deploy.private.servers import PostgresServer
from rental_backend.errors import Busy
from rental_backend.infra.postgres.compiled import Compiled
from rental_backend.infra.postgres.database import Database
from tests.infra.conftest import OpenDatabase, failures

CHANGES = 80
OFTEN = 8  # more often than it takes for a statement to be prepared
THINGS = table("things", column("id"), column("size"))
SIZES = Compiled(select(THINGS.c.size).where(THINGS.c.id == 1))
ONCE = """DO $$ BEGIN IF nextval('tries') = 1 THEN RAISE EXCEPTION 'once' USING ERRCODE = '{}'; END IF; END $$"""


@pytest.fixture
def administrator(frail_postgres: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    """A way around the adapter."""
    with closing(psycopg.connect(frail_postgres.url, autocommit=True)) as connection:
        connection.execute("INSERT INTO things (id, size) VALUES (1, 1)")
        connection.execute("DROP SEQUENCE IF EXISTS tries; CREATE SEQUENCE tries")
        yield connection


@pytest.fixture
def database(
    frail_postgres: PostgresServer, administrator: psycopg.Connection[Any], open_database: OpenDatabase
) -> Database:
    """An adapter with a long deadline and one connection."""
    assert administrator
    return open_database(frail_postgres.url, deadline=5, pool_size=4)


def _sent_by_the_driver(session: Session) -> object:
    return SIZES.first(session, {})


def _executed(session: Session) -> object:
    return session.execute(select(THINGS.c.size)).all()


def _changed(session: Session) -> object:
    session.execute(select(THINGS.c.size).where(THINGS.c.id == 1)).one()
    session.execute(text("INSERT INTO things (id) VALUES (2) ON CONFLICT DO NOTHING RETURNING size"))
    return session.execute(text("UPDATE things SET size = size + 1 WHERE id = 1 RETURNING id, size")).one()


def test_nobody_notices_that_a_column_gets_another_type(
    database: Database, administrator: psycopg.Connection[Any]
) -> None:
    """While eight threads read and write, a column changes its type 80 times: each call is answered."""
    done, counted = threading.Event(), threading.Semaphore(0)

    def work(call: Callable[[Session], object], *, writing: bool) -> int:
        calls = 0
        while not done.is_set():
            with database.transaction() if writing else database.reading() as session:
                call(session)
            calls += 1
            counted.release()
        return calls

    kinds = [(_sent_by_the_driver, False), (_executed, False), (_changed, True), (_sent_by_the_driver, True)]
    with ThreadPoolExecutor(len(kinds)) as pool:
        working = [pool.submit(work, call, writing=writing) for call, writing in kinds]
        try:
            for number in range(CHANGES):
                for _ in range(OFTEN * len(kinds)):
                    assert counted.acquire(timeout=10), [each.exception(0) for each in working if each.done()]
                administrator.execute(
                    f"ALTER TABLE things ALTER COLUMN size TYPE {('bigint', 'integer')[number % 2]}".encode()
                )
        finally:
            done.set()
        assert all(each.result(30) > OFTEN for each in working)
    assert failures(database.breaker) == 0


@pytest.mark.parametrize("lost", ["DEALLOCATE ALL", "PREPARE _pg3_1 AS SELECT 1"])
def test_a_prepared_statement_that_is_lost_is_not_missed(database: Database, lost: str) -> None:
    """As behind a pooler: its name is unknown, or somebody else's (26000, 42P05). The connection is not kept."""
    with database.reading() as session:
        for _ in range(OFTEN):
            _sent_by_the_driver(session)
        driver = session.driver  # type: ignore[attr-defined]
        psycopg.ClientCursor(driver).execute(f"DO $$ BEGIN EXECUTE '{lost}'; END $$")  # out of psycopg's sight
        assert SIZES.first(session, {}) == (1,)
        for _ in range(OFTEN):
            assert session.execute(text("SELECT 7")).scalar_one() == 7
    assert driver.closed


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_lost_race_is_run_again_where_nothing_was_done(database: Database, code: str) -> None:
    """A read alone is repeated; in a transaction the client is asked to try again, and nothing is repeated."""
    with database.reading() as session:
        session.execute(text(ONCE.format(code)))
        assert session.execute(text("SELECT last_value FROM tries")).scalar_one() == 2
        session.execute(text("SELECT setval('tries', 1, false)"))
    with pytest.raises(Busy), database.transaction() as session:
        session.execute(text(ONCE.format(code)))
    with database.reading() as session:
        assert session.execute(text("SELECT last_value FROM tries")).scalar_one() == 1


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03", "57014", "26000", "42P05", "25P02", "25P03", "57P05"])
def test_whoever_may_try_again_is_told_so(database: Database, code: str) -> None:
    """Where asking again did not help or was not possible: 503 `busy`, never 500, and nothing against the server."""
    with pytest.raises(Busy), database.transaction() as session:
        session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"))
    with pytest.raises(Busy), database.reading() as session:
        session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"))
    assert failures(database.breaker) == 0


def test_a_feature_that_is_missing_is_not_asked_for_again(database: Database) -> None:
    """0A000 says many things; only a plan that no longer fits is worth a second try."""
    with pytest.raises(sqlalchemy.exc.NotSupportedError, match="no way"), database.reading() as session:
        session.execute(
            text("DO $$ BEGIN PERFORM nextval('tries'); RAISE EXCEPTION 'no way' USING ERRCODE = '0A000'; END $$")
        )
    with database.reading() as session:
        assert session.execute(text("SELECT last_value FROM tries")).scalar_one() == 1

"""Statements that are compiled once and go to the driver as they are."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import bindparam, func, literal_column, select
from sqlalchemy.orm import Session

from rental_backend.infra.postgres.compiled import Compiled
from rental_backend.infra.postgres.database import Database
from rental_backend.parties.models import Customer, CustomerType
from tests import factories

OFTEN = 8  # more often than it takes for a statement to be prepared
WHO = Compiled(select(func.pg_backend_pid()))


@pytest.fixture
def adapter(app: Flask) -> Database:
    """The application's door to its database."""
    adapter: Database = app.extensions["services"].database
    return adapter


def test_values_are_made_ready_by_the_types_of_their_columns(adapter: Database, session: Session) -> None:
    """An enum is sent as the text it is stored as; what stands in the statement itself need not be said."""
    factories.customer(session, customer_type=CustomerType.BUSINESS)
    wanted = select(func.count(), bindparam("more", 7)).where(Customer.customer_type == bindparam("kind"))
    with adapter.reading() as reading:
        kinds = [Compiled(wanted).first(reading, {"kind": kind}) for kind in CustomerType]

    assert sorted(kinds) == [(0, 7), (1, 7)]  # type: ignore[type-var]


def test_no_row_is_none(adapter: Database) -> None:
    """A query that finds nothing says so."""
    with adapter.reading() as reading:
        assert Compiled(select(literal_column("1")).where(literal_column("false"))).first(reading, {}) is None


def test_a_statement_that_depends_on_its_values_is_refused() -> None:
    """One with a list of values has another text for each number of them."""
    with pytest.raises(TypeError, match="depends on its values"):
        Compiled(select(Customer.id).where(Customer.city.in_(bindparam("cities", expanding=True))))


@pytest.mark.parametrize("way", [Database.reading, Database.transaction])
def test_a_known_statement_needs_no_cursor(
    adapter: Database, session: Session, monkeypatch: pytest.MonkeyPatch, way: Callable[[Database], Any]
) -> None:
    """In a transaction, and in autocommit once it is prepared, it goes as it is; what it finds is the same."""
    factories.customer(session, city="Kochi")
    number = Compiled(select(func.count(), func.now()).where(Customer.city == bindparam("city")))
    with way(adapter) as asking:
        expected = {number.first(asking, {"city": "Kochi"})[0] for _ in range(OFTEN)}  # type: ignore[index]
        monkeypatch.setattr(asking.driver, "cursor_factory", None)
        found = [number.first(asking, {"city": city}) for city in ("Kochi", "Nowhere", None)]
        with pytest.raises(psycopg.DataError):
            number.first(asking, {"city": "\0"})

    assert [counted for counted, _ in found] == [*expected, 0, 0]  # type: ignore[misc]
    assert all(at.tzinfo is not None for _, at in found)  # type: ignore[misc]


def test_a_lost_connection_takes_those_of_its_age_with_it(adapter: Database) -> None:
    """What cut one off may have cut off all: none that was opened before is used again, though it may look alive."""
    with adapter.reading() as one, adapter.reading() as other:
        before = {WHO.first(one, {}), WHO.first(other, {})}
        driver = one.connection().connection.dbapi_connection
        assert driver is not None
        driver.close()
        with pytest.raises(psycopg.OperationalError):
            WHO.first(one, {})

    with adapter.reading() as one, adapter.reading() as other:
        assert not before & {WHO.first(one, {}), WHO.first(other, {})}

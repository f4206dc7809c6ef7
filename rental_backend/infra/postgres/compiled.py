"""Statements that are compiled once and given to the driver as they are: being executed by SQLAlchemy costs as much
as all the rest of a read.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, cast

import psycopg
import sqlalchemy.exc
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import psycopg as dialects
from sqlalchemy.orm import Session

DIALECT = dialects.dialect()  # type: ignore[no-untyped-call]


# D69: compiled once and given to the driver.
class Compiled:
    """A query as PostgreSQL gets it. Values are bound by name, and made ready by the types of their columns.

    It runs on the session's own connection, so behind its door's breaker, deadlines and limits, and in its transaction.
    """

    def __init__(self, statement: Select[Any]) -> None:
        made = statement.compile(dialect=DIALECT)
        self.text = str(made)
        if "POSTCOMPILE" in self.text:
            raise TypeError("A statement whose text depends on its values cannot be compiled once.")
        self._fixed = {name: bind.value for name, bind in made.binds.items() if not bind.required}
        found = ((name, bind.type.dialect_impl(DIALECT).bind_processor(DIALECT)) for name, bind in made.binds.items())
        self._ready: dict[str, Callable[[Any], Any]] = {name: ready for name, ready in found if ready}

    def first(self, session: Session, values: Mapping[str, Any], *, usual: bool = True) -> tuple[Any, ...] | None:
        """Return the first row, if any.

        `usual` False: how many rows fit depends on the values, so the query is planned for them, each time. Else
        PostgreSQL may make one plan for all values that a connection will ever send, by what it guesses of them.
        """
        sent = {**self._fixed, **values}
        for name, ready in self._ready.items():
            sent[name] = ready(sent[name])
        try:
            return send(session, self.text, sent, usual=usual)
        except psycopg.OperationalError:
            _check_closed(session)
            raise


# D96: a list that searches or filters is planned for its values.
def send(session: Session, text: str, values: Mapping[str, Any], *, usual: bool) -> tuple[Any, ...] | None:
    """Have the driver of a session send a query, and return the first row."""
    row: tuple[Any, ...] | None = _driver(session).execute(text, values, prepare=None if usual else False).fetchone()
    return row


def _driver(session: Session) -> psycopg.Connection[Any]:
    """Return the driver's connection of a session, which may be one of no door's."""
    driver: psycopg.Connection[Any] | None = getattr(session, "driver", None)
    return driver or cast(psycopg.Connection[Any], session.connection().connection.dbapi_connection)


def _check_closed(session: Session) -> None:
    """Have SQLAlchemy find out if a connection is lost: it then trusts none of the pool that is as old."""
    if _driver(session).closed:
        with contextlib.suppress(sqlalchemy.exc.DBAPIError):
            session.connection().exec_driver_sql("SELECT 1")

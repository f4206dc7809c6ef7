"""Statements that are compiled once and sent by the driver: executing them through SQLAlchemy costs as much as all the
rest of a read.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, cast

import psycopg
import sqlalchemy.exc
from sqlalchemy import SelectBase
from sqlalchemy.dialects.postgresql import psycopg as dialects
from sqlalchemy.orm import Session

from .connection import RepeatingConnection

DIALECT = dialects.dialect()  # type: ignore[no-untyped-call]


# D69: compiled once and given to the driver.
class Compiled:
    """A query as PostgreSQL gets it. Values are bound by name, and converted by the types of their columns.

    It runs on the session's own connection: in its transaction, and with the breaker, deadlines and limits of its
    adapter.
    """

    def __init__(self, statement: SelectBase) -> None:
        compiled = statement.compile(dialect=DIALECT)
        self.text = str(compiled)
        if "POSTCOMPILE" in self.text:
            raise TypeError("A statement whose text depends on its values cannot be compiled once.")
        binds = compiled.binds.items()
        self._fixed = {name: bind.value for name, bind in binds if not bind.required}
        processors = ((name, bind.type.dialect_impl(DIALECT).bind_processor(DIALECT)) for name, bind in binds)
        self._processors: dict[str, Callable[[Any], Any]] = {name: process for name, process in processors if process}

    def first(self, session: Session, values: Mapping[str, object], *, usual: bool = True) -> tuple[Any, ...] | None:
        """Return the first row, if any.

        `usual` False: the number of matching rows depends on the values, so the query is planned each time. Otherwise
        PostgreSQL may make one generic plan for all values that a connection will ever send.
        """
        sent = {**self._fixed, **values}
        for name, process in self._processors.items():
            sent[name] = process(sent[name])
        try:
            return send(session, self.text, sent, usual=usual)
        except psycopg.OperationalError:
            _check_closed(session)
            raise


# D96: a list that searches or filters is planned for its values.
def send(session: Session, text: str, values: Mapping[str, object], *, usual: bool) -> tuple[Any, ...] | None:
    """Send a query by the driver of a session, and return the first row."""
    driver = _driver(session)
    if isinstance(driver, RepeatingConnection):
        return driver.first_row(text, values, usual=usual)
    row: tuple[Any, ...] | None = driver.execute(text, values, prepare=None if usual else False).fetchone()
    return row


def _driver(session: Session) -> psycopg.Connection[Any]:
    """Return the driver's connection of a session, which need not be a session of an adapter."""
    known = session.info.get("driver")  # of one transaction, or of its reads: no session outlives it
    driver: psycopg.Connection[Any] | None = known or getattr(session, "driver", None)
    return driver or cast(psycopg.Connection[Any], session.connection().connection.dbapi_connection)


def _check_closed(session: Session) -> None:
    """Let SQLAlchemy find out that a connection is lost: it then discards all of the pool that are as old."""
    if _driver(session).closed:
        with contextlib.suppress(sqlalchemy.exc.DBAPIError):
            session.connection().exec_driver_sql("SELECT 1")

"""Statements that are compiled once and given to the driver as they are: being executed by SQLAlchemy costs as much
as all the rest of a read.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import sqlalchemy.exc
from sqlalchemy import Connection, Select
from sqlalchemy.dialects.postgresql import psycopg as dialects
from sqlalchemy.orm import Session

DIALECT = dialects.dialect()  # type: ignore[no-untyped-call]


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

    def first(self, session: Session, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return the first row, if any."""
        sent = {**self._fixed, **values}
        for name, ready in self._ready.items():
            sent[name] = ready(sent[name])
        connection = session.connection()
        try:
            return send(connection, self.text, sent)
        except psycopg.OperationalError:
            _tell(connection)
            raise


def send(connection: Connection, text: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Have the driver of a connection send a query, and return the first row."""
    driver: Any = connection.connection.dbapi_connection
    row: tuple[Any, ...] | None = driver.execute(text, values).fetchone()
    return row


def _tell(connection: Connection) -> None:
    """Have SQLAlchemy find out if a connection is lost: it then trusts none of the pool that is as old."""
    driver: Any = connection.connection.dbapi_connection
    if driver.closed:
        with contextlib.suppress(sqlalchemy.exc.DBAPIError):
            connection.exec_driver_sql("SELECT 1")

"""A psycopg connection as we use it.

It keeps its deadline even if the server is frozen or the network drops every packet. What the server asks to be asked
again it asks again.
"""

import os
import select
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Self, cast

import psycopg
from psycopg import errors
from psycopg._queries import _query2pg
from psycopg.abc import RV, Params, PQGen, Query
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import execute
from psycopg.rows import TupleRow
from sqlalchemy import Connection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from ...resilience.connections import CONDEMNED
from ...resilience.deadline import SHORTEST, budget_end
from .far_dates import read_far_dates
from .waits import timeout_error, with_deadline

read_far_dates()

IDLE = psycopg.pq.TransactionStatus.IDLE
TUPLES_OK = psycopg.pq.ExecStatus.TUPLES_OK
# Prepared statements that are gone, or that a pooler gave to another client.
LOST_STATEMENT = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
LOST_RACE = (errors.SerializationFailure, errors.DeadlockDetected)
MAY_ASK_AGAIN = (errors.FeatureNotSupported, *LOST_STATEMENT, *LOST_RACE)
OF_PLANS = "RevalidateCachedQuery"  # the function of PostgreSQL that finds the types of a plan's columns changed


class CommitLost(Exception):
    """The connection was lost while committing: the outcome is unknown."""


class DeadlineConnection(psycopg.Connection[Any]):
    """Waits at most `deadline` seconds, or what is left of the request's budget, for each response of the server.

    On a frozen server `statement_timeout` does not fire and the kernel keeps acknowledging, so the client enforces the
    deadline. A connection that missed it is closed: what it was doing can no longer be known.
    """

    deadline: float = 1.0
    longest_wait: float = 0.0
    epoch: int = 0  # of `ConnectionEpoch`, whose present number `newest` tells
    newest: Callable[[], int] = int
    prepare_after: int | None = 5  # uses of a statement in autocommit until it is prepared
    connect_deadline: ClassVar[float] = 1.0

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Drive `gen` to its end, or close the connection and raise `ConnectionTimeout`."""
        began, ends, allowed = time.monotonic(), budget_end(), self.deadline if timeout is None else timeout
        if timeout is None and ends is not None:  # `limit`, written out: a request waits here ten times
            allowed = max(SHORTEST, min(allowed, ends - began))
        try:
            return super().wait(gen, min(interval, allowed), allowed)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise timeout_error("answer", allowed, self.deadline) from None
        finally:
            self.longest_wait = max(self.longest_wait, time.monotonic() - began)

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Generator[Any, Any, Any]:
        """Connect, giving up after `connect_deadline` (libpq and psycopg round anything below 2 s up)."""
        return with_deadline(super()._connect_gen(conninfo), cls.connect_deadline)


# D121: asked again where nothing was done.
class RepeatingCursor(psycopg.Cursor[Any]):
    """A cursor that runs a statement in autocommit once more if the server did nothing and would do it if asked again.

    The second time it is not prepared. In a transaction the error ends what was done before, so it is raised.
    """

    def execute(
        self, query: Query, params: Params | None = None, *, prepare: bool | None = None, binary: bool | None = None
    ) -> Self:
        """Run a statement, once more if that helps."""
        run: Callable[..., Self] = super().execute
        try:
            return run(query, params, prepare=prepare, binary=binary)
        except MAY_ASK_AGAIN as error:
            if not _is_asked_again(self.connection, error):
                raise
        return run(query, params, prepare=False, binary=binary)


class RepeatingConnection(DeadlineConnection):
    """A connection for single statements and transactions: not for commands that begin and end their own.

    `after_begin` is a command that is run at the beginning of each transaction.
    """

    after_begin: bytes = b""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.cursor_factory = RepeatingCursor
        self._values = Transformer(self)

    # D137: a row of a statement that is known needs no cursor.
    def first_row(self, text: str, values: Mapping[str, object], *, usual: bool = True) -> tuple[Any, ...] | None:
        """Return the first row of a query, if any, as a cursor would. Its values are bound by name.

        `usual` False: it is not prepared. When a usual one is, and under which name, psycopg decides and knows.
        """
        written, prepared = _written(text), self._prepared
        values_of, name = self._values, b""
        sent = values_of.dump_sequence([values[each] for each in written.names], written.formats)
        if usual and prepared.prepare_threshold is not None:
            key = (written.query, values_of.types or ())
            if key not in prepared._names:
                return self.execute(text, values).fetchone()
            name = prepared._names[key]
            prepared._names.move_to_end(key)
        try:
            return self._send(text, self._first_row(name or written.query, sent, prepared=bool(name)))
        except MAY_ASK_AGAIN as error:
            if not _is_asked_again(self, error):
                raise
        return self.execute(text, values, prepare=False).fetchone()

    def _send(self, _: str, steps: PQGen[RV]) -> RV:
        """Drive the steps of a statement with this text."""
        with self.lock:
            return self.wait(steps)

    def _first_row(self, query: bytes, sent: Sequence[Any], *, prepared: bool) -> PQGen[tuple[Any, ...] | None]:
        values = self._values
        if not self.autocommit:
            yield from self._start_query()
        if prepared:
            self.pgconn.send_query_prepared(query, sent, param_formats=values.formats)
        else:
            self.pgconn.send_query_params(query, sent, param_types=values.types, param_formats=values.formats)
        (result,) = yield from execute(self.pgconn)
        if result.status != TUPLES_OK:
            raise errors.error_from_result(result)
        values.set_pgresult(result)
        row: tuple[Any, ...] | None = values.load_row(0, tuple) if result.ntuples else None
        values.set_pgresult(None)
        return row

    def _start_query(self) -> PQGen[None]:
        """Begin a transaction where psycopg does, and run our own command in it."""
        begins = not self.autocommit and self.pgconn.transaction_status == IDLE
        yield from super()._start_query()
        if begins and self.after_begin:
            yield from self._exec_command(self.after_begin)


def refuse_condemned(connection: DeadlineConnection, record: Any, proxy: Any) -> None:
    """Refuse a pooled connection that must not be used; the pool then opens a new one.

    That one is used whatever has happened meanwhile: the pool would give up at the second refusal.
    """
    if record.info.pop("new", False):
        return
    if record.info["pid"] != os.getpid():
        record.dbapi_connection = proxy.dbapi_connection = None
        raise DisconnectionError("a connection of the parent process")
    if connection.epoch != connection.newest():
        raise DisconnectionError("a connection of before, which may lead to another server")
    if is_closed_by_server(connection):
        raise DisconnectionError("the server has closed this connection")


def close_condemned(connection: DeadlineConnection | None, record: ConnectionPoolEntry) -> None:
    """Close a connection that comes back to the pool and will not be used again."""
    if connection is not None and connection.epoch != connection.newest():
        record.invalidate()


def note_use(info: dict[str, object], driver: DeadlineConnection) -> None:
    """Note in a session's `info` the connection it took, whose longest wait is reported to the breaker.

    In a transaction nothing is prepared: a plan that no longer fits its table would end the whole of it (D121).
    """
    if info.get("driver") is not driver:
        driver.longest_wait = 0.0
        driver.prepare_threshold = driver.prepare_after if driver.autocommit else None
        info["driver"] = driver


def note_begin(session: Session, _: object, connection: Connection) -> None:
    """Note the connection with which a session of SQLAlchemy begins."""
    note_use(session.info, cast(DeadlineConnection, connection.connection.dbapi_connection))


def is_closed_by_server(connection: psycopg.Connection[TupleRow]) -> bool:
    """Tell, without a round trip, whether the server closed this idle connection or sent something unexpected."""
    if connection.closed:
        return True
    look = select.poll()  # select() refuses descriptors above 1023
    look.register(connection.fileno(), select.POLLIN)
    return bool(look.poll(0))


@dataclass(frozen=True, slots=True)
class Written:
    """A query as PostgreSQL reads it, the names of its values in order, and how each is to be formatted."""

    query: bytes
    names: tuple[str, ...]
    formats: list[PyFormat]


@lru_cache(maxsize=1024)
def _written(text: str) -> Written:
    query, formats, names, _ = _query2pg(text.encode(), "utf-8")
    return Written(query, tuple(names or ()), formats)


def _is_asked_again(connection: Any, error: BaseException) -> bool:
    """Tell whether a statement that failed is to be sent again, and give up a connection whose plans are lost."""
    if not connection.autocommit or connection.info.transaction_status != IDLE or not asks_again(error):
        return False
    if plan_is_lost(error):
        connection.epoch = CONDEMNED  # its other statements were prepared for the same tables
    return True


def plan_is_lost(error: BaseException | None) -> bool:
    """Tell whether a prepared statement no longer fits its table, or is not there, or not ours."""
    if isinstance(error, errors.FeatureNotSupported):
        return error.diag.source_function == OF_PLANS
    return isinstance(error, LOST_STATEMENT)


def asks_again(error: BaseException | None) -> bool:
    """Tell whether the server did nothing, and may do it when it is asked again at once."""
    return plan_is_lost(error) or isinstance(error, LOST_RACE)

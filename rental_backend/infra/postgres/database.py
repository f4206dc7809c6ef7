"""The adapter of PostgreSQL: pool, sessions, breaker, deadlines, and the translation of its errors into ours."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import psycopg
import sqlalchemy.exc
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from ...errors import AppError, Busy, OutcomeUnknown, Unavailable
from ...resilience import (
    Breaker,
    BreakerOpen,
    Bulkhead,
    BulkheadFull,
    ConnectionEpoch,
    RetryBudget,
    SharedMemory,
    SlowStart,
    budget,
    limit,
)
from ...resilience.connections import CONDEMNED
from ...resilience.deadline import budget_end
from .address import Address
from .connection import CommitLost, DeadlineConnection, RepeatingConnection
from .failures import INJECTED_ERRORS, Condemned, classify_database_error, condemned_by, translated
from .pool import make_engine
from .pooling import NONE, SessionSettings
from .sessions import GuardedSession, ReadingSession
from .tracing import SpannedCall, traced

# Whether the server takes no writes, and when it was started (microseconds), which no two servers have in common.
PROBE = """
    SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool,
           (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint"""
PROBE_STANDBY = "SELECT false, 0"  # reads may be spread over several
POSITION = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
FIRST = 12  # slow start: right after an outage, allow 1/12 of the usual concurrency


class Database:
    """PostgreSQL behind the breaker `name`. Nothing connects before the first probe.

    Times are in seconds. A request thread waits at most `pool_timeout` for a connection, `connect_deadline` for a
    new one and `deadline` for each response. At most `calls` are in flight at once over all workers of the host, fewer
    right after an outage (`SlowStart`).
    While `restricted()` is true, `admit(name, writing=...)` may refuse a session by raising. A `standby` need not take
    writes. `pooler` says how connections are pooled on the way: `none`, `session` or `transaction`.
    """

    injected_errors = INJECTED_ERRORS

    def __init__(
        self,
        name: str,
        url: str,
        *,
        deadline: float,
        connect_deadline: float,
        pool_size: int,
        pool_timeout: float,
        calls: int,
        memory: SharedMemory | None = None,
        admit: Callable[..., None] | None = None,
        restricted: Callable[[], object] = bool,
        standby: bool = False,
        pooler: str = NONE,
    ) -> None:
        memory = memory or SharedMemory()
        self.inject_fault: Callable[[], float] | None = None  # raises or waits, as an operator ordered
        self._admit, self._restricted, self._probe = admit, restricted, PROBE_STANDBY if standby else PROBE
        self.breaker = Breaker(name, classify=classify_database_error, memory=memory)
        self.epoch = ConnectionEpoch(self.breaker)
        self.bulkhead = Bulkhead(memory, name, calls, slow_start=SlowStart(first=max(1, calls // FIRST)))
        self.pool_timeouts = memory.counters.group(f"pool {name}", "timeouts")
        self._retries = RetryBudget(self.breaker)
        self._address = Address(url) if url else None
        self.shared: dict[str, Any] = {}  # copied into the `info` of every session
        self.deadline = deadline
        self.pooler, self._settings = pooler, SessionSettings(pooler, deadline)
        self._class: type[RepeatingConnection] = type(
            "Connection", (RepeatingConnection,), {"connect_deadline": connect_deadline}
        )
        self.engine = make_engine(self.connect, pool_size=pool_size, pool_timeout=pool_timeout)
        self._transactional = self.engine.execution_options(isolation_level="READ COMMITTED")

    def connect(self) -> RepeatingConnection:
        """Open a connection, bypassing the breaker. For the pool, and for checks of the server."""
        if self._address is None:
            raise psycopg.OperationalError("no URL is configured")
        epoch = self.epoch.current()
        connection = self._class.connect(
            self._address.conninfo(self._settings.options, f"rental_backend {self.breaker.name}")
        )
        connection.deadline, connection.epoch, connection.newest = self.deadline, epoch, self.epoch.current
        try:
            self._settings.apply(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def trace(self, call: SpannedCall) -> None:
        """Run the statements of connections that are opened from now on through `call`."""
        self._class = traced(self._class, call)

    def probe(self) -> None:
        """Contact the server on a fresh connection. Raises if it does not answer, or takes no writes but should."""
        if self.inject_fault:
            self.inject_fault()
        self.resolve()
        connection = self.connect()
        try:
            connection.autocommit = True
            row = connection.execute(self._probe).fetchone()
        finally:
            connection.close()
        if row is None or row[0]:
            raise psycopg.errors.ReadOnlySqlTransaction("the server is read-only")
        self.epoch.recognise(row[1])

    def resolve(self) -> None:
        """Resolve the host name again, and give up this process's connections if it leads elsewhere. May block."""
        if self._address is not None and self._address.resolve():
            self.engine.dispose()

    def open(self, connections: int) -> None:
        """Open connections of this process's pool, at most as many as it holds. Raises `AppError`."""
        with ExitStack() as held:
            for _ in range(connections):
                held.enter_context(self.reading()).connection()

    @property
    def pool(self) -> QueuePool:
        """The pool of this process."""
        return self.engine.pool  # type: ignore[return-value]

    def close(self) -> None:
        """Close the connections that are not in use."""
        self.engine.dispose()

    # D4: reads run in autocommit.
    def reading(self) -> AbstractContextManager[Session]:
        """Open a session for queries only, in autocommit, which saves a round trip for BEGIN."""
        return self._guarded(ReadingSession(self.engine, self.shared), writing=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session whose work is committed once at the end, or not at all.

        After an `AppError` that `keeps_transaction` the work is committed, then the error is raised.
        """
        kept: AppError | None = None
        made = GuardedSession(self._transactional, expire_on_commit=False, info=self.shared)
        with self._guarded(made, writing=True) as session:
            try:
                yield session
            except AppError as error:
                if not error.keeps_transaction:
                    raise
                kept = error
            session.flush()
            ends, least = budget_end(), self.deadline / 2
            if ends is None or ends - time.monotonic() >= least:
                _commit(session)
            else:
                with budget(least):  # whatever is left of the budget: what was begun is finished
                    _commit(session)
        if kept is not None:
            raise kept

    # D22: a read is retried once, a write never.
    def may_retry(self) -> bool:
        """Tell whether a read that just failed may be retried: in time, and within the retry budget."""
        return limit(self.deadline) == self.deadline and self._retries.may_retry()

    # D46: a replica's position, not the time of a commit.
    def position(self) -> int | None:
        """Return the end of the server's log (bytes), which is beyond every commit so far; None if unknown."""
        try:
            with self.reading() as session:
                return int(session.connection().exec_driver_sql(POSITION).scalar_one())
        except AppError:
            return None

    @contextmanager
    def _guarded(self, session: Session, *, writing: bool) -> Iterator[Session]:
        """Guard the block by the breaker. A session that never took a connection says nothing about the server."""
        if self._admit and self._restricted():
            self._admit(self.breaker.name, writing=writing)
        try:
            with self.breaker.guard() as call, self.bulkhead, session:
                call.contacted, injected_delay = False, self.inject_fault() if self.inject_fault else 0.0
                try:
                    yield session
                except (CommitLost, sqlalchemy.exc.DBAPIError, psycopg.Error) as error:
                    self._condemn(session.info.get("driver"), error)
                    raise
                finally:
                    driver = session.info.get("driver")
                    call.contacted = driver is not None
                    call.seconds = driver.longest_wait + injected_delay if driver else None
        except (BreakerOpen, CommitLost, BulkheadFull, sqlalchemy.exc.SQLAlchemyError, psycopg.Error) as error:
            translated = self._as_app_error(error)
            if translated is error:
                raise
            raise translated from (None if isinstance(error, BreakerOpen) else error)

    def _condemn(self, driver: DeadlineConnection | None, error: Exception) -> None:
        """Have the connections not used again that an error speaks against."""
        condemned = condemned_by(error)
        if driver is None or condemned is Condemned.NONE:
            return
        if condemned is Condemned.ALL:
            self.epoch.end(driver.epoch)
        driver.epoch = CONDEMNED

    def _as_app_error(self, error: Exception) -> Exception:
        """Return our error for that of the breaker, the pool or the driver; an unknown error is returned as it is."""
        name = self.breaker.name or ""
        match error:
            case BreakerOpen():
                return Unavailable(name, error.retry_after)
            case CommitLost():
                return OutcomeUnknown(name, self.breaker.retry_after)
            case BulkheadFull():
                return Busy(name)
            case sqlalchemy.exc.TimeoutError():
                self.pool_timeouts.add("timeouts")
                return Busy(name)
            case sqlalchemy.exc.DBAPIError() | psycopg.Error():
                return translated(error, name, self.breaker.retry_after)
        return error


def _commit(session: Session) -> None:
    """Commit; a connection lost on the way leaves the outcome unknown."""
    try:
        session.commit()
    except sqlalchemy.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise CommitLost from error
        raise

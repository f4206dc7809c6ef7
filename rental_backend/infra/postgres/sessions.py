"""Sessions that report to their adapter how long they waited for the server."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection

from .connection import DeadlineConnection, note_begin, note_use

REPLICA_POSITION = """
    SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'), 0)::bigint
                ELSE pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint END,
           extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float"""


class GuardedSession(Session):
    """A session whose `info` has the connection it used, if any, as `driver`, and what its adapter shares."""

    @property
    def driver(self) -> DeadlineConnection:
        """The driver's connection that this session works with, taken from the pool if there was none yet."""
        return cast(DeadlineConnection, self.connection().connection.dbapi_connection)


class ReadingSession(GuardedSession):
    """A session for queries only. What a small read does not need is created on demand.

    Its driver comes straight from the pool. SQLAlchemy's connection and the ORM's session are created around it when
    they are used: each costs a tenth of a small read.
    """

    _taken: PoolProxiedConnection | None = None
    _plain: Connection | None = None
    _whole = False

    def __init__(self, engine: Engine, shared: Mapping[str, object]) -> None:
        self._engine = engine
        self.info = {**shared}

    def __getattr__(self, name: str) -> Any:
        """Become a full session: something is used that only the ORM's session has."""
        if self._whole:
            raise AttributeError(name)
        plain = self.connection()
        self._whole = True
        super().__init__(plain, autoflush=False)
        return getattr(self, name)

    @property
    def driver(self) -> DeadlineConnection:
        """The driver's connection."""
        if self._taken is None:
            self._taken = self._engine.raw_connection()
            note_use(self.info, cast(DeadlineConnection, self._taken.dbapi_connection))
        return cast(DeadlineConnection, self._taken.dbapi_connection)

    def connection(self, *_: object, **__: object) -> Connection:
        """Return SQLAlchemy's connection."""
        if self._plain is None:
            self.driver  # noqa: B018 - takes a connection from the pool
            self._plain = Connection(self._engine, self._taken)
        return self._plain

    def close(self) -> None:
        """Return the connection to the pool."""
        if self._whole:
            super().close()
        if self._plain is not None:
            self._plain.close()
        elif self._taken is not None:
            self._taken.close()


def replica_position(session: Session) -> tuple[int, float | None]:
    """Return how far a standby has replayed the log (bytes), and how old its newest change is (seconds)."""
    place, age = session.connection().exec_driver_sql(REPLICA_POSITION).one()
    return int(place), age


event.listen(GuardedSession, "after_begin", note_begin)

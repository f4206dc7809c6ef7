"""Sessions that report to their adapter how long they waited for the server."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection

from .connection import CommitLost, DeadlineConnection


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
            _record_contact(self, cast(DeadlineConnection, self._taken.dbapi_connection))
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


def commit(session: Session) -> None:
    """Commit; a connection lost on the way leaves the outcome unknown."""
    try:
        session.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise CommitLost from error
        raise


def _record_contact(session: Session, driver: DeadlineConnection) -> None:
    """Record the connection that a session took, whose longest wait is reported to the breaker.

    In a transaction nothing is prepared: a plan that no longer fits its table would end the whole of it (D121).
    """
    if session.info.get("driver") is not driver:
        driver.longest_wait = 0.0
        driver.prepare_threshold = driver.prepare_after if driver.autocommit else None
        session.info["driver"] = driver


def _record_begin(session: Session, _: object, connection: Connection) -> None:
    _record_contact(session, cast(DeadlineConnection, connection.connection.dbapi_connection))


event.listen(GuardedSession, "after_begin", _record_begin)

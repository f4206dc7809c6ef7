"""Sessions that tell their door how long the server let them wait."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection

from .connection import DeadlineConnection


class GuardedSession(Session):
    """A session that knows in `info["driver"]` which connection it used, if any, and what its door shares."""

    @property
    def driver(self) -> DeadlineConnection:
        """The driver's connection that this session works with, taken from the pool if there was none yet."""
        return cast(DeadlineConnection, self.connection().connection.dbapi_connection)


class ReadingSession(GuardedSession):
    """A session for queries only. What a small read does without is not made before it is asked for.

    Its driver comes straight from the pool. SQLAlchemy's connection, and the ORM's session, are made around it when
    somebody wants them: each costs a tenth of such a read.
    """

    _taken: PoolProxiedConnection | None = None
    _plain: Connection | None = None
    _whole = False

    def __init__(self, engine: Engine, shared: Mapping[str, Any]) -> None:
        self._engine = engine
        self.info = {**shared}

    def __getattr__(self, name: str) -> Any:
        """Become a whole session: something was asked for that only the ORM's has."""
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

    def connection(self, *_: Any, **__: Any) -> Connection:
        """Return SQLAlchemy's connection."""
        if self._plain is None:
            self.driver  # noqa: B018 - to be there
            self._plain = Connection(self._engine, self._taken)
        return self._plain

    def close(self) -> None:
        """Give the connection back."""
        if self._whole:
            super().close()
        if self._plain is not None:
            self._plain.close()
        elif self._taken is not None:
            self._taken.close()


def _record_contact(session: Session, driver: DeadlineConnection) -> None:
    """Note the connection that a session has taken, to judge the server by how long it waits for it."""
    if session.info.get("driver") is not driver:
        driver.longest_wait = 0.0
        session.info["driver"] = driver


def _record_begin(session: Session, _: Any, connection: Any) -> None:
    _record_contact(session, connection.connection.dbapi_connection)


event.listen(GuardedSession, "after_begin", _record_begin)

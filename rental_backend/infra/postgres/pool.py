"""The pool of one process: it hands out no connection that may lead to another server than a fresh one would."""

import os
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from .connection import DeadlineConnection, close_condemned, refuse_condemned

POOL: dict[str, Any] = {
    "poolclass": QueuePool,
    "max_overflow": 0,
    "pool_use_lifo": True,
    "isolation_level": "AUTOCOMMIT",  # set once for each connection; only transactions change and restore it
    "hide_parameters": True,  # D107: neither in errors nor in the log
    "skip_autocommit_rollback": True,  # there is nothing to roll back, and each rollback costs 20 us
}


def make_engine(connect: Callable[[], DeadlineConnection], *, pool_size: int, pool_timeout: float) -> Engine:
    """Return an engine with a pool of such connections; `pool_timeout` is in seconds."""
    engine = create_engine(
        "postgresql+psycopg://", creator=connect, pool_size=pool_size, pool_timeout=pool_timeout, **POOL
    )

    event.listen(engine, "connect", _mark_new)
    event.listen(engine, "checkout", refuse_condemned)
    event.listen(engine, "checkin", close_condemned)
    return engine


def _mark_new(connection: object, record: ConnectionPoolEntry) -> None:  # noqa: ARG001
    """Record which process opened a connection, and that it has not been used yet."""
    record.info["pid"], record.info["new"] = os.getpid(), True

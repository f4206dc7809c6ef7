"""The retention job: deletes old rows in the background, in small batches, in one worker of all hosts at a time."""

import os
import random
import threading
from collections.abc import Callable

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...errors import AppError
from ..postgres.database import Database

TURN = 202_508_191  # PostgreSQL's advisory lock, held while a batch is deleted
BATCH = 200
EVERY = 3600.0  # seconds between two runs of a worker
PAUSE = 0.2  # seconds between two batches: requests come first

Delete = Callable[[Session, int], dict[str, int]]


class RetentionJob:
    """Calls the deleting function, `(session, most)`, in a transaction each until nothing is left.

    That function returns the number of deleted rows by table.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._delete: Delete | None = None
        self._owner: int | None = None
        self._stopping = threading.Event()

    def delete_with(self, delete_old: Delete) -> None:
        """Set the function that deletes. A domain knows its tables; this module does not."""
        self._delete = delete_old

    def start(self, every: float = EVERY) -> None:
        """Start the thread of this process, once; a forked child starts its own. Workers run at different times."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._stopping = threading.Event()
            threading.Thread(target=self._run, args=(every,), name="sweeper", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()

    def run(self) -> dict[str, int]:
        """Delete all old rows; return their number by table. Does nothing while another worker does it."""
        deleted: dict[str, int] = {}
        while not self._stopping.is_set():
            batch = self._batch()
            for table, rows in batch.items():
                deleted[table] = deleted.get(table, 0) + rows
            if max(batch.values(), default=0) < BATCH:
                break
            self._stopping.wait(PAUSE)
        return deleted

    def _batch(self) -> dict[str, int]:
        if self._delete is None:
            raise RuntimeError("sweep_with was not called")
        with self._database.transaction() as session:
            if not session.scalar(select(func.pg_try_advisory_xact_lock(TURN))):
                return {}
            return self._delete(session, BATCH)

    def _run(self, every: float) -> None:
        wait = random.uniform(every / 2, every)  # noqa: S311 - spreads the workers, and spares a process that has just started
        while not self._stopping.wait(wait):
            wait = every
            try:
                deleted = self.run() if self._database.breaker.closed else {}
            except AppError:  # tried again next time; old rows can wait
                continue
            if any(deleted.values()):
                structlog.get_logger("rental_backend.sweeper").info("swept", **deleted)

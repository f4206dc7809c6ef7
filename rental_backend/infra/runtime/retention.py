"""Old rows go by themselves: in the background, a few at a time, by one worker of all hosts."""

import os
import random
import threading
from collections.abc import Callable

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...errors import AppError
from ..postgres.database import Database

TURN = 202_508_191  # the advisory lock of who sweeps
BATCH = 200
EVERY = 3600.0  # seconds between two rounds of a worker
PAUSE = 0.2  # seconds between two batches: requests come first

Delete = Callable[[Session, int], dict[str, int]]


class RetentionJob:
    """Calls `sweep(session, most)` in transactions of their own until nothing is left; it returns rows by table."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._delete: Delete | None = None
        self._owner: int | None = None
        self._stopping = threading.Event()

    def delete_with(self, delete_old: Delete) -> None:
        """Set what deletes (a domain knows its tables; this does not)."""
        self._delete = delete_old

    def start(self, every: float = EVERY) -> None:
        """Start the thread of this process, once; a forked child starts its own. Workers come at different times."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._stopping = threading.Event()
            threading.Thread(target=self._run, args=(every,), name="sweeper", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopping.set()

    def run(self) -> dict[str, int]:
        """Delete all that is old; return how many rows of which table. Does nothing while another worker is at it."""
        gone: dict[str, int] = {}
        while not self._stopping.is_set():
            batch = self._batch()
            for table, rows in batch.items():
                gone[table] = gone.get(table, 0) + rows
            if max(batch.values(), default=0) < BATCH:
                break
            self._stopping.wait(PAUSE)
        return gone

    def _batch(self) -> dict[str, int]:
        if self._delete is None:
            raise RuntimeError("sweep_with was not called")
        with self._database.transaction() as session:
            if not session.scalar(select(func.pg_try_advisory_xact_lock(TURN))):
                return {}
            return self._delete(session, BATCH)

    def _run(self, every: float) -> None:
        wait = random.uniform(every / 2, every)  # noqa: S311 - spreads the workers, and lets a start be a start
        while not self._stopping.wait(wait):
            wait = every
            try:
                gone = self.run() if self._database.breaker.closed else {}
            except AppError:  # next time; what is old can wait
                continue
            if any(gone.values()):
                structlog.get_logger("rental_backend.sweeper").info("swept", **gone)

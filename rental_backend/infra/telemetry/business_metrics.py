"""Business metrics, as last read from the database: now and then one worker reads them for all of the host."""

import mmap
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ...resilience import SharedDocument, SharedState
from ..postgres.database import Database

EVERY = 30.0  # seconds, at least, between two queries of a host

Load = Callable[[Session], dict[str, int]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The metrics by name, and when they were read (monotonic seconds, which all workers of a host share)."""

    figures: dict[str, int]
    at: float


class BusinessMetrics:
    """The last metrics remain while the database is away; their age tells. Create it before the fork."""

    def __init__(self, shared_state: SharedState, database: Database) -> None:
        self._memory = shared_state.memory
        self._database = database
        self._document = SharedDocument(shared_state, "figures", lambda data: Snapshot(**data))
        self._due = memoryview(mmap.mmap(-1, 8)).cast("q")
        self._load: Load | None = None
        self.meanings: Mapping[str, str] = {}

    def load_with(self, load: Load, meanings: Mapping[str, str]) -> None:
        """Set the function that reads the metrics, and what each of them means. A domain knows its tables."""
        self._load, self.meanings = load, meanings

    def refresh(self) -> None:
        """Read the metrics if that is due and no other worker does it. Raises `AppError` in an outage."""
        if self._load is None or not self._database.breaker.closed or not self._ours():
            return
        with self._database.reading() as session:
            figures = self._load(session)
        self._document.write({"figures": figures, "at": time.monotonic()})

    def _ours(self) -> bool:
        """Claim the query that is due; False if none is due, or another worker claimed it."""
        now = int(time.monotonic() * 1e6)
        if now < self._due[0]:
            return False
        with self._memory.locked():
            if now < self._due[0]:
                return False
            self._due[0] = now + int(EVERY * 1e6)
        return True

    def latest(self) -> tuple[dict[str, int], float] | None:
        """Return the metrics and their age in seconds; None if they were never read."""
        snapshot = self._document.value
        return (snapshot.figures, time.monotonic() - snapshot.at) if snapshot else None

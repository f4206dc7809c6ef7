"""The recorder observes the components and keeps the history: in memory for all workers, in a file for restarts."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from ...errors import Busy, Conflict
from ..postgres.database import Database
from .levels import ComponentStatus
from .shared import DOCUMENT_BYTES, STAMPS, HistoryLock, SharedHistory
from .state import Change, Observation, StatusHistory
from .tables import load_remote, save

EVERY = 2_000  # milliseconds between two observations
KEEP_EVERY = 15_000  # milliseconds between two writes of the file
EXCHANGE_EVERY = 60_000  # milliseconds between two exchanges through the database
PATIENCE = 1.0  # seconds that an operator waits for the lock
FILE = "status.json"
OBSERVED, KEPT, LOADED, STORED = range(STAMPS, STAMPS + 4)  # words: when that was done last (monotonic milliseconds)
CHANGES, EXCHANGED = STORED + 1, STORED + 2  # words: changes of incidents so far, and how many the database has

Components = Callable[[], Mapping[str, ComponentStatus]]


class TooManyIncidents(Conflict):
    """There is no room for more open incidents, or more updates of them (409)."""

    code, title = "incidents_full", "Too many open incidents"


class StatusRecorder:
    """Observes the components and keeps their history. Create it before the fork; `start` it in each worker."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.file = folder / FILE
        self._database = database
        self._shared = SharedHistory()
        self._look: Components | None = None
        self._names: Mapping[str, str] = {}
        self._known: tuple[int, StatusHistory] = (0, StatusHistory())
        self._owner: int | None = None
        self._stopping = threading.Event()

    def observe_with(self, look: Components, names: Mapping[str, str]) -> None:
        """Set the function that returns the components' status, and their names. This module knows none of them."""
        self._look, self._names = look, names

    @property
    def version(self) -> int:
        """A number that differs after every change."""
        return self._shared.version

    @property
    def state(self) -> StatusHistory:
        """The history. Never waits; returns the same object until something changes."""
        known = self._known
        if known[0] != self._shared.version:
            version, data = self._shared.read()
            self._known = known = (version, StatusHistory.read(data))
        return known[1]

    def change(self, change: Change) -> StatusHistory:
        """Apply an operator's change for all workers and write the file; return the history.

        Raises `Busy`, or `TooManyIncidents` if the open incidents no longer fit.
        """
        with self._shared.lock(HistoryLock.WRITE, PATIENCE) as ours:
            if not ours:
                raise Busy("history of incidents")
            self._recall()
            before, state = self.state, change(self.state)
            if not state.holds(DOCUMENT_BYTES // 2) and len(state.open) >= len(before.open):
                raise TooManyIncidents("Too many incidents are open. Close incidents first.")
            self._write(state)
            self._shared.words[CHANGES] += 1
        self.keep(PATIENCE)
        return state

    def observe(self) -> None:
        """Observe the components, if that is due and no other worker does."""
        if self._look is None:
            raise RuntimeError("look_with was not called")
        with self._shared.lock(HistoryLock.WRITE) as ours:
            if not ours or not self._due(OBSERVED, EVERY * 0.9):
                return
            self._recall()
            before = self.state
            now, levels = Observation(monotonic=_milliseconds(), wall=round(time.time() * 1000)), self._look()
            if not levels:  # not known yet
                return
            state = before.observed(levels, now, self._names)
            self._write(state)
            self._shared.words[OBSERVED] = now.monotonic
            urgent = state.incidents != before.incidents
            self._shared.words[CHANGES] += urgent
        if urgent or self._due(KEPT, KEEP_EVERY):
            self.keep()

    def keep(self, patience: float = 0.0) -> None:
        """Write the file, unless another worker is doing so. If the disk fails, memory and database have it."""
        draft = self.file.with_suffix(f".{os.getpid()}.draft")
        with self._shared.lock(HistoryLock.KEEP, patience) as ours:
            if not ours or not self._shared.version:
                return
            self._shared.words[KEPT] = _milliseconds()
            with contextlib.suppress(OSError):
                self.file.parent.mkdir(parents=True, exist_ok=True)
                with draft.open("wb") as file:
                    file.write(self._shared.read()[1])
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(self.file)

    def exchange(self) -> None:
        """Exchange the history with the other instances, if that is due. Raises `AppError` in an outage."""
        if not self._database.breaker.closed or not self._shared.version:
            return
        words = self._shared.words
        with self._shared.lock(HistoryLock.SYNC) as ours:
            changes = words[CHANGES]
            if not ours or not (self._due(LOADED, EXCHANGE_EVERY) or changes != words[EXCHANGED]):
                return
            news = load_remote(self._database, self.state.source)
            with self._shared.lock(HistoryLock.WRITE, PATIENCE) as writing:
                if not writing:
                    return
                self._write(
                    self.state.merged_with(news.others, news.incidents, news.orphans, round(time.time() * 1000))
                )
            words[LOADED] = _milliseconds()
            save(self._database, self.state, news, whole=not words[STORED])
            words[STORED], words[EXCHANGED] = _milliseconds(), changes

    def start(self) -> None:
        """Start the thread of this process, once; a forked child starts its own."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._stopping = threading.Event()
            threading.Thread(target=self._run, name="status", daemon=True).start()

    def stop(self) -> None:
        """End the thread and write the file."""
        self._stopping.set()
        self.keep()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.observe()
            except Exception:
                structlog.get_logger("rental_backend.status").exception("not looked")
            self._stopping.wait(EVERY / 4000)

    def _due(self, stamp: int, every: float) -> bool:
        last = self._shared.words[stamp]
        return not last or _milliseconds() - last >= every

    def _write(self, state: StatusHistory) -> None:
        self._shared.write(state.packed(DOCUMENT_BYTES))

    def _recall(self) -> None:
        """Load the file, if no worker has yet. The lock WRITE must be held."""
        if self._shared.version:
            return
        try:
            state = StatusHistory.read(self.file.read_bytes())
        except FileNotFoundError:
            state = StatusHistory()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            structlog.get_logger("rental_backend.status").warning("history unreadable", error=type(error).__name__)
            state = StatusHistory()
        self._write(state.fresh())


def _milliseconds() -> int:
    return round(time.monotonic() * 1000)

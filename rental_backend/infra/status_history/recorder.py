"""Who looks at the components, and where what was seen is kept: in memory for all workers, in a file for restarts."""

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

EVERY = 2_000  # milliseconds between two looks
KEEP_EVERY = 15_000  # milliseconds between two files
EXCHANGE_EVERY = 60_000  # milliseconds between two visits to the database
PATIENCE = 1.0  # seconds that an operator waits for his turn
FILE = "status.json"
LOOKED, KEPT, HEARD, STORED = range(STAMPS, STAMPS + 4)  # words: when that was last (monotonic milliseconds)
SAID, TOLD = STORED + 1, STORED + 2  # words: how many changes of incidents there were, and how many the database knows

Components = Callable[[], Mapping[str, ComponentStatus]]


class TooManyIncidents(Conflict):
    """There is no room for more about open incidents (409)."""

    code, title = "incidents_full", "Too many open incidents"


class StatusRecorder:
    """Make it before the fork; `start` it in each worker."""

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
        """Set how the components are looked at, and how they are called (this knows none of them)."""
        self._look, self._names = look, names

    @property
    def version(self) -> int:
        """A number that is another one after every change."""
        return self._shared.version

    @property
    def state(self) -> StatusHistory:
        """What is known. Never waits for anything; the same object until something changes."""
        known = self._known
        if known[0] != self._shared.version:
            version, data = self._shared.read()
            self._known = known = (version, StatusHistory.read(data))
        return known[1]

    def change(self, change: Change) -> StatusHistory:
        """Have an operator's change in force for all workers and in the file; return the state.

        Raises `Busy`, or `TooManyIncidents` where all that is open has no room any more.
        """
        with self._shared.lock(HistoryLock.WRITE, PATIENCE) as ours:
            if not ours:
                raise Busy("history of incidents")
            self._recall()
            before, state = self.state, change(self.state)
            if not state.holds(DOCUMENT_BYTES // 2) and len(state.open) >= len(before.open):
                raise TooManyIncidents("Too many incidents are open. Close incidents first.")
            self._write(state)
            self._shared.words[SAID] += 1
        self.keep(PATIENCE)
        return state

    def observe(self) -> None:
        """Look at the components, if it is time to and nobody else does."""
        if self._look is None:
            raise RuntimeError("look_with was not called")
        with self._shared.lock(HistoryLock.WRITE) as ours:
            if not ours or not self._due(LOOKED, EVERY * 0.9):
                return
            self._recall()
            before = self.state
            now, levels = Observation(monotonic=_milliseconds(), wall=round(time.time() * 1000)), self._look()
            if not levels:  # nobody knows yet
                return
            state = before.observed(levels, now, self._names)
            self._write(state)
            self._shared.words[LOOKED] = now.monotonic
            urgent = state.incidents != before.incidents
            self._shared.words[SAID] += urgent
        if urgent or self._due(KEPT, KEEP_EVERY):
            self.keep()

    def keep(self, patience: float = 0.0) -> None:
        """Write the file, unless somebody else is about to. Where the disk takes nothing, memory and database do."""
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
        """Exchange what is known with the other instances, if it is time to. Raises our errors for an outage."""
        if not self._database.breaker.closed or not self._shared.version:
            return
        words = self._shared.words
        with self._shared.lock(HistoryLock.SYNC) as ours:
            said = words[SAID]
            if not ours or not (self._due(HEARD, EXCHANGE_EVERY) or said != words[TOLD]):
                return
            news = load_remote(self._database, self.state.source)
            with self._shared.lock(HistoryLock.WRITE, PATIENCE) as writing:
                if not writing:
                    return
                self._write(
                    self.state.merged_with(news.others, news.incidents, news.orphans, round(time.time() * 1000))
                )
            words[HEARD] = _milliseconds()
            save(self._database, self.state, news, whole=not words[STORED])
            words[STORED], words[TOLD] = _milliseconds(), said

    def start(self) -> None:
        """Start the thread of this process, once; a forked child starts its own."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._stopping = threading.Event()
            threading.Thread(target=self._run, name="status", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
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
        """Begin with what the file says, if nobody has begun yet; whose turn it is must hold WRITE."""
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

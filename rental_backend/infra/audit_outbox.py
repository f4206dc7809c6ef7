"""Security events on their way to the database: on disk at once, in the table when it can be reached, each once.

A change of the shop's data carries its own audit row in its own transaction. Everything else that has to be told
(refused permissions, what was done without the database) goes through here. The file is one for all workers of a host;
whoever finds the database in reach takes it over. An event has its id from birth, so that one stored twice is one.
"""

import fcntl
import json
import os
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.orm import Session

from ..actor import Actor
from ..errors import AppError
from .postgres.database import Database

BATCH = 500
PAUSE = 1.0
REMEMBERED = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """Something that somebody did, or tried to do, to a `resource` such as `users`."""

    actor: Actor
    action: str
    resource: str
    resource_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    success: bool = True
    error: str | None = None
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def line(self) -> bytes:
        """Return it as a line of JSON."""
        return json.dumps(asdict(self), default=str).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> "SecurityEvent":
        """Read what `line` wrote."""
        said = json.loads(line)
        who = said.pop("actor")
        actor = Actor(**{**who, "id": uuid.UUID(who["id"]) if who["id"] else None})
        return cls(**{**said, "actor": actor, "id": uuid.UUID(said["id"]), "at": datetime.fromisoformat(said["at"])})


Store = Callable[[Session, list[SecurityEvent]], None]


class AuditOutbox:
    """The file of events that are not in the database yet, and the thread that takes them there."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder = folder
        self._database = database
        self._store: Store | None = None
        self._owner: int | None = None
        self._stopping = threading.Event()
        self._kept: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = threading.Lock()

    def store_with(self, store: Store) -> None:
        """Set how events are stored (the accounts domain knows the table; this does not)."""
        self._store = store

    def write(self, event: SecurityEvent) -> None:
        """Keep an event. It survives the end of this process; the thread stores it within seconds if it can.

        Where the disk takes nothing, it goes into the log of the process: nobody's request fails for that.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._appending() as file:
                os.write(file, event.line())
        except OSError as error:
            structlog.get_logger("rental_backend.journal").error(
                "not journalled", error=type(error).__name__, line=event.line().decode()
            )

    def write_limited(self, key: Hashable, event: SecurityEvent, *, once_in: float) -> None:
        """Keep an event unless this process has kept one of the same key in the last `once_in` seconds."""
        if self.is_due(key, once_in=once_in):
            self.write(event)

    def is_due(self, *keys: Hashable, once_in: float) -> bool:
        """Tell whether no key was due in the last `once_in` seconds; then all of them are due now."""
        now = time.monotonic()
        with self._lock:
            if any(now < self._kept.get(key, float("-inf")) + once_in for key in keys):
                return False
            for key in keys:
                self._kept[key] = now
                self._kept.move_to_end(key)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return True

    def start(self) -> None:
        """Start the thread of this process, once; a forked child starts its own."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._stopping = threading.Event()
            threading.Thread(target=self._run, name="journal", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopping.set()

    def flush(self) -> int:
        """Store what is in the file and return how many events that were; 0 while the database is out of reach."""
        if not self._database.breaker.closed:
            return 0
        self._set_aside()
        return sum(self._take_over(path) for path in sorted(self._folder.glob("*.leaving")))

    @property
    def size(self) -> int:
        """The bytes of all that waits for the database."""
        waiting = (*self._folder.glob("*.leaving"), self._path)
        return sum(path.stat().st_size for path in waiting if path.exists())

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE):
            try:
                self.flush()
            except (AppError, OSError):  # next time; nothing is lost meanwhile
                continue

    @property
    def _path(self) -> Path:
        return self._folder / "security-events.jsonl"

    @contextmanager
    def _appending(self) -> Iterator[int]:
        """Open the file that all workers append to, and keep the others from setting it aside."""
        while True:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _same(file, self._path):
                    yield file
                    return
            finally:
                os.close(file)

    def _set_aside(self) -> None:
        """Give the file another name; writers begin a new one."""
        if self._path.exists():
            with self._appending() as file:
                if os.fstat(file).st_size:
                    self._path.rename(self._folder / f"{uuid.uuid4().hex}.leaving")

    def _take_over(self, path: Path) -> int:
        """Store the events of a file and remove it, unless another worker is about to."""
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0
            if not path.exists():  # somebody has just done it
                return 0
            found = [SecurityEvent.read(line) for line in file if line.endswith(b"\n")]
            for first in range(0, len(found), BATCH):
                with self._database.transaction() as session:
                    if self._store is None:
                        raise RuntimeError("store_with was not called")
                    self._store(session, found[first : first + BATCH])
            path.unlink()
            return len(found)


def _same(file: int, path: Path) -> bool:
    """Tell whether the open file still has that name."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False

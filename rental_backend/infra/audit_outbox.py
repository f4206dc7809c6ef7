"""The outbox of the audit log: security events go to a file at once, and to the table when the database is reachable.

A change of business data writes its own audit row in its own transaction. Every other event (refused permissions, what
was done without the database) goes through here. All workers of a host share one file; the first that reaches the
database stores it. An event has its id from the beginning, so storing it twice stores it once.
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
from ..errors import ServiceUnavailable
from .postgres.database import Database

BATCH = 500
PAUSE = 1.0
REMEMBERED = 1024
TELL_EVERY = 60.0
PERSONAL = ("username", "name", "email")  # details that no log holds


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """What an actor did, or tried to do, to a `resource` such as `users`."""

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
        """Return the event as a line of JSON."""
        return json.dumps(asdict(self), default=str).encode() + b"\n"

    def without_persons(self) -> dict[str, Any]:
        """Return what may stand in a log: what was done by whose id, and neither names nor addresses."""
        told = {"action": self.action, "resource": self.resource, "resource_id": self.resource_id, "at": self.at}
        details = {name: value for name, value in self.details.items() if name not in PERSONAL}
        return {**told, "success": self.success, "actor": self.actor.id, "event_id": self.id, "details": details}

    @classmethod
    def read(cls, line: bytes) -> "SecurityEvent":
        """Read what `line` wrote."""
        data = json.loads(line)
        who = data.pop("actor")
        actor = Actor(**{**who, "id": uuid.UUID(who["id"]) if who["id"] else None})
        return cls(**{**data, "actor": actor, "id": uuid.UUID(data["id"]), "at": datetime.fromisoformat(data["at"])})


Store = Callable[[Session, list[SecurityEvent]], None]


class AuditOutbox:
    """The file of events that are not in the database yet, and the thread that stores them there."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder = folder
        self._database = database
        self._store: Store | None = None
        self._owner: int | None = None
        self._stopping = threading.Event()
        self._kept: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = threading.Lock()

    def store_with(self, store: Store) -> None:
        """Set the function that stores events. The accounts domain knows the table; this module does not."""
        self._store = store

    def write(self, event: SecurityEvent) -> None:
        """Write an event to the file, where it survives the end of this process; the thread stores it within seconds.

        If the disk refuses the write, the event goes to the process's log: no request fails for that.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._appending() as file:
                os.write(file, event.line())
        except OSError as error:
            structlog.get_logger("rental_backend.journal").error(
                "not journalled", error=type(error).__name__, **event.without_persons()
            )

    def write_limited(self, key: Hashable, event: SecurityEvent, *, once_in: float) -> None:
        """Write an event unless this process wrote one with the same key in the last `once_in` seconds."""
        if self.is_due(key, once_in=once_in):
            self.write(event)

    def is_due(self, *keys: Hashable, once_in: float) -> bool:
        """Return True, and count all keys as due now, if none of them was due in the last `once_in` seconds."""
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
        """End the thread."""
        self._stopping.set()

    def flush(self) -> int:
        """Store the events of the file and return their number; 0 while the database is unreachable."""
        if not self._database.breaker.closed:
            return 0
        self._set_aside()
        return sum(self._take_over(path) for path in sorted(self._folder.glob("*.leaving")))

    @property
    def size(self) -> int:
        """The size in bytes of all events that wait for the database."""
        waiting = (*self._folder.glob("*.leaving"), self._path)
        return sum(path.stat().st_size for path in waiting if path.exists())

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE):
            try:
                self.flush()
            except (ServiceUnavailable, OSError):  # tried again next time; nothing is lost meanwhile
                continue
            except Exception:  # also what nobody expects: without this thread no event would be stored any more
                if self.is_due("not stored", once_in=TELL_EVERY):
                    structlog.get_logger("rental_backend.journal").exception("not stored")

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
        """Rename the file; writers begin a new one."""
        if self._path.exists():
            with self._appending() as file:
                if os.fstat(file).st_size:
                    self._path.rename(self._folder / f"{uuid.uuid4().hex}.leaving")

    def _take_over(self, path: Path) -> int:
        """Store the events of a file and remove it, unless another worker is doing so."""
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0
            if not path.exists():  # another worker has just done so
                return 0
            events = [SecurityEvent.read(line) for line in file if line.endswith(b"\n")]
            for first in range(0, len(events), BATCH):
                with self._database.transaction() as session:
                    if self._store is None:
                        raise RuntimeError("store_with was not called")
                    self._store(session, events[first : first + BATCH])
            path.unlink()
            return len(events)


def _same(file: int, path: Path) -> bool:
    """Tell whether the open file still has this name."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False

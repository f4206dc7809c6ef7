"""The journal of endings: sessions that ended on this host, in a file that outlives its workers and the host's restart.

The database has them too, and Redis if it is up. The file is for an outage in which neither can be asked for what was
ended while Redis was away.
"""

import contextlib
import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import structlog

FILE = "ended-sessions.txt"


class RevocationJournal:
    """Lines `session expires` in `folder`, appended and flushed to the disk; expired ones go when the file is read."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def append(self, ended: dict[uuid.UUID, float]) -> bool:
        """Write sessions that ended, by when they may be forgotten; return False, and log it, if the disk refuses."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked(), self._path.open("ab") as file:
                file.write(_lines(ended))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            structlog.get_logger("rental_backend.identity").error("ending not kept", error=type(error).__name__)
            return False
        return True

    def read(self) -> dict[uuid.UUID, float]:
        """Return the sessions that cannot be forgotten yet. A line that cannot be read is passed over."""
        now, ended = time.time(), {}
        try:
            with self._locked():
                lines = self._path.read_text(errors="replace").splitlines()
                for line in lines:
                    with contextlib.suppress(ValueError):
                        session, expires = line.split()
                        ended[uuid.UUID(session)] = float(expires)
                live = {session: expires for session, expires in ended.items() if expires > now}
                if len(live) < len(lines) / 2:
                    draft = self._path.with_suffix(".new")
                    draft.write_bytes(_lines(live))
                    draft.replace(self._path)
        except OSError:
            return {session: expires for session, expires in ended.items() if expires > now}
        return live

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the file, which is a file of its own, because the file itself is replaced."""
        with self._path.with_suffix(".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _lines(ended: dict[uuid.UUID, float]) -> bytes:
    return "".join(f"{session} {expires:.0f}\n" for session, expires in ended.items()).encode()

"""The cache of the business settings in each worker, read again when one has changed.

After its commit, a change raises a signal in memory that all workers of a host share. Code with a session checks the
signal and reads again first; code without one (the allowed origins) sees the change within a `TICK` of the scheduler.
Workers of other hosts read again every `REFRESH_EVERY` seconds. The last settings are also stored in Redis and in a
file, for workers that start while the database is away.
"""

import contextlib
import mmap
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson
from sqlalchemy import event
from sqlalchemy.orm import Session

from ..postgres.database import Database
from ..redis.cache import Cache

REFRESH_EVERY = 2.0
KEEP_IN_REDIS = 30 * 86400
KEY = "settings:kept"
SETTINGS = "settings"  # key of the cache in the `info` of the adapter's sessions
CHANGED = "settings changed"  # key in `info` of a session that has changed a setting and not committed yet

Texts = Mapping[str, str]
Load = Callable[[Session], Texts]


class ChangeSignal:
    """One word that all workers of a host share: the time of the last change. Create it before the fork."""

    def __init__(self) -> None:
        self._word = memoryview(mmap.mmap(-1, 8)).cast("q")

    @property
    def signalled_at(self) -> int:
        """The time of the last signal (nanoseconds of the host's monotonic clock)."""
        return self._word[0]

    def signal(self) -> None:
        """Signal a change. The time is unique, so no change is mistaken for an earlier one."""
        self._word[0] = time.monotonic_ns()


# D57: kept in each worker, followed by a signal.
class SettingsCache:
    """The settings as texts by key, as last read."""

    def __init__(self, database: Database, cache: Cache, folder: Path) -> None:
        self.change_signal = ChangeSignal()
        self._database, self._cache = database, cache
        self.file = folder / "settings.json"
        self._load: Load | None = None
        self._texts: Texts | None = None
        self._seen = -1
        self._next_look = 0.0

    def load_with(self, load: Load) -> None:
        """Set the function that reads them. The settings domain knows the table; this module does not."""
        self._load = load

    def cached(self) -> Texts:
        """Return the settings as last read, here or by another process before. Never waits."""
        return self._texts or {}

    def current(self, session: Session) -> Texts:
        """Return the settings in force, read with this session if one was changed meanwhile.

        A session that has changed one itself sees its own change, which is not in force for others yet.
        """
        if session.info.get(CHANGED) and self._load is not None:
            return self._load(session)
        if self._texts is None or self._seen != self.change_signal.signalled_at:
            self._read(session)
        return self.cached()

    def changed_by(self, session: Session) -> None:
        """Make all workers read again once this session has committed."""
        session.info[CHANGED] = True
        event.listen(session, "after_commit", self._announce, once=True)

    def _announce(self, session: Session) -> None:
        session.info.pop(CHANGED, None)
        self.change_signal.signal()

    def refresh(self) -> None:
        """Read again if that is due. Raises `AppError` in an outage."""
        late = time.monotonic() >= self._next_look
        if self._database.breaker.closed:
            if late or self._seen != self.change_signal.signalled_at:
                with self._database.reading() as session:
                    self._read(session)
        elif late and self._texts is None:
            self._texts, self._next_look = self._kept(), time.monotonic() + REFRESH_EVERY

    def _read(self, session: Session) -> None:
        if self._load is None:
            return
        seen, before = self.change_signal.signalled_at, self._texts
        self._texts = self._load(session)
        self._seen, self._next_look = seen, time.monotonic() + REFRESH_EVERY
        if self._texts != before:
            self._keep(self._texts)

    def _keep(self, texts: Texts) -> None:
        packed = orjson.dumps(dict(texts))
        self._cache.put(KEY, packed, seconds=KEEP_IN_REDIS)
        draft = self.file.with_name(f"settings.{os.getpid()}.draft")
        with contextlib.suppress(OSError):  # on a read-only disk Redis has them
            self.file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(packed)
            draft.replace(self.file)

    def _kept(self) -> Texts | None:
        """Return the stored settings, or None. All hosts share Redis, so its copy is the newer one."""
        packed = self._cache.get(KEY)
        with contextlib.suppress(OSError, ValueError):
            texts = orjson.loads(packed or self.file.read_bytes())
            return texts if isinstance(texts, dict) else None
        return None

"""Settings that all workers follow: kept in each of them, read again when somebody has changed one.

A change lights a beacon in memory that all workers of a host share, after its commit. Whoever has a session looks at
the beacon and reads again first; what needs no database (the origins that may call) follows within `TICK` of the
background thread. Workers of other hosts read again every `REFRESH_EVERY` seconds. What was read last is kept in Redis
and in a file, for workers that start while the database is away.
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
SETTINGS = "settings"  # under which a session of the door has them in its `info`
CHANGED = "settings changed"  # under which its `info` says that it has changed one, and not committed yet

Texts = Mapping[str, str]
Load = Callable[[Session], Texts]


class ChangeSignal:
    """One word that all workers of a host share: when something was changed last. Make it before the fork."""

    def __init__(self) -> None:
        self._word = memoryview(mmap.mmap(-1, 8)).cast("q")

    @property
    def signalled_at(self) -> int:
        """When it was lit last, on the clock that all processes of a host share."""
        return self._word[0]

    def signal(self) -> None:
        """Say that something has been changed. The moment is unique, so no change is taken for an earlier one."""
        self._word[0] = time.monotonic_ns()


# D57: kept in each worker, followed by a signal.
class SettingsCache:
    """The settings as texts by key, as they were read last."""

    def __init__(self, database: Database, cache: Cache, folder: Path) -> None:
        self.change_signal = ChangeSignal()
        self._database, self._cache = database, cache
        self.file = folder / "settings.json"
        self._load: Load | None = None
        self._texts: Texts | None = None
        self._seen = -1
        self._next_look = 0.0

    def load_with(self, load: Load) -> None:
        """Set how they are read (the settings domain knows the table; this does not)."""
        self._load = load

    def cached(self) -> Texts:
        """Return what was read last, here or by anybody before; never waits for anything."""
        return self._texts or {}

    def current(self, session: Session) -> Texts:
        """Return what is in force; read by this session if somebody has changed it meanwhile.

        A session that has changed it itself sees its own change, which is not in force for anybody else yet.
        """
        if session.info.get(CHANGED) and self._load is not None:
            return self._load(session)
        if self._texts is None or self._seen != self.change_signal.signalled_at:
            self._read(session)
        return self.cached()

    def changed_by(self, session: Session) -> None:
        """Have all workers read again once this session has committed."""
        session.info[CHANGED] = True
        event.listen(session, "after_commit", self._announce, once=True)

    def _announce(self, session: Session) -> None:
        session.info.pop(CHANGED, None)
        self.change_signal.signal()

    def refresh(self) -> None:
        """Read again if it is time to. Raises our errors for an outage."""
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
        with contextlib.suppress(OSError):  # a read-only disk: Redis has them
            self.file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(packed)
            draft.replace(self.file)

    def _kept(self) -> Texts | None:
        """Return what was kept, or None. Redis is shared by all hosts, so its copy is the newer one."""
        packed = self._cache.get(KEY)
        with contextlib.suppress(OSError, ValueError):
            found = orjson.loads(packed or self.file.read_bytes())
            return found if isinstance(found, dict) else None
        return None

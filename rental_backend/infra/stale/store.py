"""Last good answers, kept in this process and in Redis, for the time when the database does not answer.

Nobody gets one that would hide his own change: see `change_log.py` for how that is known.
"""

import contextlib
import hashlib
import queue
import threading
import time
import zlib
from collections import OrderedDict
from dataclasses import dataclass, field

import orjson

from ..redis.cache import Cache
from .change_authors import ANYBODY
from .change_log import SKEW, ChangeLog, Version

OVERHEAD = 1024  # bytes that one answer takes here beside its body, rounded up
REDIS_EVERY = 2.0
KEEP_IN_REDIS = 24 * 3600
LOOK_EVERY = 1.0
# D45: compressed on the way to Redis only.
COMPRESS_ABOVE = 1024  # bytes; below, zlib saves Redis less than it costs


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """An encoded body with its headers, since when it is true (seconds since the epoch), and of which changes on.

    `version` counts the changes it has seen of each of its resources, by the start of the program named `boot`.
    """

    body: bytes
    headers: dict[str, str]
    at: float
    version: Version = ()
    boot: str = field(default="", compare=False)

    @property
    def age(self) -> float:
        """Seconds since the answer was true."""
        return max(0.0, time.time() - self.at)

    @property
    def weight(self) -> int:
        """Bytes it takes in memory, about."""
        return OVERHEAD + len(self.body)

    def pack(self) -> bytes:
        """Return one string of bytes for Redis, compressed where that pays."""
        small = len(self.body) > COMPRESS_ABOVE
        body = zlib.compress(self.body, 1) if small else self.body
        return orjson.dumps([self.at, self.headers, self.version, self.boot, small]) + b"\n" + body

    @classmethod
    def unpack(cls, packed: bytes) -> "CachedResponse":
        """Read what `pack` wrote. Raises ValueError for anything else."""
        head, _, body = packed.partition(b"\n")
        at, headers, version, boot, small = orjson.loads(head)
        if not isinstance(headers, dict):
            raise ValueError("not an answer")  # noqa: TRY004 - one kind of error for all that is not ours
        try:
            return cls(zlib.decompress(body) if small else body, headers, float(at), tuple(version), str(boot))
        except zlib.error:
            raise ValueError("not an answer") from None


class ResponseCache:
    """Remembers at most `capacity` bytes in this process, and sends copies to Redis from a thread of its own.

    Remembering never waits for Redis. Looking up takes the newer of the two copies; for a key that is here too, Redis
    is asked at most once a second. `counted` has the look-ups of all workers: `hits`, `misses`, and of these the
    `outdated` ones, for one's own change.
    """

    def __init__(self, cache: Cache, change_log: ChangeLog, *, capacity: int) -> None:
        self.lookups = change_log.counters.group("stale", "hits", "misses", "outdated")
        self._cache = cache
        self._change_log = change_log
        self._capacity = capacity
        self._size = 0
        self._responses: OrderedDict[str, CachedResponse] = OrderedDict()
        self._sent: dict[str, tuple[float, Version]] = {}
        self._looked: dict[str, float] = {}
        self._lock = threading.Lock()
        self._outbox: queue.Queue[tuple[str, CachedResponse] | None] = queue.Queue(maxsize=256)
        self._changed, self._stopping = threading.Event(), threading.Event()

    def start(self) -> None:
        """Start the threads that talk to Redis; call it once in each process."""
        threading.Thread(target=self._send, name="stale-writer", daemon=True).start()
        threading.Thread(target=self._exchange, name="stale-marks", daemon=True).start()

    def stop(self) -> None:
        """Let them end; what was changed here is told once more, if this process lasts that long."""
        self._stopping.set()
        self._changed.set()
        with contextlib.suppress(queue.Full):  # then the writer has something to do, and looks
            self._outbox.put_nowait(None)

    @staticmethod
    def key(*parts: str) -> str:
        """Return the key of an answer: its endpoint, its arguments and the permission scope it was made for."""
        return "rental:stale:" + hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()

    def record_change(self, rows: tuple[int, ...], who: int, position: int) -> None:
        """Count a change of resources by somebody: from now on no worker has an answer of before it for him."""
        self._change_log.record(rows, who, position)
        self._changed.set()

    def remember(self, key: str, answer: CachedResponse) -> None:
        """Keep an answer here, and soon in Redis if it has seen a change or none was sent in the last two seconds."""
        answer = CachedResponse(answer.body, answer.headers, answer.at, answer.version, self._change_log.boot)
        self._keep(key, answer)
        at, version = self._sent.get(key, (0.0, ()))
        if answer.at - at < REDIS_EVERY and version == answer.version:
            return
        if len(self._sent) > 10_000:
            self._sent.clear()
        self._sent[key] = (answer.at, answer.version)
        try:
            self._outbox.put_nowait((key, answer))
        except queue.Full:
            self._sent.pop(key, None)

    def _keep(self, key: str, answer: CachedResponse) -> None:
        if len(answer.body) > self._capacity // 8:
            return
        with self._lock:
            old = self._responses.get(key)
            if old and old.boot == answer.boot and (old.version, old.at) > (answer.version, answer.at):
                return
            self._responses.pop(key, None)
            self._responses[key] = answer
            self._size += answer.weight - (old.weight if old else 0)
            while self._size > self._capacity:
                self._size -= self._responses.popitem(last=False)[1].weight

    def is_fresh(self, key: str, rows: tuple[int, ...], within: float) -> bool:
        """Tell whether this process has an answer not older than `within` seconds that no change has overtaken."""
        mine = self._responses.get(key)
        return mine is not None and mine.version == self._change_log.version(rows) and mine.age <= within

    def find(self, key: str, rows: tuple[int, ...] = (), *, within: float, who: int = ANYBODY) -> CachedResponse | None:
        """Return the newest answer not older than `within` seconds that shows all changes of its resources by `who`."""
        known = self._responses.get(key)
        found = known if known and self._includes(known, rows, who) else None
        now = time.monotonic()
        if found is None or now - self._looked.get(key, -LOOK_EVERY) >= LOOK_EVERY:
            if len(self._looked) > 10_000:
                self._looked.clear()
            self._looked[key] = now
            found = self._newest(key, rows, who)
        if found and found.age <= within:
            self.lookups.add("hits")
            return found
        self.lookups.add("misses")
        if known is not None and found is None:
            self.lookups.add("outdated")
        return None

    def _includes(self, answer: CachedResponse, rows: tuple[int, ...], who: int) -> bool:
        ours = answer.boot == self._change_log.boot
        return self._change_log.includes(rows, who, answer.at, answer.version if ours else None)

    def _newest(self, key: str, rows: tuple[int, ...], who: int) -> CachedResponse | None:
        """Return the newer of the answers here and in Redis, of those that are for him, after a look at the marks.

        What another host has read replaces one of here if it is newer by more than clocks may differ: until then ours
        is for more people, since changes of this host are counted.
        """
        theirs = self._from_redis(key, rows)
        mine = self._responses.get(key)
        if theirs and (mine is None or mine.boot == theirs.boot or theirs.at > mine.at + SKEW):
            self._keep(key, theirs)
        found = [each for each in (mine, theirs) if each and self._includes(each, rows, who)]
        return max(found, key=lambda each: each.at, default=None)

    def _from_redis(self, key: str, rows: tuple[int, ...]) -> CachedResponse | None:
        """Return the copy in Redis, after the marks have been heard that lie there at the same moment."""
        found = self._cache.get_many([key, *self._change_log.mark_keys(rows)])
        if not found:
            return None
        self._change_log.merge(rows, found[1:])
        try:
            return CachedResponse.unpack(found[0] or b"")
        except (ValueError, TypeError):
            return None

    # D11: Redis is written by a thread.
    def _send(self) -> None:
        while (found := self._outbox.get()) and not self._stopping.is_set():
            key, answer = found
            self._cache.put(key, answer.pack(), seconds=KEEP_IN_REDIS)

    def _exchange(self) -> None:
        """Tell other hosts what was changed here, at once or when Redis is back, and hear from them."""
        while True:
            self._change_log.publish()
            self._change_log.poll()
            if self._stopping.is_set():
                return
            self._changed.wait(LOOK_EVERY)
            self._changed.clear()

"""The response cache (stale-if-error): last good responses, in this process and in Redis, for outages of the database.

No caller gets a response that would hide their own change: `change_log.py` says how that is known.
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

OVERHEAD = 1024  # bytes that a response takes in memory besides its body, rounded up
REDIS_EVERY = 2.0
KEEP_IN_REDIS = 24 * 3600
LOOK_EVERY = 1.0
# D45: compressed on the way to Redis only.
COMPRESS_ABOVE = 1024  # bytes; below, zlib saves Redis less than it costs


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """An encoded body with its headers, when it was read (seconds since the epoch), and at which version.

    `version` has the number of changes of each of its resources, as counted by the start of the program named `boot`.
    """

    body: bytes
    headers: dict[str, str]
    at: float
    version: Version = ()
    boot: str = field(default="", compare=False)

    @property
    def age(self) -> float:
        """Seconds since the response was read."""
        return max(0.0, time.time() - self.at)

    @property
    def weight(self) -> int:
        """Approximate bytes in memory."""
        return OVERHEAD + len(self.body)

    def pack(self) -> bytes:
        """Return the bytes for Redis, compressed where that pays."""
        compressed = len(self.body) > COMPRESS_ABOVE
        body = zlib.compress(self.body, 1) if compressed else self.body
        return orjson.dumps([self.at, self.headers, self.version, self.boot, compressed]) + b"\n" + body

    @classmethod
    def unpack(cls, packed: bytes) -> "CachedResponse":
        """Read what `pack` wrote. Raises ValueError for anything else."""
        head, _, body = packed.partition(b"\n")
        at, headers, version, boot, compressed = orjson.loads(head)
        if not isinstance(headers, dict):
            raise ValueError("not an answer")  # noqa: TRY004 - one kind of error for everything that is not ours
        try:
            return cls(zlib.decompress(body) if compressed else body, headers, float(at), tuple(version), str(boot))
        except zlib.error:
            raise ValueError("not an answer") from None


class ResponseCache:
    """Keeps at most `capacity` bytes in this process, and sends copies to Redis from a thread of its own.

    Storing never waits for Redis. A lookup takes the newer of the two copies; for a key that is also in this process,
    Redis is asked at most once a second. `lookups` counts over all workers: `hits`, `misses`, and among the misses
    `outdated`, where the caller's own change ruled out the response.
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
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start the threads that talk to Redis; call it once in each process."""
        threading.Thread(target=self._send, name="stale-writer", daemon=True).start()
        threading.Thread(target=self._exchange, name="stale-marks", daemon=True).start()

    def stop(self) -> None:
        """End the threads; changes of this process are published once more, if it lasts that long."""
        self._stopping.set()
        self._change_log.changed.set()
        with contextlib.suppress(queue.Full):  # then the writer has work, and sees `_stopping` itself
            self._outbox.put_nowait(None)

    @staticmethod
    def key(*parts: str) -> str:
        """Return the key of a response: of its endpoint, its arguments and the permission scope it was made for."""
        return "rental:stale:" + hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()

    def remember(self, key: str, response: CachedResponse) -> None:
        """Store a response here, and soon in Redis if its version is new or none was sent in the last two seconds."""
        response = CachedResponse(response.body, response.headers, response.at, response.version, self._change_log.boot)
        self._keep(key, response)
        at, version = self._sent.get(key, (0.0, ()))
        if response.at - at < REDIS_EVERY and version == response.version:
            return
        if len(self._sent) > 10_000:
            self._sent.clear()
        self._sent[key] = (response.at, response.version)
        try:
            self._outbox.put_nowait((key, response))
        except queue.Full:
            self._sent.pop(key, None)

    def _keep(self, key: str, response: CachedResponse) -> None:
        if len(response.body) > self._capacity // 8:
            return
        with self._lock:
            old = self._responses.get(key)
            if old and old.boot == response.boot and (old.version, old.at) > (response.version, response.at):
                return
            self._responses.pop(key, None)
            self._responses[key] = response
            self._size += response.weight - (old.weight if old else 0)
            while self._size > self._capacity:
                self._size -= self._responses.popitem(last=False)[1].weight

    def is_fresh(self, key: str, rows: tuple[int, ...], within: float) -> bool:
        """Tell whether this process has a response of the present version, not older than `within` seconds."""
        mine = self._responses.get(key)
        return mine is not None and mine.version == self._change_log.version(rows) and mine.age <= within

    def find(self, key: str, rows: tuple[int, ...] = (), *, within: float, who: int = ANYBODY) -> CachedResponse | None:
        """Return the newest response not older than `within` seconds that includes all changes by `who`."""
        known = self._responses.get(key)
        response = known if known and self._includes(known, rows, who) else None
        now = time.monotonic()
        if response is None or now - self._looked.get(key, -LOOK_EVERY) >= LOOK_EVERY:
            if len(self._looked) > 10_000:
                self._looked.clear()
            self._looked[key] = now
            response = self._newest(key, rows, who)
        if response and response.age <= within:
            self.lookups.add("hits")
            return response
        self.lookups.add("misses")
        if known is not None and response is None:
            self.lookups.add("outdated")
        return None

    def _includes(self, response: CachedResponse, rows: tuple[int, ...], who: int) -> bool:
        ours = response.boot == self._change_log.boot
        return self._change_log.includes(rows, who, response.at, response.version if ours else None)

    def _newest(self, key: str, rows: tuple[int, ...], who: int) -> CachedResponse | None:
        """Return the newest of the responses here and in Redis that include the author's changes.

        A response of another host replaces ours if it is newer by more than clocks may differ. Until then ours serves
        more callers, since changes of this host are counted exactly.
        """
        theirs = self._from_redis(key, rows)
        mine = self._responses.get(key)
        if theirs and (mine is None or mine.boot == theirs.boot or theirs.at > mine.at + SKEW):
            self._keep(key, theirs)
        allowed = [response for response in (mine, theirs) if response and self._includes(response, rows, who)]
        return max(allowed, key=lambda response: response.at, default=None)

    def _from_redis(self, key: str, rows: tuple[int, ...]) -> CachedResponse | None:
        """Return the copy in Redis, after merging the marks that Redis has at the same moment."""
        values = self._cache.get_many([key, *self._change_log.mark_keys(rows)])
        if not values:
            return None
        self._change_log.merge(rows, values[1:])
        try:
            return CachedResponse.unpack(values[0] or b"")
        except (ValueError, TypeError):
            return None

    # D11: Redis is written by a thread.
    def _send(self) -> None:
        while (entry := self._outbox.get()) and not self._stopping.is_set():
            key, response = entry
            self._cache.put(key, response.pack(), seconds=KEEP_IN_REDIS)

    def _exchange(self) -> None:
        """Publish the changes of this host, at once or when Redis is back, and poll the changes of other hosts."""
        while True:
            self._change_log.publish()
            self._change_log.poll()
            if self._stopping.is_set():
                return
            self._change_log.changed.wait(LOOK_EVERY)
            self._change_log.changed.clear()

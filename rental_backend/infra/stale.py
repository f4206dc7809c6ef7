"""Last good answers, kept in this process and in Redis, for the time when the database does not answer."""

import hashlib
import queue
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

import orjson

from .cache import Cache

OVERHEAD = 1024  # bytes that one answer takes here beside its body, rounded up
REDIS_EVERY = 2.0
KEEP_IN_REDIS = 24 * 3600
LOOK_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An encoded body with its headers, and when it was true (seconds since the epoch)."""

    body: bytes
    headers: dict[str, str]
    at: float

    @classmethod
    def now(cls, body: bytes, headers: dict[str, str]) -> "Answer":
        """Return an answer that is true at this moment."""
        return cls(body, headers, time.time())

    @property
    def age(self) -> float:
        """Seconds since the answer was true."""
        return max(0.0, time.time() - self.at)

    @property
    def weight(self) -> int:
        """Bytes it takes in memory, about."""
        return OVERHEAD + len(self.body)

    def pack(self) -> bytes:
        """Return one string of bytes for Redis."""
        return orjson.dumps([self.at, self.headers]) + b"\n" + self.body

    @classmethod
    def unpack(cls, packed: bytes) -> "Answer":
        """Read what `pack` wrote. Raises ValueError for anything else."""
        head, _, body = packed.partition(b"\n")
        at, headers = orjson.loads(head)
        if not isinstance(headers, dict):
            raise ValueError("not an answer")  # noqa: TRY004 - one kind of error for all that is not ours
        return cls(body, headers, float(at))


class StaleStore:
    """Remembers at most `capacity` bytes in this process, and sends copies to Redis from a thread of its own.

    Remembering never waits for Redis. Looking up takes the newer of the two copies; for a key that is here too, Redis
    is asked at most once a second.
    """

    def __init__(self, cache: Cache, *, capacity: int) -> None:
        self._cache = cache
        self._capacity = capacity
        self._size = 0
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._sent: dict[str, float] = {}
        self._looked: dict[str, float] = {}
        self._lock = threading.Lock()
        self._outbox: queue.Queue[tuple[str, Answer]] = queue.Queue(maxsize=256)

    def start(self) -> None:
        """Start the thread that writes to Redis; call it once in each process."""
        threading.Thread(target=self._send, name="stale-writer", daemon=True).start()

    @staticmethod
    def key(*parts: str) -> str:
        """Return the key of an answer: its endpoint, its arguments and the permission scope it was made for."""
        return "rental:stale:" + hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()

    def remember(self, key: str, answer: Answer) -> None:
        """Keep an answer here, and soon in Redis if this process has not sent that key in the last two seconds."""
        self._keep(key, answer)
        if answer.at - self._sent.get(key, 0.0) < REDIS_EVERY:
            return
        if len(self._sent) > 10_000:
            self._sent.clear()
        self._sent[key] = answer.at
        try:
            self._outbox.put_nowait((key, answer))
        except queue.Full:
            self._sent.pop(key, None)

    def _keep(self, key: str, answer: Answer) -> None:
        if len(answer.body) > self._capacity // 8:
            return
        with self._lock:
            old = self._answers.get(key)
            if old and old.at > answer.at:
                return
            self._answers.pop(key, None)
            self._answers[key] = answer
            self._size += answer.weight - (old.weight if old else 0)
            while self._size > self._capacity:
                self._size -= self._answers.popitem(last=False)[1].weight

    def find(self, key: str, *, within: float) -> Answer | None:
        """Return the newest answer not older than `within` seconds, or None."""
        mine = self._answers.get(key)
        now = time.monotonic()
        if mine is None or now - self._looked.get(key, -LOOK_EVERY) >= LOOK_EVERY:
            if len(self._looked) > 10_000:
                self._looked.clear()
            self._looked[key] = now
            theirs = self._from_redis(key)
            if theirs and (mine is None or theirs.at > mine.at):
                self._keep(key, theirs)
                mine = theirs
        return mine if mine and mine.age <= within else None

    def _from_redis(self, key: str) -> Answer | None:
        packed = self._cache.get(key)
        try:
            return Answer.unpack(packed) if packed else None
        except (ValueError, TypeError):
            return None

    def _send(self) -> None:
        while True:
            key, answer = self._outbox.get()
            self._cache.put(key, answer.pack(), seconds=KEEP_IN_REDIS)

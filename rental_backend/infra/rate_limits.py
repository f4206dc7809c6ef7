"""Rate limits of callers: counted in memory that all workers of a host share, and exchanged between hosts by Redis.

A quota is a bucket of calls that refills evenly over its window (GCRA: of each caller only the time is kept at which
the bucket will be full). A call is decided in memory, on the clock of the host, and waits for nothing.
Several times a second each worker tells Redis what was consumed here and hears what was consumed everywhere. Between
two exchanges hosts together may let through more than the quota; the excess is owed and taken off afterwards.
While Redis is away each host counts for itself.
"""

import fcntl
import hashlib
import mmap
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from ..resilience import SharedMemory
from .redis.cache import Cache

SETS, WAYS, ENTRY = 4096, 4, 2  # an entry: the number of the bucket, and the time at which it will be full
LOCKS = 64  # a divisor of SETS: all buckets of one set share one lock
LOCK_TIMEOUT = 0.25  # seconds to wait for a worker that holds a lock; one that takes longer was stopped
LOCK_POLL, LOCK_BACKOFF = 0.00005, 5.0  # seconds between two tries, and without waiting after a timeout
BATCH = 500  # buckets per call of Redis
LEASE_CALLS, LEASE_SHARE, LEASE_TIME = 64, 1024, 250_000  # at most 64 calls and 1/1024 of those left, for 250 ms (us)

# KEYS: buckets. ARGV: of each what was consumed and its window (us). Returns of each how long until it is full (us).
# At most two windows are ever owed, even if the clock of Redis is set back.
EXCHANGE = """
local time = redis.call('TIME')
local now, found = time[1] * 1000000 + time[2], {}
for number, key in ipairs(KEYS) do
    local consumed, window = tonumber(ARGV[2 * number - 1]), tonumber(ARGV[2 * number])
    local full = math.max(tonumber(redis.call('GET', key) or 0), now) + consumed
    full = math.min(full, now + 2 * window)
    redis.call('SET', key, string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
    found[number] = full - now
end
return found
"""


@dataclass(frozen=True)
class Quota:
    """At most `calls` at once, and as many again in each `seconds`."""

    name: str
    calls: int
    seconds: int

    @cached_property
    def interval(self) -> int:
        """The time in which one call comes back (microseconds)."""
        return max(1, self.seconds * 1_000_000 // self.calls)

    @cached_property
    def window(self) -> int:
        """The time in which an empty bucket refills (microseconds)."""
        return self.interval * self.calls


class Decision(NamedTuple):
    """The answer to a call: seconds to wait (0: it is allowed), calls remaining, seconds until all are there again."""

    retry_after: float
    remaining: int
    reset_after: float


@dataclass(slots=True)
class Lease:
    """Calls that a worker has taken out of a bucket: those left, those taken, and until when they may be used.

    `full_at` is when the bucket will be full again, all these calls consumed (microseconds, like `expires_at`).
    """

    calls: int
    size: int
    full_at: int
    expires_at: int


# D84: judged in memory, shared by Redis afterwards. D97: not by a library.
class RateLimiter:
    """The buckets of all callers, in memory made before the fork.

    A set holds `WAYS` buckets; of more callers whose numbers fall into one set, those with the fullest buckets are
    forgotten.
    """

    def __init__(self, cache: Cache, memory: SharedMemory, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache = cache
        self._clock = clock
        self._words = memoryview(mmap.mmap(-1, SETS * WAYS * ENTRY * 8)).cast("q")
        self._lock_file = os.memfd_create("rental-rate-limits", os.MFD_CLOEXEC)
        self._forget()
        memory.after_fork.append(self._forget)

    def _forget(self) -> None:
        """Begin anew in a forked child."""
        self._lock = threading.Lock()
        self._unsent: dict[int, tuple[int, int]] = {}
        self._leases: dict[int, Lease] = {}
        self._skipped_until: dict[int, float] = {}  # locks that timed out, and until when nobody waits for them

    def consume(self, quota: Quota, caller: object) -> Decision:
        """Take a call out of a caller's bucket, if there is one; a refused call costs nothing.

        For a caller who asks again and again while the bucket is far from empty, this worker takes several at once.
        """
        number, interval, window = _bucket_number(quota.name, caller), quota.interval, quota.window
        with self._lock:
            now = self._now()
            lease = self._leases.get(number)
            if lease is None or now >= lease.expires_at:
                lease = self._lease(number, quota, 1, now)
            elif not lease.calls:
                lease = self._lease(number, quota, 2 * lease.size, now)
            allowed = lease.calls > 0
            if allowed:
                lease.calls -= 1
            full_in = max(0, lease.full_at - lease.calls * interval - now)
        retry_after = 0.0 if allowed else (full_in + interval - window) / 1e6
        return Decision(retry_after, max(0, window - full_in) // interval, full_in / 1e6)

    def _now(self) -> int:
        return int(self._clock() * 1e6)

    def _lease(self, number: int, quota: Quota, wanted: int, now: int) -> Lease:
        """Take some calls out of a bucket, and keep them for this worker; the lease is of none if none are left."""
        interval, window = quota.interval, quota.window
        locked = self._lock_set(number)
        try:
            at = self._find(number)
            full_at = max(self._words[at + 1], now)
            left = (now + window - full_at) // interval
            calls = max(1, min(wanted, left // LEASE_SHARE, LEASE_CALLS)) if left > 0 else 0
            full_at += calls * interval
            self._words[at + 1] = full_at
        finally:
            self._unlock_set(number, locked)
        lease = Lease(calls, calls, full_at, now + LEASE_TIME)
        if calls:
            self._leases[number] = lease
            consumed, _ = self._unsent.get(number, (0, 0))
            self._unsent[number] = consumed + calls * interval, window
        return lease

    def exchange(self) -> None:
        """Tell Redis what this process let through, and hear what all others did. For a thread that may wait.

        What Redis does not take is not sent again: by then it would be counted a second time.
        """
        with self._lock:
            now = self._now()
            unsent, self._unsent = list(self._unsent.items()), {}
            self._leases = {number: lease for number, lease in self._leases.items() if now < lease.expires_at}
        for first in range(0, len(unsent), BATCH):
            batch = unsent[first : first + BATCH]
            arguments: list[str | int] = [word for _, pair in batch for word in pair]
            levels = self._cache.numbers(EXCHANGE, [f"rate:{number:x}" for number, _ in batch], arguments)
            for (number, _), full_in in zip(batch, levels or (), strict=False):
                self._merge(number, full_in)

    def _merge(self, number: int, full_in: int) -> None:
        """Take over from Redis how long it is until a bucket is full, if that is longer than known here."""
        with self._lock:
            locked = self._lock_set(number)
            try:
                at = self._find(number)
                self._words[at + 1] = max(self._words[at + 1], self._now() + full_in)
            finally:
                self._unlock_set(number, locked)

    def _find(self, number: int) -> int:
        """Return the entry of a bucket; for a new one, that of the fullest bucket of its set."""
        words = self._words
        first = number % SETS * WAYS * ENTRY
        fullest = first
        for at in range(first, first + WAYS * ENTRY, ENTRY):
            if words[at] == number:
                return at
            if words[at + 1] < words[fullest + 1]:
                fullest = at
        words[fullest + 1] = 0  # the time before the number: a crash in between must not charge the next caller
        words[fullest] = number
        return fullest

    def _lock_set(self, number: int) -> bool:
        """Keep other workers away from a set, and return True; False if the worker that holds its lock is stuck.

        The kernel frees the lock when its holder dies. After a timeout this worker does not wait for it for a while.
        """
        byte, began = number % LOCKS, time.monotonic()
        while True:
            try:
                fcntl.lockf(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            except OSError:
                now = time.monotonic()
            else:
                return True
            if now < self._skipped_until.get(byte, 0.0):
                return False
            if now > began + LOCK_TIMEOUT:
                self._skipped_until[byte] = now + LOCK_BACKOFF
                return False
            time.sleep(LOCK_POLL)

    def _unlock_set(self, number: int, locked: bool) -> None:
        if locked:
            fcntl.lockf(self._lock_file, fcntl.LOCK_UN, 1, number % LOCKS)


@lru_cache(maxsize=4096)
def _bucket_number(name: str, caller: object) -> int:
    """Return the number of a bucket, the same on all hosts; nobody can tell from it whose bucket it is."""
    return int.from_bytes(hashlib.blake2b(f"{name}:{caller}".encode(), digest_size=8).digest()) >> 2 or 1

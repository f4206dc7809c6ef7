"""How often somebody may ask: counted for all workers of a host in memory they share, and between hosts in Redis.

A quota is a bucket of so many calls that fills again evenly over its window (GCRA: of each caller only the moment is
kept at which his bucket would be full). A call is judged in memory, on the clock of the host, and waits for nothing.
Several times a second each worker tells Redis what was spent here and hears what was spent everywhere. So hosts
together let through what their callers spend between two such exchanges beyond the quota, and take it off afterwards.
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

from ..resilience import Page
from .redis.cache import Cache

SETS, WAYS, ENTRY = 4096, 4, 2  # who is known by the bits of his number, the moment his bucket is full
LOCKS = 64  # a divisor of SETS: those of one set have one lock
PATIENCE = 0.25  # seconds to wait for a worker that has the lock and no processor; longer, it was stopped
PAUSE, REST = 0.00005, 5.0  # seconds between two looks, and without waiting after patience was lost
NOTHING = (0, 0)
BATCH = 500
MOST, FAR, HOLD = 64, 1024, 250_000  # calls taken at once: of this part of what is left, for so long (microseconds)

# KEYS: buckets. ARGV: of each what was spent and its window (us). Returns of each how far it is from full (us).
# More than two windows are never owed, also if the clock of Redis is set back.
SHARE = """
local time = redis.call('TIME')
local now, found = time[1] * 1000000 + time[2], {}
for number, key in ipairs(KEYS) do
    local spent, window = tonumber(ARGV[2 * number - 1]), tonumber(ARGV[2 * number])
    local full = math.max(tonumber(redis.call('GET', key) or 0), now) + spent
    full = math.min(full, now + 2 * window)
    redis.call('SET', key, string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
    found[number] = full - now
end
return found
"""


@dataclass(frozen=True)
class Quota:
    """So many calls at once, and as many again in each `seconds`."""

    name: str
    calls: int
    seconds: int

    @cached_property
    def each(self) -> int:
        """The time in which a call comes back (microseconds)."""
        return max(1, self.seconds * 1_000_000 // self.calls)

    @cached_property
    def window(self) -> int:
        """The time in which an empty bucket fills (microseconds)."""
        return self.each * self.calls


class Spent(NamedTuple):
    """What became of a call: seconds to wait (0: it may be made), calls left, and seconds until the bucket is full."""

    wait: float
    left: int
    full_in: float


@dataclass(slots=True)
class Lease:
    """Calls that a worker has taken out of a bucket: those left, those there were, and until when they are good.

    `full` is when the bucket will be full again, as it was then (microseconds, as `ends`).
    """

    calls: int
    size: int
    full: int
    ends: int


class Rates:
    """The buckets of all callers, in memory made before the fork.

    Of callers whose numbers fall together, more than `WAYS` at a time, those with the fullest buckets are forgotten.
    """

    def __init__(self, cache: Cache, page: Page, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache = cache
        self._clock = clock
        self._words = memoryview(mmap.mmap(-1, SETS * WAYS * ENTRY * 8)).cast("q")
        self._file = os.memfd_create("rental-rates", os.MFD_CLOEXEC)
        self._forget()
        page.forget.append(self._forget)

    def _forget(self) -> None:
        """Begin anew in a forked child."""
        self._lock = threading.Lock()
        self._unsent: dict[int, tuple[int, int]] = {}
        self._leases: dict[int, Lease] = {}
        self._given_up: dict[int, float] = {}  # locks that are not waited for, and until when

    def spend(self, quota: Quota, who: object) -> Spent:
        """Take a call out of somebody's bucket, if there is one; what is refused costs nothing.

        Whoever calls again and again while his bucket is far from empty has this worker take several at once.
        """
        number, each, window = _number(quota.name, who), quota.each, quota.window
        with self._lock:
            now = int(self._clock() * 1e6)
            lease = self._leases.get(number)
            if lease and now >= lease.ends:
                lease = None
            if not (lease and lease.calls):
                wait, lease = self._lease(number, quota, 2 * lease.size if lease else 1, now)
                if wait:
                    return Spent(wait / 1e6, 0, max(0, lease.full - now) / 1e6)
                self._leases[number] = lease
            lease.calls -= 1
            full = lease.full - lease.calls * each
        return Spent(0, max(0, now + window - full) // each, max(0, full - now) / 1e6)

    def _lease(self, number: int, quota: Quota, wanted: int, now: int) -> tuple[int, "Lease"]:
        """Take some calls out of a bucket; return how long to wait if there is none (microseconds), and the lease."""
        words, each, window = self._words, quota.each, quota.window
        held = self._take(number)
        try:
            at = self._entry(number)
            full = max(words[at + 1], now)
            left = (now + window - full) // each
            if left <= 0:
                return full + each - now - window, Lease(0, 0, full, now)
            calls = max(1, min(wanted, left // FAR, MOST))
            full += calls * each
            words[at + 1] = full
        finally:
            self._give_back(number, held)
        self._unsent[number] = (self._unsent.get(number, NOTHING)[0] + calls * each, window)
        return 0, Lease(calls, calls, full, now + HOLD)

    def exchange(self) -> None:
        """Tell Redis what this process let through, and hear what all others did. For a thread that may wait.

        What Redis does not take is not told later: by then it would be spent a second time.
        """
        with self._lock:
            now = int(self._clock() * 1e6)
            spent, self._unsent = list(self._unsent.items()), {}
            self._leases = {number: lease for number, lease in self._leases.items() if now < lease.ends}
        for first in range(0, len(spent), BATCH):
            batch = spent[first : first + BATCH]
            arguments: list[str | int] = [word for _, pair in batch for word in pair]
            levels = self._cache.numbers(SHARE, [f"rate:{number:x}" for number, _ in batch], arguments)
            for (number, _), level in zip(batch, levels or (), strict=False):
                self._heed(number, level)

    def _heed(self, number: int, level: int) -> None:
        with self._lock:
            held = self._take(number)
            try:
                at = self._entry(number)
                self._words[at + 1] = max(self._words[at + 1], int(self._clock() * 1e6) + level)
            finally:
                self._give_back(number, held)

    def _entry(self, number: int) -> int:
        """Return the place of a caller; that of the one with the fullest bucket if he has none."""
        words = self._words
        first = number % SETS * WAYS * ENTRY
        fullest = first
        for at in range(first, first + WAYS * ENTRY, ENTRY):
            if words[at] == number:
                return at
            if words[at + 1] < words[fullest + 1]:
                fullest = at
        words[fullest + 1] = 0  # first, so that nobody who is killed here leaves a debt to a stranger
        words[fullest] = number
        return fullest

    def _take(self, number: int) -> bool:
        """Keep other workers away from a set, and return True; False if the one that has it does not go on.

        The kernel frees it when its holder dies. Whoever has lost patience with one does not wait again for a while.
        """
        byte, ends = number % LOCKS, 0.0
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            except OSError:
                now = time.monotonic()
                ends = ends or now + PATIENCE
                if now < self._given_up.get(byte, 0.0):
                    return False
                if now > ends:
                    self._given_up[byte] = now + REST
                    return False
                time.sleep(PAUSE)
            else:
                return True

    def _give_back(self, number: int, held: bool) -> None:
        if held:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number % LOCKS)


@lru_cache(maxsize=4096)
def _number(name: str, who: object) -> int:
    """Return the number of a bucket, the same on all hosts; from it nobody can tell whose it is."""
    return int.from_bytes(hashlib.blake2b(f"{name}:{who}".encode(), digest_size=8).digest()) >> 2 or 1

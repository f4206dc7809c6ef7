"""The login throttle: attempts to sign in per name and per address, in a sliding window.

The window is in Redis, for all workers, and in this process while Redis is away (then each worker counts on its own).
Refused attempts do not count, so nobody is locked out for longer than the window. A name and an address that signed in
before have a count of their own: strangers who try the same name from elsewhere do not lock the user out.
"""

import hashlib
import threading
import time
import unicodedata
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import ServiceUnavailable, TooManyAttempts
from ..redis.cache import Cache

REMEMBERED = 10_000  # counts that this process keeps while Redis is away
OUTAGES = (ServiceUnavailable, MemoryError)  # our own faults, by which no attempt is judged
KNOWN_FOR = 30 * 86400  # seconds for which a name and an address are known after a sign-in

# KEYS: known, own, name, and perhaps address. ARGV: window (ms), limit by name, limit by address, this attempt.
# Returns the milliseconds to wait, or 0 if the attempt was counted.
COUNT = """
local time = redis.call('TIME')
local now, window = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[1])
local counts = {redis.call('EXISTS', KEYS[1]) == 1 and KEYS[2] or KEYS[3], KEYS[4]}
local wait = 0
for number, key in ipairs(counts) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
    if redis.call('ZCARD', key) >= tonumber(ARGV[number + 1]) then
        wait = math.max(wait, redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] + window - now)
    end
end
if wait == 0 then
    for _, key in ipairs(counts) do
        redis.call('ZADD', key, now, ARGV[4])
        redis.call('PEXPIRE', key, window)
    end
end
return wait
"""
# KEYS: known, own, name, and perhaps address. ARGV: this attempt; for how long it makes the address known (s; 0: not).
UNCOUNT = """
for _, key in ipairs({KEYS[2], KEYS[3], KEYS[4]}) do
    redis.call('ZREM', key, ARGV[1])
end
if ARGV[2] ~= '0' then
    redis.call('DEL', KEYS[2], KEYS[3])
    redis.call('SET', KEYS[1], '1', 'EX', ARGV[2])
end
return 0
"""
# KEYS: counts. ARGV: window (ms), limit. Returns how many of the counts have reached the limit.
FULL = """
local time = redis.call('TIME')
local began, full = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1]), 0
for _, key in ipairs(KEYS) do
    if redis.call('ZCOUNT', key, '(' .. began, '+inf') >= tonumber(ARGV[2]) then
        full = full + 1
    end
end
return full
"""


class LoginThrottle:
    """Allows `by_name` attempts under one name and `by_address` from one address, per `window` seconds."""

    def __init__(self, cache: Cache, *, by_name: int, by_address: int, window: float) -> None:
        self._cache = cache
        self._limits = (by_name, by_address)
        self._window = window
        self._own = LocalCounts(window)

    def admit(self, name: str, address: str) -> None:
        """Count an attempt, whatever its result, or raise `TooManyAttempts`."""
        self._count(_keys(name, address), uuid.uuid4().hex)

    def spend(self, account: str, address: str) -> float:
        """Count an attempt at an account, by whatever name; return the seconds to wait, 0 if it was counted."""
        return self._counted(_keys(account, address)[:3], uuid.uuid4().hex)

    def is_full(self, *names: str) -> bool:
        """Tell whether a stranger's next attempt under any of the names would be refused. This counts no attempt."""
        keys = [_keys(name, "")[2] for name in names]
        full = self._cache.run(FULL, keys, [int(self._window * 1000), self._limits[0]])
        return self._own.full(keys, self._limits[0]) if full is None else full > 0

    @contextmanager
    def attempt(self, name: str, address: str) -> Iterator[None]:
        """Count the block as an attempt, or raise `TooManyAttempts`.

        It counts if it ends with an error, except with our own outage. Success clears the count of the name.
        """
        keys, attempt = _keys(name, address), uuid.uuid4().hex
        self._count(keys, attempt)
        try:
            yield
        except OUTAGES:
            self._uncount(keys, attempt, known_for=0)
            raise
        self._uncount(keys, attempt, known_for=KNOWN_FOR)

    # D109: an account has one count, whatever name is typed.
    @contextmanager
    def guess(self, account: str, address: str) -> Iterator[float]:
        """Count the block as an attempt at an account, as `attempt` does; yield the seconds to wait, 0 if it may go on.

        Nothing is raised: a refusal would tell that two names are one account. The address was counted by `attempt`.
        """
        keys, attempt = _keys(account, address)[:3], uuid.uuid4().hex
        wait = self._counted(keys, attempt)
        try:
            yield wait
        except OUTAGES:
            if not wait:
                self._uncount(keys, attempt, known_for=0)
            raise
        self._uncount(keys, attempt, known_for=KNOWN_FOR)

    def _count(self, keys: list[str], attempt: str) -> None:
        seconds = self._counted(keys, attempt)
        if seconds > 0:
            raise TooManyAttempts(seconds)

    def _counted(self, keys: list[str], attempt: str) -> float:
        """Count an attempt under a name, and from an address if there is one; return the seconds to wait, 0 if none."""
        wait = self._cache.run(COUNT, keys, [int(self._window * 1000), *self._limits, attempt])
        return self._own.count(dict(zip(keys[2:], self._limits, strict=False))) if wait is None else wait / 1000

    def _uncount(self, keys: list[str], attempt: str, *, known_for: int) -> None:
        """Uncount an attempt, in Redis and here: Redis may have come or gone since it was counted."""
        self._cache.run(UNCOUNT, keys, [attempt, known_for])
        self._own.uncount(*keys[2:], everything=known_for > 0)


class LocalCounts:
    """The attempts that this process counted on its own."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._tries: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, limits: dict[str, int]) -> float:
        """Count an attempt under each key unless one is at its limit; return the seconds to wait, 0 if counted."""
        with self._lock:
            now = time.monotonic()
            attempts = {key: self._within(key, now) for key in limits}
            full = [
                attempts[key][0] + self._window - now for key, limit in limits.items() if len(attempts[key]) >= limit
            ]
            if full:
                return max(full)
            for key, tries in attempts.items():
                self._tries[key] = [*tries, now]
                self._tries.move_to_end(key)
            while len(self._tries) > REMEMBERED:
                self._tries.popitem(last=False)
            return 0.0

    def full(self, keys: list[str], limit: int) -> bool:
        """Tell whether any of the keys has reached the limit."""
        with self._lock:
            return any(len(self._within(key, time.monotonic())) >= limit for key in keys)

    def _within(self, key: str, now: float) -> list[float]:
        return [at for at in self._tries.get(key, ()) if at > now - self._window]

    def uncount(self, name: str, *address: str, everything: bool) -> None:
        """Uncount one attempt, or all under the name."""
        with self._lock:
            for key in (name, *address):
                tries = self._tries.pop(key, [])
                if len(tries) > 1 and not (everything and key == name):
                    self._tries[key] = tries[:-1]


def account(id: uuid.UUID | None, name: str) -> str:
    """Return what an account is counted under; a name that nobody has counts as an account, for as much work."""
    return f"account\0{id or name}"


def _keys(name: str, address: str) -> list[str]:
    """Return the keys of an attempt. What was typed is hashed: it may be a password. Case and blanks are ignored."""
    folded = unicodedata.normalize("NFKC", name.lower()).casefold()
    named = hashlib.sha256("".join(folded.split()).encode("utf-8", "replace")).hexdigest()
    both = f"{named}:{address}"
    return [f"sign-in:known:{both}", f"sign-in:own:{both}", f"sign-in:name:{named}", f"sign-in:address:{address}"]

"""Bulkhead and retry budget: how many calls may be in flight on a host, and how many of them may be retries."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from .breaker import Breaker
from .breaker_state import BULKHEAD_FULL, SINCE, BreakerState
from .deadline import limit as left
from .shared_memory import SharedMemory

IN_FLIGHT = 1  # index among a worker's counters for a breaker
DEAD_CHECK_INTERVAL = 0.05  # seconds between two searches for dead workers while the bulkhead is full
WAIT_INTERVAL = 0.003  # seconds between two attempts of a caller that waits for a place
STARTED = 2  # the generation of a breaker that closed for the first time: nobody was kept waiting before that


class BulkheadFull(Exception):
    """The limit of calls in flight is reached. This says nothing about the dependency."""


# D87: slow start after an outage.
@dataclass(frozen=True, slots=True, kw_only=True)
class SlowStart:
    """How concurrency returns when the breaker closes: `first` calls for `hold` seconds, then linear growth for `grow`.

    A caller that finds no place meanwhile waits for one, at most `wait` seconds.
    """

    first: int = 4
    hold: float = 1.0
    grow: float = 2.0
    wait: float = 0.2

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.hold + self.grow

    def limit_after(self, limit: int, elapsed: float) -> int:
        """Return how many calls may be in flight `elapsed` seconds after the closing; `limit` in the end."""
        grown = max(0.0, elapsed - self.hold) / self.grow
        return min(limit, int(self.first + max(0, limit - self.first) * grown))


class Bulkhead:
    """At most `limit` calls at once over all threads and workers. Calls of a worker that died no longer count.

    With a `slow_start` the limit is lower after an outage of the breaker of the same name: a dependency that comes back
    cold must not get all the calls that waited for it at once.

    A caller that sees a free place counts itself in and looks again. If it was one too many it counts itself out and,
    having lost a race, tries once more under the lock of the shared memory. So the limit is never exceeded, and a place
    costs no lock while there are enough. Callers that see no free place write nothing, and so keep nobody else out.
    """

    def __init__(
        self,
        memory: SharedMemory,
        name: str,
        limit: int,
        *,
        slow_start: SlowStart | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = limit
        self._breaker_state = BreakerState(memory, name)
        self._looks = 0.0
        self._slow_start = slow_start
        self._clock = clock
        self._all_in_flight = memory.column(self._breaker_state.number, IN_FLIGHT)
        self._forget()
        memory.after_fork.append(self._forget)
        self._ended = -1  # SINCE of the state in which the slow start is known to be over

    def _forget(self) -> None:
        """Begin anew in a forked child, whose worker slot is its own."""
        self._own = -1

    @property
    def current_limit(self) -> int:
        """How many calls may be in flight now."""
        since = self._breaker_state.words[self._breaker_state.base + SINCE]
        if self._slow_start is None or since == self._ended:
            return self.limit
        elapsed = self._clock() - since / 1e6
        if elapsed >= self._slow_start.seconds or self._breaker_state.current.generation <= STARTED:
            self._ended = since
            return self.limit
        return self._slow_start.limit_after(self.limit, elapsed)

    @property
    def in_flight(self) -> int:
        """The calls in flight, over all workers."""
        return sum(self._all_in_flight)  # of workers that never were, too: those are 0

    @property
    def rejected(self) -> int:
        """The number of calls refused for want of a place since the start, over all workers."""
        return self._breaker_state.totals()[BULKHEAD_FULL]

    def __enter__(self) -> None:
        """Count the block among the calls in flight, or raise `BulkheadFull`."""
        if not (self._enter() or self._wait()):
            self._breaker_state.count_total(BULKHEAD_FULL)
            raise BulkheadFull(f"{self.current_limit} calls are in flight")

    def __exit__(self, *_: object) -> None:
        self._add(-1)

    def _enter(self) -> bool:
        """Take a place if there is one."""
        return self._free() and (self._take() or self._take_in_turn())

    def _wait(self) -> bool:
        """During slow start, wait for a place and take it; return whether there was one."""
        ends = self._clock() + left(self._slow_start.wait) if self._slow_start else 0.0
        while self.current_limit < self.limit and self._clock() < ends:
            time.sleep(WAIT_INTERVAL)
            if self._enter():
                return True
        return False

    def _free(self) -> bool:
        """Tell whether there is a place; if there is none, look for dead workers now and then."""
        if self.in_flight < self.current_limit:
            return True
        if time.monotonic() < self._looks:
            return False
        self._looks = time.monotonic() + DEAD_CHECK_INTERVAL
        self._breaker_state.memory.release_dead_workers(self._breaker_state.number)
        return self.in_flight < self.current_limit

    # D21: optimistic: only who lost a race takes the lock.
    def _take(self) -> bool:
        """Count a call in, unless that exceeds the limit."""
        self._add(1)
        if self.in_flight <= self.current_limit:
            return True
        self._add(-1)
        return False

    def _take_in_turn(self) -> bool:
        with self._breaker_state.memory.locked():
            return self.in_flight < self.current_limit and self._take()

    def _add(self, calls: int) -> None:
        memory, number = self._breaker_state.memory, self._breaker_state.number
        if self._own < 0:
            self._own = memory.own_counters(number) + IN_FLIGHT  # claims a worker slot, which takes locks of its own
        at = self._own
        with memory.locks[number]:
            self._breaker_state.words[at] += calls


class RetryBudget:
    """Allows retries up to a `share` of the calls in the breaker's window, over all workers."""

    def __init__(self, breaker: Breaker, share: float = 0.1, clock: Callable[[], float] = time.monotonic) -> None:
        self._breaker = breaker
        self._share = share
        self._clock = clock

    def may_retry(self) -> bool:
        """Take a retry from the budget; False when it is used up or the breaker does not admit calls."""
        breaker, now = self._breaker, self._clock()
        if not breaker.closed:
            return False
        generation = breaker.generation
        good, bad, _, retries = breaker.engine.breaker_state.sums(generation, now, breaker.policy.window)
        if retries + 1 > self._share * (good + bad):
            return False
        breaker.engine.breaker_state.count_retry(generation, now)
        return True

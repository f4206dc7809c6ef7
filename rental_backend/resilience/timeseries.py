"""Time series of each breaker's calls over the last five minutes, over all workers of a host, for charts.

A call costs nothing more: once a second each process adds what it counted anyway, and the duration of its last call.
"""

import mmap
from collections.abc import Iterable
from typing import NamedTuple

from .breaker import Breaker
from .shared_memory import BREAKERS, SharedMemory

STEP, POINTS = 5, 60  # seconds per point, and the number of points kept: five minutes
WORDS = 7  # number of the step, successes, failures, slow, refused, microseconds in all, calls that were timed


class Point(NamedTuple):
    """`STEP` seconds of a breaker; `seconds` is the mean duration of the calls that were timed, None without any."""

    successes: int = 0
    failures: int = 0
    slow: int = 0
    refused: int = 0
    seconds: float | None = None


class TimeSeries:
    """A ring of points for each breaker, in memory that all workers share; the shared lock orders the writers."""

    def __init__(self, memory: SharedMemory) -> None:
        self._memory = memory
        self._map = mmap.mmap(-1, BREAKERS * POINTS * WORDS * 8)
        self._words = memoryview(self._map).cast("q")
        self._counted: dict[str, tuple[int, int]] = {}  # by breaker: the last second added, and the refusals until then

    def sample(self, breakers: Iterable[Breaker]) -> None:
        """Add what this process counted since the last call; a second is added once it is over."""
        for breaker in breakers:
            now = int(breaker.clock())
            last, refused = self._counted.get(breaker.name or "", (now - 2, breaker.rejected))
            seconds = list(breaker.engine.breaker_state.own_seconds(last, now))
            took, breaker.calls.last_duration = breaker.calls.last_duration, None
            more = breaker.rejected - refused
            if seconds or more or took is not None:
                with self._memory.locked():
                    for second, *counts in seconds:
                        self._add(breaker, second, *counts)
                    timed = 0 if took is None else round(took * 1e6)
                    self._add(breaker, now, 0, 0, 0, more, timed, took is not None)
            self._counted[breaker.name or ""] = (now - 1, breaker.rejected)

    def points(self, breaker: Breaker) -> list[Point]:
        """Return the last points of a breaker, the oldest first; the newest is not over yet."""
        newest = int(breaker.clock()) // STEP
        return [self._point(breaker, step) for step in range(newest - POINTS + 1, newest + 1)]

    def _at(self, breaker: Breaker, step: int) -> int:
        return (breaker.engine.breaker_state.number * POINTS + step % POINTS) * WORDS

    def _add(self, breaker: Breaker, second: int, *more: int) -> None:
        at, words = self._at(breaker, second // STEP), self._words
        if words[at] != second // STEP:
            for word in range(at + 1, at + WORDS):
                words[word] = 0
            words[at] = second // STEP
        for word, number in enumerate(more, at + 1):
            words[word] += number

    def _point(self, breaker: Breaker, step: int) -> Point:
        at = self._at(breaker, step)
        held, successes, failures, slow, refused, took, timed = self._words[at : at + WORDS]
        if held != step:
            return Point()
        return Point(successes, failures, slow, refused, took / timed / 1e6 if timed else None)

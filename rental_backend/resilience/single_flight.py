"""Single flight: of callers who want the same at the same time one works, and the others take what he found."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from .deadline import limit

T = TypeVar("T")


class _Flight(Generic[T]):
    """Work under way. The lock is held by whoever does it."""

    __slots__ = ("found", "landed")

    def __init__(self) -> None:
        self.landed = threading.Lock()
        self.landed.acquire()
        self.found: list[T] = []


class SingleFlight(Generic[T]):
    """Shares results, never errors: who followed somebody that failed, or waited for `wait` seconds, works himself.

    `shared` counts the calls that were spared.
    """

    def __init__(self, wait: float) -> None:
        self.shared = 0
        self._wait = wait
        self._under_way: dict[Hashable, _Flight[T]] = {}

    def run(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return what `work` returns, called here or, for the same key, by somebody else at this moment."""
        mine: _Flight[T] = _Flight()
        flight = self._under_way.setdefault(key, mine)  # atomic
        if flight is not mine:
            return self._follow(flight, work)
        try:
            result = work()
            mine.found.append(result)
            return result
        finally:
            del self._under_way[key]
            mine.landed.release()

    def _follow(self, flight: _Flight[T], work: Callable[[], T]) -> T:
        if flight.landed.acquire(timeout=limit(self._wait)):
            flight.landed.release()
            if flight.found:
                self.shared += 1
                return flight.found[0]
        return work()

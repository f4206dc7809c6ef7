"""Single flight: of concurrent callers that want the same result, one does the work and the others share it."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from .deadline import limit

T = TypeVar("T")


class _Flight(Generic[T]):
    """Work under way. The caller that does it holds the lock `done`."""

    __slots__ = ("done", "result")

    def __init__(self) -> None:
        self.done = threading.Lock()
        self.done.acquire()
        self.result: list[T] = []


class SingleFlight(Generic[T]):
    """Shares results, never errors: a caller whose leader failed, or took longer than `wait` seconds, does the work.

    `shared` counts the calls that were saved.
    """

    def __init__(self, wait: float) -> None:
        self.shared = 0
        self._wait = wait
        self._in_flight: dict[Hashable, _Flight[T]] = {}

    def run(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return the result of `work`, called here or, for the same key, by another caller at this moment."""
        mine: _Flight[T] = _Flight()
        flight = self._in_flight.setdefault(key, mine)  # atomic
        if flight is not mine:
            return self._follow(flight, work)
        try:
            result = work()
            mine.result.append(result)
            return result
        finally:
            del self._in_flight[key]
            mine.done.release()

    def _follow(self, flight: _Flight[T], work: Callable[[], T]) -> T:
        if flight.done.acquire(timeout=limit(self._wait)):
            flight.done.release()
            if flight.result:
                self.shared += 1
                return flight.result[0]
        return work()

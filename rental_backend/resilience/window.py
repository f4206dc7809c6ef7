"""Counts of successes and failures over the last seconds."""

from collections import deque

from .verdict import Verdict


class Window:
    """A sliding window of `seconds` buckets, one second each; not thread-safe, its owner holds the lock."""

    def __init__(self, seconds: int = 10) -> None:
        self._seconds = seconds
        self._buckets: deque[tuple[int, int, int]] = deque()

    def record(self, verdict: Verdict, now: float) -> None:
        """Count a verdict at the monotonic time `now` (seconds)."""
        second = int(now)
        _, good, bad = self._buckets.pop() if self._buckets and self._buckets[-1][0] == second else (second, 0, 0)
        self._buckets.append((second, good + (verdict is Verdict.SUCCESS), bad + (verdict is Verdict.FAILURE)))

    def counts(self, now: float) -> tuple[int, int]:
        """Return (successes, failures) of the last `seconds` before the monotonic time `now`."""
        while self._buckets and self._buckets[0][0] <= int(now) - self._seconds:
            self._buckets.popleft()
        return sum(good for _, good, _ in self._buckets), sum(bad for _, _, bad in self._buckets)

    def clear(self) -> None:
        """Forget all counts."""
        self._buckets.clear()

"""The budget of one request: the longest it may wait for all its dependencies together."""

import time
from contextvars import ContextVar

SHORTEST = 0.01  # seconds that a wait may last, however little is left
budget_ends: ContextVar[float | None] = ContextVar("request_budget_ends", default=None)
budget_end = budget_ends.get  # when the budget of the request at hand ends (monotonic seconds); None outside of any


class budget:  # noqa: N801 - reads as a statement: `with budget(1.25):`
    """Within the block, `limit` allows no wait beyond `seconds` from now."""

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._token = budget_ends.set(time.monotonic() + self._seconds)

    def __exit__(self, *_: object) -> None:
        budget_ends.reset(self._token)


class uncounted:  # noqa: N801 - reads as a statement: `with uncounted():`
    """Work of our own, which waits for no dependency: after the block the budget has as much left as before it."""

    __slots__ = ("_began",)

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        ends = budget_ends.get()
        if ends is not None:
            budget_ends.set(ends + time.monotonic() - self._began)


def limit(seconds: float) -> float:
    """Return how long a wait may last: `seconds`, or what is left of the request's budget, at least `SHORTEST`."""
    ends = budget_ends.get()
    return seconds if ends is None else max(SHORTEST, min(seconds, ends - time.monotonic()))

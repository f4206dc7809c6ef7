"""The budget of one request: the longest it may wait for all its dependencies together."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends: ContextVar[float | None] = ContextVar("request_budget_ends", default=None)


@contextmanager
def budget(seconds: float) -> Iterator[None]:
    """Within the block, `limit` never allows a wait beyond `seconds` from now."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def limit(seconds: float) -> float:
    """Return how long a wait may last: `seconds`, or what is left of the request's budget if less (at least 0.01)."""
    ends = _ends.get()
    return seconds if ends is None else max(0.01, min(seconds, ends - time.monotonic()))

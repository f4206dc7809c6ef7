"""What the looks at a PostgreSQL and at a Redis have in common: how often, how late, and why there is no answer.

They are made around the adapters, for whoever examines an installation, and end by the deadlines of the adapters.
Why there is no answer is told in words of ours, for those of the drivers repeat pieces of URLs.
"""

import time
from collections.abc import Callable
from statistics import median

LOOKS = 3  # of which the median counts


class ServerAway(Exception):
    """There is no answer; the message says why, and holds no secret."""


def latency_of(ask: Callable[[], object]) -> float:
    """Return the median of some looks, in seconds."""

    def timed() -> float:
        began = time.perf_counter()
        ask()
        return time.perf_counter() - began

    return median(timed() for _ in range(LOOKS))


def ahead_of_us(clock: Callable[[], float]) -> float:
    """Return how much a clock is ahead of ours, as of the middle of asking."""
    before = time.time()
    theirs = clock()
    return theirs - (before + time.time()) / 2

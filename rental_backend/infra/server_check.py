"""What the checks of PostgreSQL and Redis servers have in common: latency, clocks, and the error of a failed check.

Checks are for `flask doctor`. They bypass the breakers and keep the adapters' deadlines. The reason
of a failure is in our own words, because the messages of the drivers repeat parts of URLs.
"""

import time
from collections.abc import Callable
from statistics import median

LOOKS = 3  # measurements, of which the median counts


class ServerAway(Exception):
    """The server cannot be checked; the message says why, and contains no secret."""


def latency_of(ask: Callable[[], object]) -> float:
    """Return the median duration of `LOOKS` calls, in seconds."""

    def timed() -> float:
        began = time.perf_counter()
        ask()
        return time.perf_counter() - began

    return median(timed() for _ in range(LOOKS))


def ahead_of_us(clock: Callable[[], float]) -> float:
    """Return how far a clock is ahead of ours, in seconds, as of the middle of the call."""
    before = time.time()
    theirs = clock()
    return theirs - (before + time.time()) / 2

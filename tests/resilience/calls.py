"""Calls that succeed, fail, or say nothing, as the tests of the breaker make them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from rental_backend.resilience import Breaker, Outcome, SharedMemory

from .clock import Clock


class Outage(Exception):
    """What a dependency raises that is at fault."""


class Mistake(Exception):
    """What a dependency raises that is not at fault."""


class Crowded(SharedMemory):
    """A shared memory in which somebody else has their turn first, once."""

    before: Callable[[], object] | None = None

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Let somebody else have their turn, then lock."""
        before, self.before = self.before, None
        if before:
            before()
        with super().locked() as turn:
            yield turn


def classify(error: BaseException) -> Outcome:
    """Hold an outage against the dependency, and nothing else."""
    return Outcome.FAILURE if isinstance(error, Outage) else Outcome.NONE


def succeed(breaker: Breaker, times: int = 1) -> None:
    """Make calls that succeed."""
    for _ in range(times):
        assert breaker.call(lambda: "fine") == "fine"


def fail(breaker: Breaker, error: BaseException | None = None, times: int = 1) -> None:
    """Make calls that raise, an outage unless said otherwise."""
    error = error or Outage()
    for _ in range(times):
        with pytest.raises(type(error)), breaker.guard():
            raise error


def outage() -> None:
    """Be a probe that finds the dependency down."""
    raise Outage


def nothing() -> None:
    """Be a probe that finds the dependency up."""


def throw(error: BaseException) -> None:
    """Raise what is given."""
    raise error


def trip(breaker: Breaker) -> None:
    """Open it by as many failures in a row as it takes."""
    fail(breaker, times=breaker.policy.consecutive)
    assert not breaker.closed


def wait_out(breaker: Breaker, clock: Clock) -> Breaker:
    """Let time pass until a probe is due, and not a moment longer."""
    clock.advance(breaker.retry_after)
    return breaker

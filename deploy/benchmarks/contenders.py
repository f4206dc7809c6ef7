"""The circuit breakers that are compared, behind one face and with one policy, as far as each can say it."""

import contextlib
import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pybreaker

from rental_backend.resilience import Breaker, BreakerOpen, Policy, SharedMemory

FAILURES, WINDOW, RATE, MINIMUM, SLOW = 6, 10, 0.3, 20, 0.5
FOREVER = 3600.0
Function = Callable[[], None]


@dataclass(frozen=True)
class Contender:
    """One breaker: how it is called through and refuses, how it is closed, and how its trial call is made.

    `breaker` is the library's own object, for measuring it without our face around it.
    """

    name: str
    breaker: Any
    call: Callable[[Function], object]
    refusal: type[Exception]
    admits: Callable[[], bool]
    close: Function
    trial: Callable[[Function], object]

    def trip(self, calls: int = FAILURES) -> None:
        """Make calls that fail."""
        for _ in range(calls):
            with contextlib.suppress(ConnectionError, self.refusal):
                self.call(fail)


class Make(Protocol):
    """Makes a contender that stays open for some seconds, or by an injected clock where the library can."""

    def __call__(self, opens: float = FOREVER, clock: Callable[[], float] = time.monotonic) -> Contender:
        """Make it."""


def nothing() -> None:
    """Be the cheapest call there is."""


def fail() -> None:
    """Fail at once, as a refused connection does."""
    raise ConnectionError


def theirs(opens: float = FOREVER, clock: Callable[[], float] = time.monotonic) -> Contender:  # noqa: ARG001
    """Return pybreaker as its documentation has it; the call that trips raises its own error, as with the others."""
    breaker = pybreaker.CircuitBreaker(fail_max=FAILURES, reset_timeout=opens, throw_new_error_on_trip=False)
    admits = lambda: breaker.current_state != pybreaker.STATE_OPEN  # noqa: E731
    return Contender(
        "pybreaker", breaker, breaker.call, pybreaker.CircuitBreakerError, admits, breaker.close, breaker.call
    )


def theirs_unlocked(opens: float = FOREVER, clock: Callable[[], float] = time.monotonic) -> Contender:
    """Return pybreaker by its context, which runs outside its lock."""
    plain = theirs(opens, clock)

    def call(function: Function) -> None:
        with plain.breaker.calling():
            function()

    return Contender("pybreaker, calling()", plain.breaker, call, plain.refusal, plain.admits, plain.close, call)


def circuitbreaker(opens: float = FOREVER, clock: Callable[[], float] = time.monotonic) -> Contender:  # noqa: ARG001
    """Return circuitbreaker; `call` does what its decorator does, since its own `call` admits when open."""
    library: Any = importlib.import_module("circuitbreaker")
    breaker = library.CircuitBreaker(failure_threshold=FAILURES, recovery_timeout=opens, name="bench")

    def call(function: Function) -> object:
        if breaker.opened:
            raise library.CircuitBreakerError(breaker)
        return breaker.call(function)

    return Contender(
        "circuitbreaker", breaker, call, library.CircuitBreakerError, lambda: not breaker.opened, breaker.reset, call
    )


def interlock(
    opens: float = FOREVER, clock: Callable[[], float] = time.monotonic, *, by_count: bool = False
) -> Contender:
    """Return interlock-cb with our policy, by its quickest entry, `call_sync`.

    It has no rule for failures in a row. Its window is of the last seconds, or of the last 100 calls (its default).
    """
    library: Any = importlib.import_module("interlock")
    kind = library.WindowType.COUNT_BASED if by_count else library.WindowType.TIME_BASED
    config = library.Config(
        failure_rate_threshold=RATE, minimum_number_of_calls=MINIMUM, slow_call_duration_threshold=SLOW,
        slow_call_rate_threshold=0.8, wait_duration_in_open=opens, permitted_calls_in_half_open=1,
        window_type=kind, window_size=100 if by_count else WINDOW,
    )  # fmt: skip
    name = f"interlock-cb, {'100 calls' if by_count else f'{WINDOW} seconds'}"
    breaker = library.CircuitBreaker(name="bench", config=config, clock=_Clock(clock))
    return Contender(
        name, breaker, breaker.call_sync, library.CircuitOpenError, lambda: breaker.state is not library.State.OPEN,
        breaker.reset, breaker.call_sync,
    )  # fmt: skip


def ours(
    opens: float = FOREVER, clock: Callable[[], float] = time.monotonic, *, consecutive: int = FAILURES
) -> Contender:
    """Return our breaker on a page of its own, which processes forked from here on share."""
    policy = Policy(
        consecutive=consecutive, rate=RATE, minimum_calls=MINIMUM, slow_seconds=SLOW, open_first=opens, open_most=opens
    )
    breaker = Breaker("bench", memory=SharedMemory(), policy=policy, starts_closed=True, clock=clock)

    def admits() -> bool:
        try:
            breaker.check()
        except BreakerOpen:
            return False
        return True

    return Contender("ours", breaker, breaker.call, BreakerOpen, admits, breaker.close, breaker.probe)


@dataclass(frozen=True)
class _Clock:
    """A clock as interlock-cb wants it."""

    monotonic: Callable[[], float]


MAKERS: tuple[Make, ...] = (theirs, circuitbreaker, interlock, ours)

"""The call that a guarded block makes."""

from collections.abc import Callable
from types import TracebackType
from typing import NoReturn, Protocol

from .outcome import Outcome


class Guard(Protocol):
    """What a call asks of the breaker that guards it."""

    clock: Callable[[], float]
    admit: Callable[[], int]

    def succeeded(self, generation: int, began: float, now: float) -> None:
        """Count a call that succeeded."""

    def refuse(self) -> NoReturn:
        """Raise the error of a call that is not made."""

    def classify(self, error: BaseException) -> Outcome:
        """Return what an error says about the dependency."""

    def record(self, outcome: Outcome, generation: int, error: BaseException | None, seconds: float) -> None:
        """Count a call that failed."""


class Call:
    """One guarded call. Its block may set what the breaker cannot see.

    `contacted` False: the dependency was never reached. `seconds`: how long the dependency took, if that is less than
    the whole block.
    """

    __slots__ = ("_began", "_breaker", "_generation", "contacted", "seconds")

    def __init__(self, breaker: Guard) -> None:
        self._breaker = breaker
        self.contacted = True
        self.seconds: float | None = None

    def __enter__(self) -> "Call":
        breaker = self._breaker
        self._generation = generation = breaker.admit()
        if generation < 0:
            breaker.refuse()
        self._began = breaker.clock()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        breaker = self._breaker
        now = breaker.clock()
        began = self._began if self.seconds is None else now - self.seconds
        if error is not None:
            breaker.record(breaker.classify(error), self._generation, error, now - began)
        elif self.contacted:
            breaker.succeeded(self._generation, began, now)

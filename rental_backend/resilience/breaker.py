"""A circuit breaker for all workers of a host."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NoReturn

import pybreaker

from .breaker_state import REJECTED, Operator
from .call import Call, Calls
from .engine import Engine
from .events import Transition
from .outcome import Classifier, Outcome, every_exception_fails
from .pybreaker_interface import PybreakerInterface
from .shared_memory import SharedMemory
from .state_machine import Counts, Policy, State


class BreakerOpen(pybreaker.CircuitBreakerError):
    """The call was not made because the breaker admits none."""

    args: tuple["Breaker"]

    def __str__(self) -> str:
        return f"{self.breaker} is not available"

    @property
    def breaker(self) -> str:
        """The breaker's name."""
        return self.args[0].name or ""

    @property
    def retry_after(self) -> float:
        """Seconds from now until a probe may close the breaker."""
        return self.args[0].retry_after


class Breaker(PybreakerInterface):
    """Stops calls to a failing dependency, in all workers at once, and says when to try again.

    Admitting a call reads the packed state, and calls run outside any lock. Probes find out whether an open breaker may
    close; no request makes or waits for one, and there is exactly one at a time over all threads and processes. A
    result is ignored if the state has changed since the call was admitted.
    """

    def __init__(
        self,
        name: str,
        *,
        memory: SharedMemory | None = None,
        classify: Classifier = every_exception_fails,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] | None = None,
        starts_closed: bool = False,
        exclude: Iterable[type[BaseException] | Callable[[Any], bool]] = (),
        listeners: Sequence[Any] = (),
    ) -> None:
        make = partial(Engine, name, memory=memory, policy=policy, clock=clock, jitter=jitter)
        engine = make(starts_closed=starts_closed, on_transition=self._on_transition)
        calls = Calls(engine, classify=self.classify, refuse=self.refuse)
        self.clock = clock
        self.rejected = 0
        self.guard = partial(Call, calls)  # admits its block and classifies what it raises
        self.admit = calls.admit  # returns the generation of a call made now; below 0, refuse the call
        self.succeeded, self.record = calls.succeeded, calls.record  # count the result of an admitted call
        self._classify = classify
        super().__init__(name, engine, calls, exclude=exclude, listeners=listeners)

    @property
    def policy(self) -> Policy:
        """When the breaker opens, and for how long."""
        return self.engine.policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self.engine.policy = policy

    @property
    def closed(self) -> bool:
        """Whether calls are admitted."""
        return self.engine.admits

    @property
    def never_probed(self) -> bool:
        """Whether no process has probed the dependency since the start."""
        return self.engine.never_probed

    @property
    def retry_after(self) -> float:
        """Seconds until a probe may close the breaker; 0 while calls are admitted."""
        return self.engine.retry_after

    @property
    def generation(self) -> int:
        """The number of the present state; results of calls admitted in another one are ignored."""
        return self.engine.current.generation

    @property
    def cause(self) -> str:
        """Why the breaker is in its state."""
        return self.engine.breaker_state.cause

    @property
    def since(self) -> float:
        """When the present state began (monotonic seconds)."""
        return self.engine.breaker_state.since

    @property
    def down_since(self) -> float | None:
        """When the outage began: the breaker stopped admitting calls (monotonic seconds); None while it admits them."""
        return self.engine.breaker_state.down_since

    @property
    def events(self) -> tuple[Transition, ...]:
        """The last transitions, of all workers, the oldest first."""
        return self.engine.transitions

    @property
    def operator(self) -> Operator | None:
        """The operator's order in force, if any."""
        return self.engine.operator

    def counts(self) -> Counts:
        """Return the results of the calls in the window, over all workers."""
        return self.calls.counts()

    def check(self) -> int:
        """Admit a call and return its generation, or raise `BreakerOpen`. Reads the packed state, takes no lock."""
        generation = self.admit()
        return generation if generation >= 0 else self.refuse()

    def refuse(self) -> NoReturn:
        """Count a refused call and raise `BreakerOpen`."""
        self.rejected += 1
        self.engine.breaker_state.count_total(REJECTED)
        raise BreakerOpen(self)

    def classify(self, error: BaseException) -> Outcome:
        """Return the outcome of a call that raised this. Errors in pybreaker's `exclude` have the outcome NONE."""
        if self._excluded_exceptions and not self.is_system_error(error):
            return Outcome.NONE
        return self._classify(error)

    def begin_probe(self) -> int | None:
        """Take the lease of the probe that is due, and return its generation; None if none is due or it is taken."""
        return self.engine.begin_probe()

    def end_probe(self, generation: int, error: BaseException | None = None) -> bool:
        """End the probe of that generation, failed if there is an error; return whether the breaker closed."""
        return self.engine.end_probe(generation, error)

    def probe(self, attempt: Callable[[], None]) -> bool:
        """Make the trial call if it is due and no other process makes it; return whether the breaker closed."""
        if (generation := self.begin_probe()) is None:
            return False
        try:
            attempt()
        except BaseException as error:
            self.end_probe(generation, error)
            if isinstance(error, Exception):
                return False
            raise
        return self.end_probe(generation)

    def force_open(self, *, reason: str, actor: str, ttl: float | None = None) -> bool:
        """Refuse every call, for `ttl` seconds or until `reset`; then a probe is due.

        Like all orders it returns False and changes nothing if another worker's transition came first.
        """
        return self.engine.order(State.FORCED_OPEN, reason=reason, actor=actor, ttl=ttl)

    def force_closed(self, *, reason: str, actor: str, ttl: float | None = None) -> bool:
        """Admit every call whatever happens, for `ttl` seconds or until `reset`."""
        return self.engine.order(State.FORCED_CLOSED, reason=reason, actor=actor, ttl=ttl)

    def metrics_only(self, *, reason: str, actor: str, ttl: float | None = None) -> bool:
        """Admit every call and only count, for `ttl` seconds or until `reset`."""
        return self.engine.order(State.METRICS_ONLY, reason=reason, actor=actor, ttl=ttl)

    def reset(self, *, reason: str, actor: str) -> bool:
        """Close, whatever the state, and reset the counts."""
        return self.engine.order(State.CLOSED, reason=reason, actor=actor)

    def wait(self, timeout: float) -> None:
        """Block until this process makes a transition or somebody calls `wake`, or for `timeout` seconds."""
        self.engine.attention.wait(timeout)
        self.engine.attention.clear()

    def wake(self) -> None:
        """End the prober's pause."""
        self.engine.attention.set()

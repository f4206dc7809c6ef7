"""A circuit breaker for all workers of a host: pybreaker's interface over the engine in shared memory."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, TypeVar

import pybreaker

from .breaker_state import REJECTED, Operator
from .call import Call, Calls
from .engine import Engine
from .events import Transition
from .outcome import Classifier, Outcome, every_exception_fails
from .pybreaker_storage import NamedState, SharedStorage
from .shared_memory import SharedMemory
from .state_machine import Counts, Policy, State

T = TypeVar("T")
CLOSED, HALF_OPEN, OPEN = pybreaker.STATE_CLOSED, pybreaker.STATE_HALF_OPEN, pybreaker.STATE_OPEN
CALL_EVENTS = ("before_call", "success", "failure")


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


class Breaker(pybreaker.CircuitBreaker):
    """Stops calls to a failing dependency, in all workers at once, and says when to try again.

    Admitting a call reads one word, and calls run outside any lock. Probes find out whether an open breaker may close;
    no request makes or waits for one, and there is exactly one at a time over all threads and processes. A result is
    ignored if the state has changed since the call was admitted. Listeners are pybreaker's. A listener that raises is
    counted in `listener_faults` and affects nothing else. Listeners see the calls and transitions of their own process.
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
        engine = partial(Engine, name, memory=memory, policy=policy, clock=clock, jitter=jitter)
        self.engine = engine(starts_closed=starts_closed, on_transition=self._on_transition)
        self.policy = self.engine.policy
        self.clock = clock
        self.calls = Calls(self.engine, classify=self.classify, refuse=self.refuse)
        self.guard: Callable[[], Call] = partial(Call, self.calls)  # admits its block and classifies what it raises
        self.admit = self.calls.admit  # returns the generation of a call made now; below 0, refuse the call
        self.succeeded, self.record = self.calls.succeeded, self.calls.record  # count the result of an admitted call
        self.listener_faults = self.rejected = 0
        self._listeners: list[Any] = []  # a transition may be due before the base class has made its own
        self._classify = classify
        super().__init__(state_storage=SharedStorage(self.engine), name=name, exclude=exclude, listeners=listeners)
        self._sort_listeners()

    @property
    def closed(self) -> bool:
        """Whether calls are admitted."""
        return self.engine.admits

    @property
    def never_probed(self) -> bool:
        """Whether no process has probed the dependency since the start."""
        return self.engine.never_probed

    @property
    def fail_max(self) -> int:
        """How many failures in a row open the breaker (pybreaker's interface)."""
        return self.policy.consecutive

    @fail_max.setter
    def fail_max(self, number: int) -> None:
        self.policy = self.engine.policy = replace(self.policy, consecutive=number)

    @property
    def reset_timeout(self) -> float:
        """Seconds that the breaker stays open at first (pybreaker's interface). If set, it does not grow."""
        return self.policy.open_first

    @reset_timeout.setter
    def reset_timeout(self, timeout: float) -> None:
        self.policy = self.engine.policy = replace(self.policy, open_first=timeout, open_most=timeout)

    @property
    def success_threshold(self) -> int:
        """How many probes in a row must succeed to close the breaker (pybreaker's interface)."""
        return self.policy.probe_successes

    @success_threshold.setter
    def success_threshold(self, threshold: int) -> None:
        self.policy = self.engine.policy = replace(self.policy, probe_successes=threshold)

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

    @property
    def current_state(self) -> str:
        """The name of the state in force."""
        return self.engine.label

    def check(self) -> int:
        """Admit a call and return its generation, or raise `BreakerOpen`. Reads one word, takes no lock."""
        generation = self.admit()
        return generation if generation >= 0 else self.refuse()

    def refuse(self) -> NoReturn:
        """Count a refused call and raise `BreakerOpen`."""
        self.rejected += 1
        self.engine.breaker_state.count_total(REJECTED)
        raise BreakerOpen(self)

    def call(self, func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call `func` guarded (pybreaker's interface)."""
        calls = self.calls
        generation = calls.admit()
        if generation < 0:
            self.refuse()
        if self._call_listeners:
            self._notify("before_call", func, *args, **kwargs)
        began = self.clock()
        try:
            result = func(*args, **kwargs)
        except BaseException as error:
            calls.record(self.classify(error), generation, error, self.clock() - began)
            raise
        calls.succeeded(generation, began, self.clock())
        return result

    def calling(self) -> Any:
        """Guard a block (pybreaker's interface)."""
        return self.guard()

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

    def open(self) -> bool:
        """Open as a failure would (pybreaker's interface); a probe may close it again."""
        return self.engine.transition(self.engine.opened, "opened by hand")

    def half_open(self) -> None:
        """Make the next probe due now (pybreaker's interface)."""
        self.engine.transition(lambda at, now: at.to(State.OPEN, now) if at.state is State.OPEN else None, "probe now")

    def close(self) -> None:
        """Close at once (pybreaker's interface)."""
        self.engine.transition(
            lambda at, _: None if at.state is State.CLOSED else at.to(State.CLOSED), "closed by hand"
        )

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

    def add_listener(self, listener: Any) -> None:
        """Register a listener (pybreaker's interface)."""
        super().add_listener(listener)
        self._sort_listeners()

    def remove_listener(self, listener: Any) -> None:
        """Unregister a listener (pybreaker's interface)."""
        super().remove_listener(listener)
        self._sort_listeners()

    def _sort_listeners(self) -> None:
        """Find the listeners to calls: without any, a call costs nothing more."""
        plain = pybreaker.CircuitBreakerListener
        self._call_listeners: list[Any] = [
            listener
            for listener in self._listeners
            if any(getattr(type(listener), event, None) is not getattr(plain, event) for event in CALL_EVENTS)
        ]
        self.calls.on_counted = self._notify_counted if self._call_listeners else None

    def _notify_counted(self, outcome: Outcome, error: BaseException | None) -> None:
        if outcome is Outcome.FAILURE:
            self._notify("failure", error)
        else:
            self._notify("success")

    def _on_transition(self, before: State, after: State) -> None:
        self._state = NamedState(self, after.label)  # type: ignore[assignment]
        self._notify("state_change", NamedState(self, before.label), self._state)

    def _notify(self, event: str, *args: Any, **kwargs: Any) -> None:
        """Notify the listeners, each on its own; `event` is the name of pybreaker's method."""
        for listener in tuple(self._listeners):
            try:
                getattr(listener, event)(self, *args, **kwargs)
            except Exception:
                self.listener_faults += 1

    def _create_new_state(self, new_state: str, *_: Any, **__: Any) -> Any:
        """Return pybreaker's object for a state (its base class calls this)."""
        return NamedState(self, new_state)

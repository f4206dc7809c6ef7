"""pybreaker's methods, numbers and listeners over the engine, for engineers who know pybreaker."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pybreaker

from .call import Call, Calls
from .engine import Engine
from .outcome import Outcome
from .pybreaker_storage import NamedState, SharedStorage
from .state_machine import State

T = TypeVar("T")
CLOSED, HALF_OPEN, OPEN = pybreaker.STATE_CLOSED, pybreaker.STATE_HALF_OPEN, pybreaker.STATE_OPEN
CALL_EVENTS = ("before_call", "success", "failure")


class PybreakerInterface(pybreaker.CircuitBreaker):
    """What pybreaker offers, done by an engine and its calls.

    A listener that raises is counted in `listener_faults` and affects nothing else. Listeners see the calls and
    transitions of their own process.
    """

    guard: Callable[[], Call]

    def __init__(
        self,
        name: str,
        engine: Engine,
        calls: Calls,
        *,
        exclude: Iterable[type[BaseException] | Callable[[Any], bool]],
        listeners: Sequence[Any],
    ) -> None:
        self.engine = engine
        self.calls = calls
        self.listener_faults = 0
        self._listeners: list[Any] = []  # a transition may be due before the base class has made its own
        super().__init__(state_storage=SharedStorage(engine), name=name, exclude=exclude, listeners=listeners)
        self._sort_listeners()

    @property
    def current_state(self) -> str:
        """The name of the state in force."""
        return self.engine.label

    @property
    def fail_max(self) -> int:
        """How many failures in a row open the breaker."""
        return self.engine.policy.consecutive

    @fail_max.setter
    def fail_max(self, number: int) -> None:
        self.engine.policy = replace(self.engine.policy, consecutive=number)

    @property
    def reset_timeout(self) -> float:
        """Seconds that the breaker stays open at first. If set, it does not grow."""
        return self.engine.policy.open_first

    @reset_timeout.setter
    def reset_timeout(self, timeout: float) -> None:
        self.engine.policy = replace(self.engine.policy, open_first=timeout, open_most=timeout)

    @property
    def success_threshold(self) -> int:
        """How many probes in a row must succeed to close the breaker."""
        return self.engine.policy.probe_successes

    @success_threshold.setter
    def success_threshold(self, threshold: int) -> None:
        self.engine.policy = replace(self.engine.policy, probe_successes=threshold)

    def call(self, func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call `func` guarded."""
        calls = self.calls
        generation = calls.admit()
        if generation < 0:
            calls.refuse()
        if self._call_listeners:
            self._notify("before_call", func, *args, **kwargs)
        began = calls.clock()
        try:
            result = func(*args, **kwargs)
        except BaseException as error:
            calls.record(calls.classify(error), generation, error, calls.clock() - began)
            raise
        calls.succeeded(generation, began, calls.clock())
        return result

    def calling(self) -> Any:
        """Guard a block."""
        return self.guard()

    def open(self) -> bool:
        """Open as a failure would; a probe may close it again."""
        return self.engine.transition(self.engine.opened, "opened by hand")

    def half_open(self) -> None:
        """Make the next probe due now."""
        self.engine.transition(lambda at, now: at.to(State.OPEN, now) if at.state is State.OPEN else None, "probe now")

    def close(self) -> None:
        """Close at once."""
        self.engine.transition(
            lambda at, _: None if at.state is State.CLOSED else at.to(State.CLOSED), "closed by hand"
        )

    def add_listener(self, listener: Any) -> None:
        """Register a listener."""
        super().add_listener(listener)
        self._sort_listeners()

    def remove_listener(self, listener: Any) -> None:
        """Unregister a listener."""
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
        self.calls.on_counted = self._on_counted if self._call_listeners else None

    def _on_counted(self, outcome: Outcome, error: BaseException | None) -> None:
        if outcome is Outcome.FAILURE:
            self._notify("failure", error)
        else:
            self._notify("success")

    def _on_transition(self, before: State, after: State) -> None:
        self._state = NamedState(self, after.label)  # type: ignore[assignment]
        self._notify("state_change", NamedState(self, before.label), self._state)

    def _notify(self, event: str, *args: Any, **kwargs: Any) -> None:
        """Notify every listener; `event` is the name of pybreaker's method."""
        for listener in tuple(self._listeners):
            try:
                getattr(listener, event)(self, *args, **kwargs)
            except Exception:
                self.listener_faults += 1

    def _create_new_state(self, new_state: str, *_: Any, **__: Any) -> Any:
        """Return pybreaker's object for a state (its base class calls this)."""
        return NamedState(self, new_state)

"""The breaker as pybreaker's users know it: listeners, storage, decorators."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pybreaker
import pytest

from rental_backend.resilience import CLOSED, HALF_OPEN, OPEN, Breaker, Counts

from .calls import Mistake, Outage, fail, nothing, succeed, trip, wait_out
from .clock import Clock


class Diary(pybreaker.CircuitBreakerListener):
    """A listener of pybreaker's that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def before_call(self, cb: pybreaker.CircuitBreaker, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Note a call that is about to be made."""
        self.told.append(("before", cb.name, func, args, kwargs))

    def failure(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        """Note a failure."""
        self.told.append(("failure", cb.name, type(exc)))

    def success(self, cb: pybreaker.CircuitBreaker) -> None:
        """Note a success."""
        self.told.append(("success", cb.name))

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        """Note a change of state."""
        self.told.append(("state", cb.name, old_state.name, new_state.name))


class Grumbler(pybreaker.CircuitBreakerListener):
    """A listener that raises whatever it is told."""

    def success(self, cb: pybreaker.CircuitBreaker) -> None:
        """Raise."""
        raise RuntimeError(cb.name)

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        """Raise."""
        raise RuntimeError(cb.name, old_state, new_state)


def test_listeners_of_pybreaker_are_told_everything(breaker: Breaker, clock: Clock) -> None:
    """A listener hears of calls, successes, failures and changes of state, in the order in which they happen."""
    diary = Diary()
    breaker.add_listener(diary)
    assert breaker.call(max, 3, 7) == 7
    with breaker.calling():
        pass
    fail(breaker, Mistake())
    trip(breaker)
    wait_out(breaker, clock).probe(nothing)
    assert diary.told == [
        ("before", "thing", max, (3, 7), {}),
        ("success", "thing"),
        ("success", "thing"),
        *[("failure", "thing", Outage)] * 5,
        ("state", "thing", CLOSED, OPEN),
        ("state", "thing", OPEN, HALF_OPEN),
        ("state", "thing", HALF_OPEN, CLOSED),
    ]


def test_a_listener_that_was_removed_hears_nothing(breaker: Breaker) -> None:
    """Listeners come and go by pybreaker's methods."""
    diary = Diary()
    breaker.add_listeners(diary)
    breaker.remove_listener(diary)
    breaker.open()
    assert (diary.told, breaker.listeners) == ([], ())


def test_a_listener_that_raises_harms_nobody(breaker: Breaker) -> None:
    """Its faults are counted; the call, the change of state and the other listeners are as without it."""
    diary = Diary()
    breaker.add_listeners(Grumbler(), diary)
    succeed(breaker)
    trip(breaker)
    assert (breaker.current_state, breaker.listener_faults) == (OPEN, 2)
    assert diary.told[-1] == ("state", "thing", CLOSED, OPEN)
    assert ("success", "thing") in diary.told


def test_a_listener_may_ask_and_act_upon_the_breaker(breaker: Breaker) -> None:
    """A listener is told outside any lock: another thread of it can use the breaker before it returns."""
    counts: list[Counts] = []

    class Asker(pybreaker.CircuitBreakerListener):
        def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:  # noqa: ARG002
            with ThreadPoolExecutor(1) as pool:
                counts.append(pool.submit(breaker.counts).result(10))

    breaker.add_listener(Asker())
    breaker.open()
    assert (counts, breaker.listener_faults) == ([Counts()], 0)


def test_it_is_used_as_pybreaker_is(breaker: Breaker) -> None:
    """Decorating, calling, `with calling()`, and what an operator reads and does work as pybreaker's manual says."""

    @breaker
    def double(number: int, *, plus: int = 0) -> int:
        """Double it."""
        return 2 * number + plus

    assert (double(4, plus=1), double.__name__, double.__doc__) == (9, "double", "Double it.")
    with pytest.raises(Outage), breaker.calling():
        raise Outage
    assert (breaker.name, breaker.fail_counter, breaker.fail_max) == ("thing", 1, 5)
    assert breaker.open() is True
    assert (breaker.current_state, breaker.state.name) == ("open", "open")
    with pytest.raises(pybreaker.CircuitBreakerError):
        double(1)
    breaker.close()
    assert (breaker.current_state, breaker.state.name, breaker.fail_counter) == ("closed", "closed", 0)
    breaker.fail_max = 1
    fail(breaker)
    assert breaker.current_state == OPEN


def test_pybreakers_settings_are_the_policys(breaker: Breaker, clock: Clock) -> None:
    """`reset_timeout` and `success_threshold` are read and set as with pybreaker; an unknown setting is refused."""
    assert (breaker.reset_timeout, breaker.success_threshold) == (0.5, 1)
    breaker.reset_timeout, breaker.success_threshold = 60, 2
    breaker.policy = breaker.engine.policy = replace(breaker.policy, jitter=0.0)
    for _ in range(3):
        breaker.open()
        assert breaker.retry_after == 60
    assert not wait_out(breaker, clock).probe(nothing)
    assert breaker.probe(nothing)
    with pytest.raises(TypeError, match="reset_timeout"):
        Breaker("other", reset_timeout=60)  # type: ignore[call-arg]


def test_reading_the_state_tells_no_listener(breaker: Breaker) -> None:
    """A listener hears of each change once, also when somebody reads `state` meanwhile."""
    told: list[str] = []

    class Reader(pybreaker.CircuitBreakerListener):
        def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:  # noqa: ARG002
            told.append(cb.state.name)

    breaker.add_listener(Reader())
    breaker.open()
    assert breaker.state.name == OPEN
    assert told == [OPEN]


class Watcher(pybreaker.CircuitBreakerListener):
    """A listener that cares for changes of state only."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:  # noqa: ARG002
        """Note a change of state."""
        self.told.append(new_state.name)


def test_listeners_may_be_given_at_the_beginning(clock: Clock) -> None:
    """As with pybreaker, also those that want to hear of calls."""
    diary, watcher = Diary(), Watcher()
    breaker = Breaker("thing", clock=clock, starts_closed=True, listeners=[diary, watcher])
    succeed(breaker)
    breaker.force_open(reason="test", actor="ann")
    assert [each[0] for each in diary.told] == ["before", "success", "state"]
    assert watcher.told == ["forced-open"]


def test_a_listener_that_ignores_calls_costs_them_nothing(breaker: Breaker) -> None:
    """Calls are told to those only that would hear of them, until the last of these is gone."""
    diary = Diary()
    breaker.add_listener(Watcher())
    assert breaker._call_listeners == []
    breaker.add_listener(diary)
    assert breaker._call_listeners == [diary]
    breaker.remove_listener(diary)
    assert breaker._call_listeners == []


def test_calls_without_a_verdict_are_not_told(breaker: Breaker) -> None:
    """Neither as a success nor as a failure, nor when the state has changed meanwhile."""
    diary = Diary()
    breaker.add_listener(diary)
    fail(breaker, Mistake())
    with breaker.guard():
        breaker.open()
        breaker.close()
    assert [each[0] for each in diary.told] == ["state", "state"]


def test_a_change_of_another_objects_doing_is_told_by_that_one(breaker: Breaker, clock: Clock) -> None:
    """Each process tells of the transitions that it made, so that none is told twice."""
    here, there = Watcher(), Watcher()
    other = Breaker("thing", memory=breaker.engine.breaker_state.memory, clock=clock)
    breaker.add_listener(here)
    other.add_listener(there)
    other.open()
    breaker.close()
    assert (here.told, there.told) == ([CLOSED], [OPEN])


def test_excluded_errors_are_no_verdict(clock: Clock) -> None:
    """Those that pybreaker's `exclude` names are neither a failure nor, as with pybreaker, a success."""
    breaker = Breaker("thing", clock=clock, starts_closed=True, exclude=[KeyError, lambda error: "mine" in str(error)])
    fail(breaker, Outage(), times=5)
    fail(breaker, KeyError())
    fail(breaker, ValueError("mine"))
    assert (breaker.counts(), breaker.fail_counter) == (Counts(failures=5), 5)
    fail(breaker, ValueError("theirs"))
    assert breaker.current_state == OPEN

"""What is kept of the calls of the last minutes, at no cost to any of them."""

import subprocess
import sys

import pytest

from rental_backend.resilience import Breaker, BreakerOpen, Point, Policy, SharedMemory, TimeSeries
from rental_backend.resilience.timeseries import POINTS, STEP

from .calls import classify, fail, succeed, trip
from .clock import Clock


def _kept(history: TimeSeries, breaker: Breaker) -> list[Point]:
    return [point for point in history.points(breaker) if point != Point()]


def test_calls_are_found_in_the_step_they_were_made_in(breaker: Breaker, clock: Clock) -> None:
    """Successes, failures and refusals, as soon as their second is over; what was added is not added again."""
    history = TimeSeries(breaker.engine.breaker_state.memory)
    history.sample([breaker])
    succeed(breaker, 3)
    fail(breaker, times=2)
    history.sample([breaker])
    assert sum(point.successes + point.failures for point in history.points(breaker)) == 0
    for _ in range(3):
        clock.advance(1)
        history.sample([breaker])
    clock.advance(STEP)
    succeed(breaker, 1)
    clock.advance(1)
    history.sample([breaker])

    counted = [(point.successes, point.failures) for point in _kept(history, breaker) if point[:2] != (0, 0)]
    assert counted == [(3, 2), (1, 0)]


def test_what_opened_it_is_not_lost(breaker: Breaker, clock: Clock) -> None:
    """The failures are kept though a new generation has begun since, and the refusals are counted."""
    history = TimeSeries(breaker.engine.breaker_state.memory)
    history.sample([breaker])
    trip(breaker)
    for _ in range(4):
        with pytest.raises(BreakerOpen):
            breaker.check()
    clock.advance(1)
    history.sample([breaker])

    points = history.points(breaker)
    assert sum(point.failures for point in points) == breaker.policy.consecutive
    assert sum(point.refused for point in points) == 4


def test_the_last_call_of_a_look_is_timed(breaker: Breaker, clock: Clock) -> None:
    """The mean of those that were timed; without any there is no time, not nought."""
    history = TimeSeries(breaker.engine.breaker_state.memory)
    for seconds in (0.1, 0.3):
        breaker.call(clock.advance, seconds)
        history.sample([breaker])
    history.sample([breaker])

    (point,) = _kept(history, breaker)
    assert point.seconds is not None
    assert abs(point.seconds - 0.2) < 0.001
    assert history.points(breaker)[0].seconds is None


def test_it_forgets_after_its_minutes(breaker: Breaker, clock: Clock) -> None:
    """The ring has a place for each step, which the next round takes."""
    history = TimeSeries(breaker.engine.breaker_state.memory)
    breaker.call(clock.advance, 0.1)
    history.sample([breaker])
    assert len(_kept(history, breaker)) == 1
    clock.advance(STEP * POINTS)
    assert _kept(history, breaker) == []
    breaker.call(clock.advance, 0.1)
    history.sample([breaker])
    assert len(_kept(history, breaker)) == 1


def test_all_workers_add_to_it_and_are_told_apart() -> None:
    """Two processes that were forked after it was made count into one; each is named with its own counts."""
    code = """
import os, signal
from rental_backend.resilience import Breaker, TimeSeries, SharedMemory
memory = SharedMemory()
breaker, history = Breaker("thing", memory=memory, starts_closed=True), TimeSeries(memory)
read, write = os.pipe()
for calls in (3, 5):
    if not os.fork():
        for _ in range(calls):
            breaker.call(int)
        history.sample([breaker])
        os.write(write, b"%d " % os.getpid())
        signal.pause()
told = b""
while told.count(b" ") < 2:
    told += os.read(read, 100)
workers = breaker.engine.breaker_state.by_worker(breaker.generation, breaker.clock(), 10)
timed = [point.seconds for point in history.points(breaker) if point.seconds is not None]
print(sorted(workers[int(pid)][0] for pid in told.split()), len(timed) > 0)
for pid in told.split():
    os.kill(int(pid), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)

    assert done.stdout == "[3, 5] True\n", done.stderr


def test_breakers_of_a_page_are_kept_apart(clock: Clock) -> None:
    """Each has its own points."""
    memory = SharedMemory()
    one, two = (
        Breaker(name, memory=memory, classify=classify, policy=Policy(jitter=0.0), clock=clock, starts_closed=True)
        for name in ("one", "two")
    )
    history = TimeSeries(memory)
    history.sample([one, two])
    succeed(two, 2)
    clock.advance(1)
    history.sample([one, two])

    assert sum(point.successes for point in history.points(two)) == 2
    assert _kept(history, one) == []

"""Real processes with one shared memory: one truth, one probe, one limit, whoever is killed or stopped whenever."""

import itertools
import os
import random
import signal
import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest

from rental_backend.resilience import Breaker, BreakerOpen, Outcome, Policy

from .workers import Worker, ask_all, crew, pause, together

pytestmark = pytest.mark.alone

PROCESSES, THREADS = 4, 8


def rounds(quick: int, full: int) -> pytest.MarkDecorator:
    """Repeat a proof so often in the quick tests, and so often in the full ones."""
    return pytest.mark.parametrize(
        "times", [pytest.param(quick, id=str(quick)), pytest.param(full, id=str(full), marks=pytest.mark.full)]
    )


def steady(clock: Callable[[], float] = time.monotonic, **policy: Any) -> Breaker:
    """Make a closed breaker without jitter."""
    return Breaker("thing", policy=Policy(**policy), clock=clock, jitter=lambda: 1.0, starts_closed=True)


def slow_clock() -> float:
    """Take so long to tell the time that whoever makes transitions without excluding others is found out."""
    pause(0.005)
    return time.monotonic()


def seen(breaker: Breaker) -> Callable[[], tuple[Any, ...]]:
    """Return a task that tells all there is to see."""
    return lambda: (breaker.current_state, breaker.generation, breaker.operator, breaker.counts(), breaker.fail_counter)


def fail(breaker: Breaker, times: int) -> None:
    """Record failures of calls that are admitted."""
    for _ in range(times):
        breaker.record(Outcome.FAILURE, breaker.check(), OSError(), 0.0)


def compete(breaker: Breaker, ends: float) -> list[int]:
    """Have all threads try to begin a probe until a time, and until somebody has; return those begun."""

    def attempt(_: int) -> list[int]:
        begun = []
        while time.monotonic() < ends or breaker.current_state == "open":
            generation = breaker.begin_probe()
            if generation is not None:
                begun.append(generation)
        return begun

    return [each for found in together(THREADS, attempt) for each in found]


@rounds(10, 1000)
def test_of_all_threads_of_all_processes_exactly_one_probes(times: int) -> None:
    """However many try at the moment when the probe is due, one begins in each round."""
    breaker = steady(open_first=0.02, probe_lease=60.0)
    with crew(PROCESSES, compete=lambda ends: compete(breaker, ends)) as workers:
        for _ in range(times):
            breaker.open()
            due = time.monotonic() + breaker.retry_after
            begun = [each for found in ask_all(workers, "compete", due + 0.01) for each in found]
            assert begun == [breaker.generation]
            assert breaker.end_probe(breaker.generation)


def follow(breaker: Breaker, ends: float, during: float) -> list[tuple[int, bool]]:
    """Try to begin a probe in all threads until one has closed the breaker; return those begun and if it closed it."""

    def attempt(_: int) -> list[tuple[int, bool]]:
        begun = []
        while not breaker.closed and time.monotonic() < ends:
            generation = breaker.begin_probe()
            if generation is not None:
                pause(during)
                begun.append((generation, breaker.end_probe(generation)))
            pause(0.001)
        return begun

    return [each for found in together(THREADS, attempt) for each in found]


@rounds(8, 1000)
def test_a_killed_prober_is_succeeded_within_its_lease(times: int) -> None:
    """When the process that probes is killed in the middle, exactly one other probes as soon as the lease ends."""
    lease, dice, late = 0.05, random.Random(1), []
    breaker = steady(open_first=0.001, probe_lease=lease)
    tasks = {"begin": breaker.begin_probe, "follow": lambda ends: follow(breaker, ends, lease / 5)}
    with crew(PROCESSES, **tasks) as workers:
        for _ in range(times):
            breaker.open()
            holder = workers.pop(dice.randrange(PROCESSES))
            while (first := holder.do("begin")) is None:
                pause(0.001)
            for worker in workers:
                worker.ask("follow", time.monotonic() + 10)
            pause(dice.uniform(0, lease / 2))
            holder.kill()
            begun = sorted(each for worker in workers for each in worker.answer())
            # One that the machine did not let run within its lease is succeeded like a dead one.
            assert begun == [*((first + n, False) for n in range(1, len(begun))), (first + len(begun), True)]
            leases = [event.monotonic for event in breaker.events if event.after == "half-open"][-1 - len(begun) :]
            assert all(after - before >= lease - 0.001 for before, after in itertools.pairwise(leases)), leases
            late.append(leases[1] - leases[0] - lease)
            workers.append(Worker(**tasks))
    print(f"{times} killed probers succeeded, after the lease: median {1000 * statistics.median(late):.1f} ms")
    assert statistics.median(late) <= lease, late
    assert max(late) <= 1.0, late


def stop_with_the_lock(breaker: Breaker) -> None:
    """Be stopped in the middle of a transition."""
    with breaker.engine.breaker_state.memory.locked():
        os.kill(os.getpid(), signal.SIGSTOP)


def test_one_probes_also_while_somebody_is_stopped_in_mid_transition() -> None:
    """A worker that is stopped with the lock in its hands neither holds up the others nor lets two of them probe."""
    breaker = steady(slow_clock, open_first=0.02, probe_lease=10.0)
    tasks = {
        "compete": lambda ends: compete(breaker, ends),
        "stop": lambda: stop_with_the_lock(breaker),
    }
    with crew(PROCESSES, **tasks) as workers:
        breaker.open()
        stopped = workers.pop()
        stopped.ask("stop")
        os.waitpid(stopped.pid, os.WUNTRACED)
        begun = [each for found in ask_all(workers, "compete", time.monotonic() + 1) for each in found]
        assert begun == [breaker.generation]
        assert breaker.end_probe(breaker.generation)
        stopped.signal(signal.SIGCONT)
        stopped.answer()
        fail(breaker, breaker.policy.consecutive)
        begun = [each for found in ask_all(workers, "compete", 0.0) for each in found]
        assert begun == [breaker.generation]


def test_a_trip_is_seen_by_all() -> None:
    """When failures in one process have opened it, the others reject the very next call, and tell the same of it."""
    breaker = steady(open_first=60.0, open_most=60.0)
    tasks = {"seen": seen(breaker), "fail": lambda times: fail(breaker, times), "check": lambda: refused(breaker)}
    with crew(PROCESSES, **tasks) as workers:
        for turn in range(20):
            breaker.reset(reason="again", actor="op")
            workers[turn % 4].do("fail", 4)
            assert ask_all(workers, "check") == [False] * 4
            workers[(turn + 1) % 4].do("fail", 2)
            assert ask_all(workers, "check") == [True] * 4
            told = ask_all(workers, "seen")
            assert told == [seen(breaker)()] * 4
            assert told[0][0] == "open"


def refused(breaker: Breaker) -> bool:
    """Tell whether a call is refused."""
    try:
        breaker.check()
    except BreakerOpen:
        return True
    return False


def test_an_order_is_obeyed_by_all() -> None:
    """Whoever gives it: state, reason and actor are the same everywhere at once, until it is withdrawn or runs out."""
    breaker = steady()

    def order(name: str, ttl: float | None) -> None:
        getattr(breaker, name)(reason=f"trial of {name}", actor="op", ttl=ttl)

    def withdraw() -> None:
        breaker.reset(reason="enough", actor="op")

    with crew(PROCESSES, seen=seen(breaker), order=order, withdraw=withdraw) as workers:
        for turn, name in enumerate(("force_open", "force_closed", "metrics_only") * 3):
            workers[turn % 4].do("order", name, None)
            told = ask_all(workers, "seen")
            assert told == [seen(breaker)()] * 4
            state, _, operator, *_ = told[0]
            assert state in ("forced-open", "forced-closed", "metrics-only")
            assert (operator.state, operator.reason, operator.actor) == (state, f"trial of {name}", "op")
            workers[turn % 3].do("withdraw")
            assert {each[:1] for each in ask_all(workers, "seen")} == {("closed",)}
        workers[0].do("order", "force_open", 0.05)
        ends = time.monotonic() + 0.05
        while time.monotonic() < ends + 0.001:
            pause(0.01)
        assert {each[:1] for each in ask_all(workers, "seen")} == {("open",)}
        assert [event.after for event in breaker.events][-2:] == ["forced-open", "open"]
        assert {event.worker for event in breaker.events} <= {worker.pid for worker in workers}


def call_the_dead(breaker: Breaker, begins: float, during: float) -> int:
    """Call a dead dependency from a moment on until refused; return how many calls were made."""
    made = 0
    while time.monotonic() < begins:
        pass
    try:
        while True:
            generation = breaker.check()
            made += 1
            pause(during)
            breaker.record(Outcome.FAILURE, generation, OSError(), during)
    except BreakerOpen:
        return made


@pytest.mark.parametrize("during", [0.0, 0.001, 0.01])
@rounds(15, 1000)
def test_few_calls_reach_a_dead_dependency(times: int, during: float) -> None:
    """Of four processes that all call it at once, each has one call in flight at most when the threshold is reached."""
    breaker = steady(consecutive=10, open_first=60.0, open_most=60.0)
    reached = []
    with crew(PROCESSES, call=lambda begins: call_the_dead(breaker, begins, during)) as workers:
        for _ in range(times):
            breaker.reset(reason="again", actor="op")
            reached.append(sum(ask_all(workers, "call", time.monotonic() + 0.005)))
            assert breaker.current_state == "open"
    assert min(reached) >= 10
    assert max(reached) <= 10 + PROCESSES - 1, sorted(reached)

"""Workers that are killed or stopped at any instant: shared memory works on, and nothing of theirs stays behind."""

import itertools
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from rental_backend.resilience import (
    Breaker,
    BreakerOpen,
    Bulkhead,
    BulkheadFull,
    Counts,
    Outcome,
    Policy,
    SharedMemory,
)
from rental_backend.resilience.shared_memory import WORKER_SLOTS

from .test_breaker_processes import PROCESSES, THREADS, rounds
from .workers import Worker, ask_all, crew, pause, together

pytestmark = pytest.mark.alone

LIMIT = 5
QUICK = Policy(open_first=0.001, open_most=0.002, probe_lease=0.001)
Interval = tuple[float, float]


def make(clock: Callable[[], float] = time.monotonic) -> tuple[SharedMemory, Breaker, Bulkhead]:
    """Make a shared memory with a breaker and a bulkhead in it."""
    memory = SharedMemory()
    breaker = Breaker("thing", memory=memory, policy=QUICK, clock=clock, jitter=lambda: 1.0, starts_closed=True)
    return memory, breaker, Bulkhead(memory, "places", LIMIT)


def riot(breaker: Breaker, bulkhead: Bulkhead) -> None:
    """Do everything there is to do, without an end, in some threads."""

    def act(dice: random.Random) -> None:
        while True:
            chance = dice.randrange(8)
            if chance == 0:
                with suppress(BreakerOpen):
                    breaker.record(Outcome.FAILURE, breaker.check(), OSError())
            elif chance == 1:
                generation = breaker.begin_probe()
                if generation and dice.random() < 0.5:
                    breaker.end_probe(generation, OSError() if dice.random() < 0.3 else None)
            elif chance == 2:
                dice.choice((breaker.force_open, breaker.force_closed, breaker.metrics_only))(
                    reason="riot", actor="op", ttl=dice.choice((None, 0.001))
                )
            elif chance == 3:
                dice.choice((breaker.open, breaker.close, breaker.half_open))()
            elif chance == 4:
                breaker.reset(reason="riot", actor="op")
            else:
                with suppress(BulkheadFull), bulkhead:
                    breaker.counts()

    together(2, lambda number: act(random.Random(os.getpid() * 2 + number)))


def works(memory: SharedMemory, breaker: Breaker, bulkhead: Bulkhead) -> float:
    """Trip it, probe it, close it and fill the bulkhead; return the seconds that took."""
    began = time.monotonic()
    breaker.reset(reason="look", actor="op")
    assert (breaker.current_state, breaker.counts().calls, breaker.fail_counter) == ("closed", 0, 0)
    for _ in range(QUICK.consecutive):
        breaker.record(Outcome.FAILURE, breaker.check(), OSError())
    assert breaker.current_state == "open"
    while (generation := breaker.begin_probe()) is None:
        assert time.monotonic() < began + 10
        pause(0.0005)
    assert breaker.end_probe(generation)
    assert [event.after for event in breaker.events[-3:]] == ["open", "half-open", "closed"]
    breaker.record(Outcome.SUCCESS, breaker.check())
    assert breaker.counts().successes == 1
    fill(bulkhead)
    assert bulkhead.in_flight == 0
    assert sum(1 for _ in memory.counters_by_slot(0)) <= 2 * PROCESSES
    return time.monotonic() - began


def fill(bulkhead: Bulkhead) -> None:
    """Take all places, and find that there is none left."""
    with ExitStack() as places:
        for _ in range(LIMIT):
            places.enter_context(bulkhead)
        with pytest.raises(BulkheadFull), bulkhead:
            pass


@rounds(20, 400)
def test_workers_killed_at_any_instant_leave_nothing_behind(times: int) -> None:
    """After each massacre a new worker trips, probes, closes and has all places; worker slots do not run out."""
    memory, breaker, bulkhead = make()
    dice, longest = random.Random(2), 0.0
    with crew(0) as workers:
        for _ in range(times):
            workers[:] = [Worker(riot=lambda: riot(breaker, bulkhead)) for _ in range(PROCESSES - 1)]
            for worker in workers:
                worker.ask("riot")
            pause(0.002 + dice.uniform(0, 0.01))
            for worker in workers:
                os.kill(worker.pid, signal.SIGKILL)
            for worker in workers:
                worker.kill()
            survivor = Worker(works=lambda: works(memory, breaker, bulkhead))
            workers[:] = [survivor]
            longest = max(longest, survivor.do("works"))
            survivor.kill()
    assert times * PROCESSES > WORKER_SLOTS
    assert breaker.generation > 2 * times  # it was a riot
    assert longest < 5


@rounds(5, 250)
def test_a_worker_stopped_at_any_instant_holds_up_nobody(times: int) -> None:
    """While one is stopped, and after it went on, another trips, probes and closes in time.

    One in fifty may undo what others did, as D140 says, for it goes on between its last look and its write.
    """
    memory, breaker, bulkhead = make()
    dice, undone = random.Random(4), 0
    tasks = {"riot": lambda: riot(breaker, bulkhead), "works": lambda: works(memory, breaker, bulkhead)}
    with crew(0) as workers:
        for _ in range(times):
            stopped, other = workers[:] = [Worker(**tasks), Worker(**tasks)]
            stopped.ask("riot")
            other.ask("riot")
            pause(0.002 + dice.uniform(0, 0.01))
            stopped.signal(signal.SIGSTOP)
            other.kill()
            held = bulkhead.in_flight
            survivor = Worker(works=lambda: works(memory, breaker, Bulkhead(memory, "others", LIMIT)))
            workers.append(survivor)
            assert survivor.do("works") < 5
            assert held <= LIMIT
            generation = breaker.generation
            stopped.signal(signal.SIGCONT)
            pause(dice.uniform(0, 0.002))
            stopped.kill()
            undone += breaker.generation < generation
            assert survivor.do("works") < 5
            survivor.kill()
    assert undone <= times // 50


def test_a_worker_that_was_stopped_in_mid_transition_changes_nothing_late() -> None:
    """What it was about to do is not done when others have moved on meanwhile."""
    stop: list[int] = []

    def clock() -> float:
        if stop and not stop.pop():
            os.kill(os.getpid(), signal.SIGSTOP)
        return time.monotonic()

    _, breaker, _ = make(clock)

    def reset() -> tuple[str, int]:
        stop.append(0)
        breaker.reset(reason="late", actor="op")
        return breaker.current_state, breaker.generation

    with crew(1, reset=reset) as (worker,):
        breaker.force_open(reason="first", actor="op")
        worker.ask("reset")
        os.waitpid(worker.pid, os.WUNTRACED)
        began = time.monotonic()
        for _ in range(10):
            breaker.force_open(reason="second", actor="op")
        assert time.monotonic() - began < 2  # patience is lost once, not at every transition
        generation = breaker.generation
        worker.signal(signal.SIGCONT)
        assert worker.answer() == ("forced-open", generation)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_was_stopped_while_it_took_a_lane_keeps_it(when: str) -> None:
    """Whoever comes meanwhile takes another one, and its counts and places are seen and stay, also when it goes on."""
    memory, breaker, bulkhead = make()
    lock_slot = memory._lock_slot

    def stop(worker_slot: int) -> bool:
        memory._lock_slot = lock_slot  # type: ignore[method-assign]
        found = lock_slot(worker_slot) if when == "after" else False
        os.kill(os.getpid(), signal.SIGSTOP)
        return found or lock_slot(worker_slot)

    def count(slowly: bool) -> int:
        if slowly:
            memory._lock_slot = stop  # type: ignore[method-assign]
        breaker.record(Outcome.SUCCESS, 0)
        return memory.worker_slot

    places = ExitStack()
    with crew(2, count=count, enter=lambda: places.enter_context(bulkhead)) as (stopped, other):
        stopped.ask("count", True)
        os.waitpid(stopped.pid, os.WUNTRACED)
        taken = other.do("count", False)
        other.do("enter")
        assert (breaker.counts().successes, bulkhead.in_flight) == (1, 1)
        stopped.signal(signal.SIGCONT)
        assert stopped.answer() != taken
        stopped.kill()
        memory.release_dead_workers(1)
        assert (breaker.counts().successes, bulkhead.in_flight) == (2, 1)


def occupy(bulkhead: Bulkhead, ends: float) -> tuple[list[Interval], int]:
    """Enter again and again in all threads until a time; return when each was inside, and how many were refused."""

    def enter(_: int) -> tuple[list[Interval], int]:
        inside, refused = [], 0
        while time.monotonic() < ends:
            try:
                with bulkhead:
                    began = time.monotonic()
                    pause(0.0005)
                    inside.append((began, time.monotonic()))
            except BulkheadFull:
                refused += 1
                pause(0.0002)
        return inside, refused

    found = together(THREADS, enter)
    return [each for inside, _ in found for each in inside], sum(refused for _, refused in found)


def most_at_once(inside: Iterator[Interval]) -> int:
    """Return how many intervals overlapped at the worst moment."""
    changes = sorted(change for began, ended in inside for change in ((began, 1), (ended, -1)))
    return max(itertools.accumulate(change for _, change in changes))


@rounds(2, 60)
@pytest.mark.parametrize("deaths", [0, 12])
def test_no_more_calls_than_the_limit_are_ever_in_flight(times: int, deaths: int) -> None:
    """Over all threads of all workers, also while some are killed; all places are taken, and given back."""
    dice = random.Random(5)
    most = []
    for _ in range(times):
        _, _, bulkhead = make()
        with crew(PROCESSES, occupy=lambda ends, bulkhead=bulkhead: occupy(bulkhead, ends)) as workers:
            ends = time.monotonic() + 0.5
            for worker in workers:
                worker.ask("occupy", ends)
            for _ in range(deaths):
                if time.monotonic() > ends - 0.25:  # the last ones are left in peace to be watched
                    break
                pause(dice.uniform(0, 0.02))
                workers.pop(dice.randrange(PROCESSES)).kill()
                workers.append(Worker(occupy=lambda ends, bulkhead=bulkhead: occupy(bulkhead, ends)))
                workers[-1].ask("occupy", ends)
            answers = [worker.answer() for worker in workers]
            most.append(most_at_once(each for inside, _ in answers for each in inside))
            entered = sum(len(inside) for inside, _ in answers)
            # A place of the dead stays taken until somebody looks, so where many die fewer get in.
            assert entered > (10 if deaths else 100), "the refused keep all others out"
            assert sum(refused for _, refused in answers) > 0
            fill(bulkhead)
            assert bulkhead.in_flight == 0
    assert max(most) == LIMIT, most


def test_counts_of_all_workers_are_one_sum() -> None:
    """What a parent and its four children of eight threads each record is told by every one of them, to the call."""
    policy = Policy(consecutive=10**6, minimum_calls=10**6)
    memory = SharedMemory()
    breaker = Breaker("thing", memory=memory, policy=policy, clock=lambda: 1000.5, starts_closed=True)
    breaker.record(Outcome.FAILURE, 0, OSError())  # claims a worker slot, which the children must not share

    def record(outcome: Outcome) -> None:
        together(THREADS, lambda _: [breaker.record(outcome, 0) for _ in range(50)])

    total = PROCESSES * THREADS * 50
    tasks = {
        "record": record,
        "told": lambda: (breaker.counts(), breaker.fail_counter),
        "lane": lambda: memory.worker_slot,
    }
    with crew(PROCESSES, **tasks) as workers:
        ask_all(workers, "record", Outcome.FAILURE)
        assert len({memory.worker_slot, *ask_all(workers, "lane")}) == PROCESSES + 1
        assert ask_all(workers, "told") == [(Counts(0, total + 1), total + 1)] * PROCESSES
        ask_all(workers, "record", Outcome.SUCCESS)
        assert ask_all(workers, "told") == [(Counts(total, total + 1), 0)] * PROCESSES

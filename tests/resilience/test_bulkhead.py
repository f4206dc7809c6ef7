"""How many calls may be in flight, and how many of them may be retries."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from rental_backend.resilience import Breaker, Bulkhead, BulkheadFull, RetryBudget, SharedMemory, SlowStart
from rental_backend.resilience import bulkhead as module

from .calls import Crowded, Mistake, fail, succeed
from .clock import Clock

THREADS = 8


def test_no_more_than_the_limit_enter() -> None:
    """The one too many is refused at once; whoever leaves makes place."""
    bulkhead = Bulkhead(SharedMemory(), "thing", 2)
    with bulkhead:
        with bulkhead:
            with pytest.raises(BulkheadFull, match="2 calls are in flight"), bulkhead:
                raise AssertionError("never reached")
            assert bulkhead.in_flight == 2
        assert bulkhead.in_flight == 1
        with bulkhead:
            assert bulkhead.in_flight == 2
    assert bulkhead.in_flight == 0


def test_a_block_that_raises_leaves() -> None:
    """An error gives the place back and comes through."""
    bulkhead = Bulkhead(SharedMemory(), "thing", 1)
    for _ in range(3):
        with pytest.raises(Mistake), bulkhead:
            raise Mistake
    assert bulkhead.in_flight == 0


def test_two_objects_of_a_page_share_the_places() -> None:
    """The name decides: the same one is the same bulkhead, another one is not concerned."""
    memory = SharedMemory()
    one, two, other = (Bulkhead(memory, name, 1) for name in ("thing", "thing", "other"))
    with one:
        with pytest.raises(BulkheadFull), two:
            raise AssertionError("never reached")
        with other:
            assert (one.in_flight, two.in_flight, other.in_flight) == (1, 1, 1)


class Overtaken(SharedMemory):
    """A shared memory in which somebody else comes first between a look and the counting that follows, once."""

    other: Callable[[], object] | None = None

    def own_counters(self, breaker: int) -> int:
        """Let somebody else come first, then answer."""
        other, self.other = self.other, None
        if other:
            other()
        return super().own_counters(breaker)


def test_who_loses_the_race_for_the_last_place_is_refused() -> None:
    """A place that was free a moment ago is not taken twice."""
    memory = Overtaken()
    bulkhead = Bulkhead(memory, "thing", 1)
    with ExitStack() as stack:
        memory.other = lambda: stack.enter_context(bulkhead)
        with pytest.raises(BulkheadFull), bulkhead:
            raise AssertionError("never reached")
        assert bulkhead.in_flight == 1
    assert bulkhead.in_flight == 0


class Leaving(Overtaken, Crowded):
    """A shared memory in which the caller who came first leaves before the lock is taken."""


def test_who_loses_the_race_tries_once_more() -> None:
    """Two that see the last place and hinder each other do not both go without."""
    memory = Leaving()
    bulkhead = Bulkhead(memory, "thing", 1)
    stack = ExitStack()
    with Bulkhead(memory, "thing", 1):  # claims a worker slot
        pass
    memory.other = lambda: stack.enter_context(bulkhead)
    memory.before = stack.close
    with bulkhead:
        assert (memory.before, bulkhead.in_flight) == (None, 1)
    assert bulkhead.in_flight == 0


@pytest.mark.usefixtures("eager")
def test_many_threads_never_exceed_the_limit() -> None:
    """However they race, no more than the limit are inside at once, and none is left over."""
    bulkhead = Bulkhead(SharedMemory(), "thing", 3)
    lock, inside, most = threading.Lock(), [0], [0]

    def work(_: int) -> None:
        for _ in range(300):
            try:
                with bulkhead:
                    with lock:
                        inside[0] += 1
                        most[0] = max(most[0], inside[0])
                    with lock:
                        inside[0] -= 1
            except BulkheadFull:
                continue

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    assert 1 <= most[0] <= 3
    assert bulkhead.in_flight == 0


def test_the_places_of_a_dead_worker_are_free() -> None:
    """A process that ended in the middle of its calls counts no more as soon as a place is wanted."""
    bulkhead = Bulkhead(SharedMemory(), "thing", 2)
    with bulkhead:
        pass
    child = os.fork()
    if not child:
        stack = ExitStack()
        stack.enter_context(bulkhead)
        stack.enter_context(bulkhead)
        os._exit(0 if bulkhead.in_flight == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert bulkhead.in_flight == 2
    with bulkhead, bulkhead, pytest.raises(BulkheadFull), bulkhead:
        raise AssertionError("never reached")
    assert bulkhead.in_flight == 0


def test_the_dead_are_looked_for_now_and_then_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd that is refused looks once in 50 ms, not once each."""
    memory, clock, looks = SharedMemory(), Clock(), list[int]()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(memory, "release_dead_workers", looks.append)
    bulkhead = Bulkhead(memory, "thing", 1)
    with bulkhead:
        for number in range(1, 4):
            for _ in range(3):
                with pytest.raises(BulkheadFull), bulkhead:
                    raise AssertionError("never reached")
            assert len(looks) == number
            clock.advance(0.0501)


def test_the_lane_of_a_dead_worker_is_taken_without_its_calls() -> None:
    """The process after it in its worker slot counts from nothing."""
    bulkhead = Bulkhead(SharedMemory(), "thing", 3)
    child = os.fork()
    if not child:
        stack = ExitStack()
        stack.enter_context(bulkhead)
        stack.enter_context(bulkhead)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert bulkhead.in_flight == 2
    with bulkhead:
        assert bulkhead.in_flight == 1
    assert bulkhead.in_flight == 0


def ramped(clock: Clock, *, wait: float = 0.0) -> tuple[Breaker, Bulkhead]:
    """A breaker that has closed after an outage just now, and a bulkhead of 40 places that are given back by and by."""
    memory = SharedMemory()
    breaker = Breaker("thing", memory=memory, clock=clock)
    bulkhead = Bulkhead(memory, "thing", 40, slow_start=SlowStart(first=4, hold=1.0, grow=2.0, wait=wait), clock=clock)
    for error in (None, OSError("away"), None):
        clock.advance(5)
        if error:
            breaker.open()
            clock.advance(5)
        generation = breaker.begin_probe()
        assert generation is not None
        breaker.end_probe(generation, error)
    return breaker, bulkhead


def test_after_an_outage_the_places_are_given_back_by_and_by(clock: Clock) -> None:
    """Few at once, evenly more, and all of them in the end, until the next outage."""
    breaker, bulkhead = ramped(clock)
    found = []
    for elapsed in (0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 9.0):
        clock.now = breaker.since + elapsed
        found.append(bulkhead.current_limit)
    assert found == [4, 4, 13, 22, 31, 40, 40]
    breaker.open()
    breaker.close()
    assert bulkhead.current_limit == 4


def test_no_more_enter_than_the_ramp_allows(clock: Clock) -> None:
    """A caller who comes too early is refused when their patience is at its end."""
    _, bulkhead = ramped(clock)
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(bulkhead)
        with pytest.raises(BulkheadFull, match="4 calls are in flight"), bulkhead:
            raise AssertionError("never reached")
        clock.advance(1.06)
        stack.enter_context(bulkhead)
    assert bulkhead.in_flight == 0


def test_who_finds_no_place_on_the_ramp_waits_for_one() -> None:
    """A caller who waits has it as soon as somebody leaves; a bulkhead that is merely full lets nobody wait."""
    memory = SharedMemory()
    breaker = Breaker("thing", memory=memory)
    bulkhead = Bulkhead(memory, "thing", 2, slow_start=SlowStart(first=1, hold=60.0, wait=10.0))
    for _ in range(2):
        breaker.open()
        breaker.close()
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with bulkhead:
            entered.set()
            leave.wait(10)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hold)
        assert entered.wait(10)
        entered.clear()
        second = pool.submit(hold)
        assert not entered.wait(0.05)
        leave.set()
        first.result(10)
        second.result(10)
    assert entered.is_set()
    full = Bulkhead(memory, "thing", 1, slow_start=SlowStart(first=1, wait=10.0))
    began = time.monotonic()
    with full, pytest.raises(BulkheadFull), full:
        raise AssertionError("never reached")
    assert time.monotonic() - began < 5


def test_a_dependency_that_is_found_at_the_start_is_used_at_once(clock: Clock) -> None:
    """Nobody was kept waiting by the first look at it."""
    memory = SharedMemory()
    breaker = Breaker("thing", memory=memory, clock=clock)
    bulkhead = Bulkhead(memory, "thing", 40, slow_start=SlowStart(), clock=clock)
    generation = breaker.begin_probe()
    assert generation is not None
    assert breaker.end_probe(generation)
    assert bulkhead.current_limit == 40


def test_retries_are_a_share_of_the_calls(breaker: Breaker, clock: Clock) -> None:
    """One retry for ten calls, no more, whoever asks for it."""
    one, two = (RetryBudget(breaker, share=0.1, clock=clock) for _ in range(2))
    assert not one.may_retry()
    succeed(breaker, 9)
    assert not one.may_retry()
    fail(breaker)
    assert (one.may_retry(), two.may_retry(), one.may_retry()) == (True, False, False)
    succeed(breaker, 10)
    assert (two.may_retry(), one.may_retry()) == (True, False)


def test_the_budget_of_retries_has_the_window_of_the_breaker(breaker: Breaker, clock: Clock) -> None:
    """Calls and retries of ten seconds ago count no more, and with the state the budget begins anew."""
    budget = RetryBudget(breaker, clock=clock)
    succeed(breaker, 10)
    assert budget.may_retry()
    clock.advance(10)
    assert not budget.may_retry()
    succeed(breaker, 10)
    assert budget.may_retry()
    breaker.reset(reason="anew", actor="ann")
    assert not budget.may_retry()


def test_nothing_is_retried_while_calls_are_refused(breaker: Breaker, clock: Clock) -> None:
    """An open breaker has no budget, however large the share."""
    budget = RetryBudget(breaker, share=100.0, clock=clock)
    succeed(breaker)
    assert budget.may_retry()
    breaker.open()
    assert budget.may_retry() is False

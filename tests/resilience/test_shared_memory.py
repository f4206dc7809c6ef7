"""Shared memory itself: places, worker slots, counts and what is forgotten."""

import errno
import gc
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from rental_backend.resilience import CLOSED, OPEN, Breaker, Counts, Policy, SharedMemory
from rental_backend.resilience import shared_memory as module
from rental_backend.resilience.shared_memory import ACQUISITIONS, BREAKERS, FORMAT, LOCK, VERSION, WORKER_SLOTS
from tests.serving import until

from .calls import classify, fail, nothing, succeed
from .clock import Clock


def worker_slots(memory: SharedMemory) -> int:
    """Return how many worker slots have ever been claimed."""
    return sum(1 for _ in memory.counters_by_slot(0))


def test_a_page_tells_its_format() -> None:
    """Whoever looks at the memory finds what it is and in which version."""
    assert SharedMemory().words[FORMAT].to_bytes(8) == b"RBPAGE" + VERSION.to_bytes(2)


def test_a_page_has_place_for_sixteen_breakers() -> None:
    """The seventeenth name is refused, the sixteen stay as they were."""
    memory = SharedMemory()
    numbers = [memory.breaker_number(f"thing {number}") for number in range(BREAKERS)]
    assert numbers == list(range(16))
    with pytest.raises(ValueError, match="16 breakers at most"):
        Breaker("one too many", memory=memory)
    assert memory.breaker_number("thing 3") == 3


def test_pages_are_apart(clock: Clock) -> None:
    """Breakers of the same name without a common shared memory know nothing of each other."""
    one, two = (Breaker("thing", clock=clock, starts_closed=True) for _ in range(2))
    one.open()
    assert (one.closed, two.closed, two.events) == (False, True, ())


def test_breakers_of_a_page_are_counted_apart(clock: Clock) -> None:
    """What one of sixteen counts is in none of the others."""
    memory = SharedMemory()
    breakers = [
        Breaker(str(n), memory=memory, classify=classify, clock=clock, starts_closed=True) for n in range(BREAKERS)
    ]
    for number, breaker in enumerate(breakers):
        succeed(breaker, number)
        fail(breaker, times=number % 5)
    assert [each.counts() for each in breakers] == [Counts(number, number % 5) for number in range(BREAKERS)]


def test_the_window_slides_by_seconds(breaker: Breaker, clock: Clock) -> None:
    """A second's calls count for ten seconds, then no more, also when its place is used again much later."""
    for _ in range(10):
        succeed(breaker)
        clock.advance(1)
    assert breaker.counts() == Counts(9)
    clock.advance(8)
    assert breaker.counts() == Counts(1)
    clock.advance(1)
    assert breaker.counts() == Counts()
    for _ in range(100):
        clock.advance(16)
        succeed(breaker)
        assert breaker.counts() == Counts(1)


@pytest.mark.parametrize("window", [1, 5, 16])
def test_a_window_has_the_length_of_the_policy(clock: Clock, window: int) -> None:
    """So many seconds are told, and no more."""
    breaker = Breaker("thing", policy=Policy(window=window), clock=clock, starts_closed=True)
    for _ in range(50):
        clock.advance(1)
        succeed(breaker)
    assert breaker.counts() == Counts(window)


@pytest.mark.parametrize("window", [0, 17])
def test_a_window_for_which_there_is_no_place_is_refused(window: int) -> None:
    """Shared memory keeps sixteen seconds, and less than one is nothing: both are mistakes to be told of at once."""
    with pytest.raises(ValueError, match="1 to 16 seconds"):
        Breaker("thing", policy=Policy(window=window))


def test_children_count_in_lanes_of_their_own(breaker: Breaker) -> None:
    """What children counted before they ended is told by the parent, and their own counts are not the parent's."""
    succeed(breaker)
    for number in range(1, 4):
        child = os.fork()
        if not child:
            breaker.call(nothing)
            breaker.call(nothing)
            os._exit(0 if breaker.counts() == Counts(3) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert breaker.counts() == Counts(3), number
    assert worker_slots(breaker.engine.breaker_state.memory) == 2  # each child took the worker slot of the one before


def test_with_all_lanes_taken_the_last_is_shared(clock: Clock) -> None:
    """The process that finds no free worker slot takes the last; its calls are counted."""
    memory = SharedMemory()
    breaker = Breaker("thing", memory=memory, clock=clock, starts_closed=True)
    succeed(breaker)
    for _ in range(WORKER_SLOTS):  # as if this process were so many, and one more
        memory.worker_slot = -1
        memory.own_counters(0)
    for reset in memory.after_fork:
        reset()
    succeed(breaker, 3)
    assert (memory.worker_slot, worker_slots(memory)) == (WORKER_SLOTS - 1, WORKER_SLOTS)
    assert breaker.counts() == Counts(4)


@pytest.mark.usefixtures("eager")
def test_threads_of_a_process_take_one_lane(clock: Clock) -> None:
    """However many threads make the first call at once."""
    for _ in range(20):
        breaker = Breaker("thing", clock=clock, starts_closed=True)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _, breaker=breaker: breaker.call(nothing), range(8)))
        assert worker_slots(breaker.engine.breaker_state.memory) == 1
        assert breaker.counts() == Counts(8)


def holding(memory: SharedMemory, meanwhile: Callable[[], None], patience: float) -> Callable[[], int]:
    """Have a child hold the lock of a shared memory and do something meanwhile; return how to wait for its end."""
    ready, told = os.pipe()
    child = os.fork()
    if not child:
        memory._lock_file()
        os.write(told, b"1")
        for _ in range(10):
            threading.Event().wait(patience)
            meanwhile()
        os._exit(0)
    assert os.read(ready, 1) == b"1"
    os.close(ready)
    os.close(told)
    return lambda: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("lock", [0, 1])
def test_a_holder_that_is_stuck_is_passed_over(breaker: Breaker, monkeypatch: pytest.MonkeyPatch, lock: int) -> None:
    """Who has lost patience makes another lock the one that counts, for good and for all."""
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    memory = breaker.engine.breaker_state.memory
    memory.words[LOCK] = lock
    ended = holding(memory, lambda: None, 0.04)
    breaker.open()
    assert (breaker.current_state, memory.words[LOCK]) == (OPEN, lock + 1)
    breaker.close()
    assert (breaker.closed, memory.words[LOCK]) == (True, lock + 1)
    assert ended() == 0


def test_a_page_that_is_busy_is_waited_for(breaker: Breaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as others have their turns nobody loses patience, however long it takes."""
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    memory = breaker.engine.breaker_state.memory

    def turn() -> None:
        memory.words[ACQUISITIONS] += 1

    ended = holding(memory, turn, 0.06)
    breaker.open()
    assert (breaker.current_state, memory.words[LOCK]) == (OPEN, 0)
    assert memory.words[ACQUISITIONS] >= 11
    assert ended() == 0


def test_a_lock_that_counts_no_more_is_given_back(breaker: Breaker) -> None:
    """Who gets a lock just when another has become the one that counts takes that instead."""
    memory = breaker.engine.breaker_state.memory
    memory.words[LOCK] = 5

    class Late:
        """The words of a shared memory whose lock looks at first as it was before."""

        def __init__(self, words: memoryview) -> None:
            self.words = words
            self.looks = 0

        def __getitem__(self, word: int) -> int:
            self.looks += word == LOCK
            return 4 if word == LOCK and self.looks == 1 else int(self.words[word])

        def __setitem__(self, word: int, value: int) -> None:
            self.words[word] = value

    memory.words = Late(memory.words)  # type: ignore[assignment]
    breaker.open()
    assert (breaker.current_state, memory.words[LOCK]) == (OPEN, 5)


def test_threads_wait_for_each_other(breaker: Breaker) -> None:
    """The lock that processes take does not keep the threads of one apart: they have one of their own."""
    with ThreadPoolExecutor(1) as pool:
        with breaker.engine.breaker_state.memory.locked():
            opening = pool.submit(breaker.open)
            assert not wait([opening], 0.05).done
            assert breaker.closed
        assert opening.result(10)


def test_a_thread_that_is_stuck_holds_up_no_other(breaker: Breaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also within a process the patience with a transition has an end."""
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    with breaker.engine.breaker_state.memory.locked(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(breaker.open).result(10)
    assert breaker.current_state == OPEN
    breaker.close()
    assert breaker.closed


def test_a_transition_that_others_have_overtaken_is_not_made(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker stopped in the middle of opening leaves the state as others, who lost patience with it, have put it."""
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    memory = SharedMemory()
    other = Breaker("thing", memory=memory, clock=clock, starts_closed=True)

    def stopped() -> float:
        other.force_closed(reason="it hangs", actor="ann")
        return 1.0

    breaker = Breaker("thing", memory=memory, clock=clock, jitter=stopped)
    assert not breaker.open()
    assert breaker.operator is not None
    assert [each.after for each in breaker.events] == ["forced-closed"]


def test_an_opening_does_not_undo_the_closing_that_overtook_it(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker stopped while it opened an open breaker anew leaves it closed, as another has put it since."""
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    memory = SharedMemory()
    other = Breaker("thing", memory=memory, clock=clock, starts_closed=True)
    other.open()

    def stopped() -> float:
        other.close()
        return 1.0

    breaker = Breaker("thing", memory=memory, clock=clock, jitter=stopped)
    assert not breaker.open()
    assert breaker.closed
    assert [each.after for each in breaker.events] == [OPEN, CLOSED]


def test_a_lane_that_another_thread_took_meanwhile_is_used(clock: Clock) -> None:
    """Of two threads that make the first calls of a process the second claims no worker slot."""
    memory = SharedMemory()
    breaker = Breaker("thing", memory=memory, clock=clock, starts_closed=True)
    with ThreadPoolExecutor(1) as pool, memory._claiming:
        late = pool.submit(memory.own_counters, 0)
        memory.worker_slot = memory._claim_slot()
    assert late.result(10) == memory.own_counters(0)
    succeed(breaker)
    assert (worker_slots(memory), breaker.counts()) == (1, Counts(1))


def test_after_a_fork_the_process_begins_with_lane_and_locks_of_its_own(
    breaker: Breaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another thread of the parent held at the fork is not held for ever in the child."""
    memory = breaker.engine.breaker_state.memory
    succeed(breaker)
    monkeypatch.setattr(module, "_instances", {memory})
    for lock in (memory._thread_lock, memory._claiming, memory.locks[0]):
        lock.acquire()
    module._reset_after_fork()
    succeed(breaker, 2)
    breaker.engine.breaker_state.memory.release_dead_workers(0)
    assert (memory.worker_slot, worker_slots(memory), breaker.counts()) == (
        0,
        1,
        Counts(2),
    )  # the kernel knows it for the same process


def test_a_page_that_nobody_needs_is_closed() -> None:
    """Its file does not outlive it."""
    memory = SharedMemory()
    file, before = memory._file, os.fstat(memory._file)
    del memory

    def closed() -> bool:
        gc.collect()  # in vain while another thread does so
        try:
            return not os.path.samestat(before, os.fstat(file))  # another file may have its number by now, but not it
        except OSError as error:
            return error.errno == errno.EBADF

    until(closed, what="its file is closed")

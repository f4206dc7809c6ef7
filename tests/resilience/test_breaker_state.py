"""The place of a breaker in shared memory: whose counts are its own, and what lies beside it."""

import os

import pytest

from rental_backend.resilience import CLOSED, OPEN, Breaker, Counts, Outcome, Policy, SharedMemory, State
from rental_backend.resilience.state_machine import GENERATION_MASK, PackedState

from .calls import Crowded, classify, fail, nothing, succeed, wait_out
from .clock import Clock

HALF = GENERATION_MASK // 2


def test_counts_of_an_earlier_generation_are_dropped(breaker: Breaker, clock: Clock) -> None:
    """What was admitted before the last transition is no success, failure or retry of the present state."""
    breaker_state = breaker.engine.breaker_state
    breaker.open()
    breaker.close()
    succeed(breaker)
    breaker_state.succeed(0, clock())
    breaker_state.count(1, clock(), failed=True, slow=True)
    breaker_state.count_retry(1, clock())
    assert [breaker_state.sums(generation, clock(), 10) for generation in (0, 1, 2)] == [
        (0,) * 4,
        (0,) * 4,
        (1, 0, 0, 0),
    ]


@pytest.mark.parametrize(("seconds", "counted"), [(2, 2), (16, 15)])
def test_a_host_that_has_just_started_counts_like_any_other(seconds: int, counted: int) -> None:
    """In the first seconds of its clock, too, nothing of an earlier generation is counted."""
    clock = Clock(0.5)
    breaker = Breaker("thing", policy=Policy(window=16), clock=clock, starts_closed=True)
    for _ in range(seconds):
        succeed(breaker)
        clock.advance(1)
    assert breaker.counts() == Counts(counted)
    breaker.open()
    breaker.close()
    succeed(breaker)
    assert breaker.counts() == Counts(1)


def test_a_breaker_made_at_the_first_tick_of_the_clock_is_made_once() -> None:
    """Whoever comes to it in the same instant finds it was left."""
    memory, clock = SharedMemory(), Clock(0.0)
    first = Breaker("thing", memory=memory, clock=clock)
    first.force_closed(reason="go", actor="ann")
    second = Breaker("thing", memory=memory, clock=clock)
    assert (second.current_state, second.since) == ("forced-closed", 1e-6)


@pytest.mark.parametrize(
    ("held", "generation", "counted"),
    [(1, 0, False), (HALF, 0, False), (HALF + 1, 0, True), (GENERATION_MASK, 0, True), (0, GENERATION_MASK, False)],
)
def test_generations_go_round(breaker: Breaker, clock: Clock, held: int, generation: int, *, counted: bool) -> None:
    """Of two generations the later one is that which the shorter way round leads to."""
    breaker_state = breaker.engine.breaker_state
    breaker_state.succeed(held, clock())
    breaker_state.succeed(generation, clock())
    assert breaker_state.sums(generation, clock(), 10)[0] == counted
    assert breaker_state.sums(held, clock(), 10)[0] == (not counted)


def test_a_breaker_outlives_the_last_generation(breaker: Breaker) -> None:
    """After the last number comes the first, with counts of its own."""
    breaker_state = breaker.engine.breaker_state
    breaker_state.words[breaker_state.state_at] = PackedState(State.CLOSED, GENERATION_MASK).pack()
    succeed(breaker, 3)
    assert (breaker.counts(), breaker_state.last_second(GENERATION_MASK)) == (Counts(3), 1000)
    breaker.reset(reason="once more", actor="ann")
    assert (breaker.generation, breaker.counts()) == (0, Counts())
    succeed(breaker, 2)
    assert (breaker.counts(), breaker_state.last_second(0), breaker_state.last_second(1)) == (Counts(2), 1000, -1)
    fail(breaker, times=5)
    assert (breaker.current_state, breaker.generation) == (OPEN, 1)


def test_every_breaker_of_a_page_counts_in_the_last_generation(clock: Clock) -> None:
    """A worker slot that was just claimed is of no generation, and so earlier than any."""
    memory = SharedMemory()
    breakers = [Breaker(str(number), memory=memory, clock=clock, starts_closed=True) for number in range(16)]
    for breaker in breakers:
        memory.words[breaker.engine.breaker_state.state_at] = PackedState(State.CLOSED, GENERATION_MASK).pack()
        succeed(breaker)
    assert [breaker.counts() for breaker in breakers] == [Counts(1)] * 16


def test_large_generations_are_like_small_ones(breaker: Breaker, clock: Clock) -> None:
    """A breaker opens by a row or by slowness, is probed and closes, also after many thousand transitions."""
    breaker_state = breaker.engine.breaker_state
    breaker_state.words[breaker_state.state_at] = PackedState(State.CLOSED, 70_000).pack()
    fail(breaker, times=5)
    assert wait_out(breaker, clock).probe(nothing)
    for _ in range(20):
        breaker.record(Outcome.SUCCESS, breaker.check(), None, 1.0)
    assert (breaker.current_state, breaker.generation) == (OPEN, 70_004)


def test_a_lane_of_an_earlier_generation_hides_no_other(breaker: Breaker) -> None:
    """What a process counted before the last transition does not keep others' counts from being told."""
    succeed(breaker)
    breaker.open()
    breaker.close()
    child = os.fork()
    if not child:
        succeed(breaker, 2)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert breaker.counts() == Counts(2)


def test_a_neighbours_numbers_are_not_counted(clock: Clock) -> None:
    """Not even where its generation could be taken for a second of the window."""
    memory = SharedMemory()
    breaker, other = (Breaker(name, memory=memory, clock=clock, starts_closed=True) for name in ("thing", "other"))
    succeed(breaker)
    for generation in (1000, 70_000):
        memory.words[other.engine.breaker_state.state_at] = PackedState(State.CLOSED, generation).pack()
        succeed(other, 3)
        assert (breaker.counts(), other.counts()) == (Counts(1), Counts(3))
        assert breaker.engine.breaker_state.last_second(0) == other.engine.breaker_state.last_second(generation) == 1000
    clock.advance(7)  # to the second whose place is the last
    breaker.engine.breaker_state.count_retry(0, clock())
    assert (breaker.counts(), other.counts()) == (Counts(1), Counts(3))


def test_a_success_that_is_overtaken_by_a_change_ends_no_row(clock: Clock) -> None:
    """Between its counting and the lock somebody else may open and close: the new row goes on."""
    memory = Crowded()
    breaker = Breaker("thing", memory=memory, classify=classify, clock=clock, starts_closed=True)
    fail(breaker)

    def overtake() -> None:
        breaker.open()
        breaker.close()
        fail(breaker, times=4)

    memory.before = overtake
    breaker.succeeded(0, clock(), clock())
    assert (breaker.fail_counter, breaker.counts()) == (4, Counts(failures=4))


def test_a_slow_call_that_is_overtaken_by_a_change_opens_nothing(clock: Clock) -> None:
    """What it has seen was true of a state that is over."""
    memory = Crowded()
    breaker = Breaker("thing", memory=memory, policy=Policy(minimum_calls=2), clock=clock, starts_closed=True)
    generation = breaker.check()
    breaker.record(Outcome.SUCCESS, generation, None, 1.0)

    def overtake() -> None:
        breaker.open()
        breaker.close()

    memory.before = overtake
    breaker.record(Outcome.SUCCESS, generation, None, 1.0)
    assert (memory.before, breaker.current_state, len(breaker.events)) == (None, CLOSED, 2)


def test_slow_successes_are_in_no_row_of_failures(clock: Clock) -> None:
    """Where one failure is enough to open it, a slow success still is none."""
    breaker = Breaker("thing", classify=classify, policy=Policy(consecutive=1), clock=clock, starts_closed=True)
    breaker.record(Outcome.SUCCESS, breaker.check(), None, 1.0)
    assert breaker.closed
    fail(breaker)
    assert breaker.cause == "1 failures in a row"


def test_a_success_is_counted_in_its_own_second(breaker: Breaker, clock: Clock) -> None:
    """Also when a thread tells of it that had looked at the clock before the second was over."""
    succeed(breaker)
    clock.advance(-1)
    succeed(breaker, 2)
    assert breaker.counts() == Counts(2)
    clock.advance(1)
    assert breaker.counts() == Counts(3)


def test_times_are_kept_to_the_microsecond(breaker: Breaker, clock: Clock) -> None:
    """When a state began, and when the first of a row of failures did."""
    clock.advance(0.123456)
    breaker.open()
    assert breaker.since == pytest.approx(clock(), abs=1e-6)
    breaker.close()
    fail(breaker)
    breaker.succeeded(breaker.check(), clock() - 0.000002, clock())
    assert breaker.fail_counter == 1
    breaker.succeeded(breaker.check(), clock(), clock())
    assert breaker.fail_counter == 0


def test_a_row_that_was_shortened_in_operation_passes_over_fewer_successes(breaker: Breaker, clock: Clock) -> None:
    """Three of them were passed over where now two are the most: the next one ends the row."""
    fail(breaker)
    for _ in range(3):
        breaker.succeeded(breaker.check(), clock() - 1, clock())
    breaker.fail_max = 2
    assert breaker.fail_counter == 1
    breaker.succeeded(breaker.check(), clock() - 1, clock())
    assert breaker.fail_counter == 0


def test_a_quick_success_takes_the_short_way(breaker: Breaker, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is decided for it; that is left to slow ones, late ones, and those under an order."""
    decided: list[object] = []
    monkeypatch.setattr(breaker.calls, "record", lambda *args: decided.append(args))
    for generation in (0, 1, 70_000):
        breaker.engine.words[breaker.engine.breaker_state.state_at] = PackedState(State.CLOSED, generation).pack()
        succeed(breaker, 3)
        assert (decided, breaker.counts()) == ([], Counts(3))
    breaker.open()
    breaker.close()
    breaker.succeeded(breaker.generation, clock() - 0.5, clock())
    breaker.succeeded(breaker.generation - 1, clock(), clock())
    breaker.succeeded(breaker.generation + 1, clock(), clock())
    breaker.metrics_only(reason="look", actor="ann")
    succeed(breaker)
    assert (len(decided), breaker.counts()) == (4, Counts())


def test_the_longest_texts_leave_the_neighbours_alone(clock: Clock) -> None:
    """Cause, reason and actor fill their places and not a byte more."""
    memory = SharedMemory()
    one, two, three = (
        Breaker(name, memory=memory, clock=clock, starts_closed=True) for name in ("one", "two", "three")
    )
    for each in (one, three):
        each.force_closed(reason="r" * 500, actor="a" * 500, ttl=60)
    two.force_open(reason="R" * 500, actor="A" * 500, ttl=30)
    for each, letters in ((one, "ra"), (two, "RA"), (three, "ra")):
        order = each.operator
        assert order is not None
        assert (order.reason, order.actor, each.cause) == (letters[0] * 192, letters[1] * 128, letters[1] * 128)
    assert [each.current_state for each in (one, two, three)] == ["forced-closed", "forced-open", "forced-closed"]
    assert [each.since for each in (one, two, three)] == [clock()] * 3

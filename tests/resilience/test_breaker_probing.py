"""Opening, probing and closing again."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rental_backend.resilience import CLOSED, HALF_OPEN, OPEN, Breaker, BreakerOpen, Policy

from .calls import Mistake, Outage, nothing, outage, throw, wait_out
from .clock import Clock

THREADS = 8


def test_open_time_doubles_to_the_most_with_jitter_within_bounds(clock: Clock) -> None:
    """Each failed probe doubles the pause up to the most, give or take a fifth, and not always by the same part."""
    policy = Policy(open_first=1.0, open_most=30.0, jitter=0.2)
    breaker = Breaker("thing", policy=policy, clock=clock, starts_closed=True)
    breaker.open()
    parts = []
    for expected in (1, 2, 4, 8, 16, 30, 30, 30):
        parts.append(breaker.retry_after / expected)
        clock.advance(breaker.retry_after)
        assert not breaker.probe(outage)
    assert all(0.799 <= part <= 1.2 for part in parts)
    assert len(set(parts)) > 1


@pytest.mark.parametrize("jitter", [0.8, 1.0, 1.2])
def test_the_jitter_is_a_factor_of_every_pause(clock: Clock, jitter: float) -> None:
    """The doubled time, and the most as well, are multiplied by it."""
    breaker = Breaker("thing", clock=clock, jitter=lambda: jitter, starts_closed=True)
    breaker.open()
    for expected in (0.5, 1.0, 2.0, 3.0, 3.0):
        assert breaker.retry_after == pytest.approx(expected * jitter, abs=0.0011)
        assert not wait_out(breaker, clock).probe(outage)


def test_open_time_begins_anew_after_closing(clock: Clock) -> None:
    """An outage that ended has no part in the length of the next one's pauses."""
    policy = Policy(open_first=1.0, jitter=0.0)
    breaker = Breaker("thing", policy=policy, clock=clock, starts_closed=True)
    breaker.open()
    for _ in range(4):
        wait_out(breaker, clock).probe(outage)
    assert breaker.retry_after == 3.0
    assert wait_out(breaker, clock).probe(nothing)
    breaker.open()
    assert breaker.retry_after == 1.0


def test_an_outage_of_days_ends_as_one_of_seconds(breaker: Breaker, clock: Clock) -> None:
    """The doubling never outgrows what a float holds, so that no number of failed probes keeps it from closing."""
    breaker.open()
    for _ in range(3000):
        clock.advance(breaker.retry_after)
        assert not breaker.probe(outage)
        assert breaker.retry_after <= 3.6
    assert wait_out(breaker, clock).probe(nothing)
    assert breaker.closed


def test_users_are_never_admitted_in_half_open(breaker: Breaker, clock: Clock) -> None:
    """While the probe is under way everybody else is rejected."""
    breaker.open()
    clock.advance(breaker.retry_after)
    seen: list[tuple[str, float]] = []

    def attempt() -> None:
        with pytest.raises(BreakerOpen) as caught:
            breaker.call(nothing)
        seen.append((breaker.current_state, caught.value.retry_after))

    assert breaker.probe(attempt)
    # By when a probe has a result, not the end of its lease.
    assert (seen, breaker.current_state) == ([(HALF_OPEN, 1.0)], CLOSED)


def test_a_failed_probe_opens_again(breaker: Breaker, clock: Clock) -> None:
    """The outcome of the probe alone decides; any error of it means no."""
    breaker.open()
    assert not wait_out(breaker, clock).probe(outage)
    assert (breaker.current_state, breaker.cause) == (OPEN, "the probe failed")
    assert not wait_out(breaker, clock).probe(lambda: throw(Mistake()))
    assert (breaker.current_state, breaker.events[-1].error) == (OPEN, "Mistake")


def test_no_probe_is_made_before_it_is_due(breaker: Breaker, clock: Clock) -> None:
    """What `retry_after` says is kept to the millisecond."""
    breaker.open()
    made: list[int] = []
    clock.advance(breaker.retry_after - 0.001)
    assert not breaker.probe(lambda: made.append(1))
    assert (made, breaker.current_state, breaker.begin_probe()) == ([], OPEN, None)
    clock.advance(0.0011)
    assert breaker.probe(lambda: made.append(1))
    assert made == [1]


def test_a_probe_that_is_ended_does_not_leave_it_half_open(breaker: Breaker, clock: Clock) -> None:
    """When the program ends the probing thread the breaker is open again, for whoever probes next."""
    breaker.open()
    with pytest.raises(SystemExit):
        wait_out(breaker, clock).probe(lambda: throw(SystemExit()))
    assert breaker.current_state == OPEN
    assert wait_out(breaker, clock).probe(nothing)


def test_an_abandoned_probe_is_taken_over_when_its_lease_runs_out(breaker: Breaker, clock: Clock) -> None:
    """A prober that never comes back holds up the others for two seconds, and its outcome counts no more."""
    breaker.open()
    first = wait_out(breaker, clock).begin_probe()
    assert first is not None
    clock.advance(1.999)
    assert breaker.begin_probe() is None
    clock.advance(0.0011)
    second = breaker.begin_probe()
    assert second == first + 1
    assert not breaker.end_probe(first)
    assert not breaker.end_probe(first, Outage())
    assert breaker.current_state == HALF_OPEN
    assert breaker.retry_after == 1.0
    assert breaker.end_probe(second)
    assert breaker.current_state == CLOSED
    assert not breaker.end_probe(second)


def test_it_closes_after_as_many_probes_as_the_policy_wants(clock: Clock) -> None:
    """Each success makes the next probe due at once; a failure has them counted anew."""
    breaker = Breaker("thing", policy=Policy(probe_successes=3), clock=clock, starts_closed=True)
    breaker.open()
    wait_out(breaker, clock)
    for counted in (1, 2):
        assert not breaker.probe(nothing)
        assert (breaker.current_state, breaker.success_counter, breaker.retry_after) == (OPEN, counted, 0.0)
    assert not breaker.probe(outage)
    assert breaker.success_counter == 0
    wait_out(breaker, clock)
    assert [breaker.probe(nothing) for _ in range(4)] == [False, False, True, False]
    assert (breaker.current_state, breaker.success_counter) == (CLOSED, 0)


def test_a_closed_breaker_is_not_probed(breaker: Breaker) -> None:
    """`probe` makes no call unless the breaker is open."""
    made: list[int] = []
    assert not breaker.probe(lambda: made.append(1))
    assert (made, breaker.current_state) == ([], CLOSED)


def test_only_a_probe_can_be_ended(breaker: Breaker, clock: Clock) -> None:
    """A caller who has not begun one changes nothing, whatever the state and whatever the result."""
    for _ in range(2):
        before = breaker.events
        assert not breaker.end_probe(breaker.generation)
        assert not breaker.end_probe(breaker.generation, Outage())
        assert breaker.events == before
        breaker.open()
    assert wait_out(breaker, clock).begin_probe() == breaker.generation
    assert not breaker.end_probe(breaker.generation - 1)
    assert not breaker.end_probe(breaker.generation + 1)
    assert breaker.current_state == HALF_OPEN


@pytest.mark.usefixtures("eager")
def test_of_many_threads_exactly_one_probes() -> None:
    """However many try at the same moment, one call is made in each round and the breaker closes once."""
    breaker = Breaker("thing")  # its clock is the real one
    barrier = threading.Barrier(THREADS)
    made: list[int] = []

    def compete(_: int) -> bool:
        barrier.wait(10)
        return breaker.probe(lambda: made.append(1))

    with ThreadPoolExecutor(THREADS) as pool:
        for turn in range(1, 201):
            breaker.open()
            breaker.half_open()
            won = list(pool.map(compete, range(THREADS)))
            assert (len(made), won.count(True), breaker.current_state) == (turn, 1, CLOSED)


def test_while_one_probe_hangs_no_other_is_made(breaker: Breaker, clock: Clock) -> None:
    """A second probe is refused at once as long as the first has not come back."""
    breaker.open()
    wait_out(breaker, clock)
    began, ends = threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        assert ends.wait(10)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(breaker.probe, hang)
        assert began.wait(10)
        made: list[int] = []
        assert not breaker.probe(lambda: made.append(1))
        assert made == []
        ends.set()
        assert first.result(10)


def test_what_a_probe_finds_is_ignored_when_somebody_else_decided(breaker: Breaker, clock: Clock) -> None:
    """An operator who opens or closes during a probe is not overruled by its outcome."""
    breaker.open()

    def open_and_succeed() -> None:
        breaker.open()

    assert not wait_out(breaker, clock).probe(open_and_succeed)
    assert (breaker.current_state, breaker.cause) == (OPEN, "opened by hand")

    def close_and_fail() -> None:
        breaker.close()
        raise Outage

    assert not wait_out(breaker, clock).probe(close_and_fail)
    assert (breaker.current_state, breaker.cause) == (CLOSED, "closed by hand")


def test_half_open_by_hand_makes_the_probe_due_but_admits_nobody(breaker: Breaker) -> None:
    """An operator cannot let users in to find out; they can have the prober look at once. A closed one stays closed."""
    breaker.half_open()
    assert (breaker.current_state, breaker.events) == (CLOSED, ())
    breaker.open()
    breaker.half_open()
    assert (breaker.current_state, breaker.retry_after, breaker.cause) == (OPEN, 0.0, "probe now")
    assert breaker.probe(nothing)


def test_opening_and_waking_end_a_pause(breaker: Breaker) -> None:
    """Whoever waits for something to happen is woken by an opening and by `wake`, otherwise by the time-out."""
    for nudge in (breaker.open, breaker.wake):
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(breaker.wait, 30)
            nudge()
            waiting.result(10)
    began = time.monotonic()
    breaker.wait(0.05)
    assert time.monotonic() - began >= 0.04

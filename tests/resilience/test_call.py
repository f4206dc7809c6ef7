"""What a guarded block is told, and what it may say of its call."""

import pytest

from rental_backend.resilience import Breaker, BreakerOpen, Counts, Outcome

from .calls import Outage
from .clock import Clock


def test_a_block_is_not_entered_while_calls_are_refused(breaker: Breaker) -> None:
    """It is told so before it begins, and that is counted."""
    breaker.open()
    with pytest.raises(BreakerOpen), breaker.guard():
        raise AssertionError("never reached")
    assert breaker.rejected == 1


@pytest.mark.parametrize(("said", "slow"), [(None, 2), (0.5, 2), (0.499, 0), (0.0, 0)])
def test_a_block_may_say_how_long_the_answer_took(
    breaker: Breaker, clock: Clock, said: float | None, slow: int
) -> None:
    """What it says counts, of a success as of a failure, and not the whole second that the block lasts."""
    with breaker.guard() as call:
        clock.advance(1)
        call.seconds = said
    with pytest.raises(Outage), breaker.guard() as call:
        clock.advance(1)
        call.seconds = said
        raise Outage
    assert breaker.counts() == Counts(1, 1, slow)


def test_a_call_that_fails_is_timed_as_well() -> None:
    """Its time counts from its beginning, whatever the clock shows."""
    clock = Clock(0.5)
    breaker = Breaker("thing", clock=clock, starts_closed=True)

    def fail_late() -> None:
        clock.advance(1.2)
        raise Outage

    with pytest.raises(Outage):
        breaker.call(fail_late)
    assert breaker.counts() == Counts(0, 1, 1)


def test_what_a_block_says_tells_when_its_call_began(breaker: Breaker, clock: Clock) -> None:
    """A success whose call began after the failures ends their row, though its block began before them."""
    with breaker.guard() as call:
        clock.advance(1)
        breaker.record(Outcome.FAILURE, breaker.generation)
        clock.advance(0.2)
        call.seconds = 0.1
    assert breaker.fail_counter == 0


def test_a_result_of_which_no_duration_is_said_took_no_time(breaker: Breaker, clock: Clock) -> None:
    """It is quick, and began when it is told."""
    breaker.record(Outcome.FAILURE, breaker.check())
    assert breaker.counts() == Counts(0, 1, 0)
    breaker.succeeded(breaker.check(), clock.now - 0.001, clock.now)
    assert breaker.fail_counter == 1
    breaker.succeeded(breaker.check(), clock.now, clock.now)
    assert breaker.fail_counter == 0

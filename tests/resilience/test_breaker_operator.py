"""What an operator orders, and what runs out by itself."""

from collections.abc import Callable

import pytest

from rental_backend.resilience import (
    CLOSED,
    OPEN,
    Breaker,
    BreakerOpen,
    Counts,
    Operator,
    Outcome,
    Policy,
    SharedMemory,
)

from .calls import Outage, classify, fail, nothing, outage, succeed, trip, wait_out
from .clock import Clock

Order = Callable[..., None]
ADMITTING = {"forced-closed": Breaker.force_closed, "metrics-only": Breaker.metrics_only}
ALL = {"forced-open": Breaker.force_open, **ADMITTING}


@pytest.mark.parametrize("state", ALL)
def test_an_order_tells_what_why_who_and_until_when(breaker: Breaker, clock: Clock, state: str) -> None:
    """State, reason, actor and end are there to be read until the order is withdrawn."""
    ALL[state](breaker, reason="a drill", actor="ann", ttl=60)
    assert breaker.operator == Operator(state, "a drill", "ann", clock() + 60)
    assert (breaker.current_state, breaker.state.name, breaker.cause) == (state, state, "ann: a drill")
    ALL[state](breaker, reason="for good", actor="bob")
    assert breaker.operator == Operator(state, "for good", "bob", None)
    breaker.reset(reason="over", actor="cy")
    assert (breaker.current_state, breaker.cause) == (CLOSED, "cy: over")
    assert [each.after for each in breaker.events] == [state, state, CLOSED]


def test_without_an_order_there_is_no_operator(breaker: Breaker) -> None:
    """Neither in the beginning nor after an order has been withdrawn."""
    orders = [breaker.operator]
    breaker.force_open(reason="a drill", actor="ann")
    breaker.reset(reason="over", actor="ann")
    orders.append(breaker.operator)
    assert orders == [None, None]


@pytest.mark.parametrize("state", ADMITTING)
def test_it_stays_closed_by_order_whatever_happens(breaker: Breaker, state: str) -> None:
    """Failures are counted and told, and open nothing."""
    ADMITTING[state](breaker, reason="it is not the database", actor="ann")
    fail(breaker, times=100)
    assert (breaker.closed, breaker.current_state, breaker.retry_after) == (True, state, 0.0)
    assert (breaker.counts(), breaker.fail_counter) == (Counts(failures=100), 100)
    assert breaker.begin_probe() is None
    breaker.half_open()
    assert breaker.current_state == state


@pytest.mark.parametrize("state", ADMITTING)
def test_when_an_order_to_admit_runs_out_it_is_closed_and_judges_again(
    breaker: Breaker, clock: Clock, state: str
) -> None:
    """What was counted under the order is forgotten with it."""
    ADMITTING[state](breaker, reason="a while", actor="ann", ttl=9)
    fail(breaker, times=100)
    clock.advance(8.999)
    assert (breaker.current_state, breaker.counts()) == (state, Counts(failures=100))
    clock.advance(0.0011)
    fail(breaker, times=4)
    assert (breaker.current_state, breaker.cause) == (CLOSED, "the operator's order ran out")
    fail(breaker)
    assert breaker.current_state == OPEN


@pytest.mark.parametrize("read", ["fail_counter", "operator", "generation", "current_state"])
def test_whoever_looks_sees_that_an_order_ran_out(breaker: Breaker, clock: Clock, read: str) -> None:
    """No call is needed for a TTL to end; reading is enough."""
    breaker.metrics_only(reason="a while", actor="ann", ttl=1)
    fail(breaker, times=7)
    clock.advance(1)
    found = getattr(breaker, read)
    assert found == {"fail_counter": 0, "operator": None, "generation": 2, "current_state": CLOSED}[read]
    assert [each.after for each in breaker.events] == ["metrics-only", CLOSED]


def test_it_stays_open_by_order_whatever_happens(breaker: Breaker, clock: Clock) -> None:
    """Without an end nobody is admitted and nobody probes, for days; callers are asked to come back now and then."""
    breaker.force_open(reason="maintenance", actor="ann")
    for _ in range(3):
        clock.advance(86_400)
        with pytest.raises(BreakerOpen) as caught:
            breaker.check()
        assert caught.value.retry_after == breaker.policy.open_most
        assert not breaker.probe(nothing)
        assert breaker.begin_probe() is None
    assert (breaker.current_state, breaker.rejected, breaker.closed) == ("forced-open", 3, False)


def test_when_an_order_to_refuse_runs_out_a_probe_is_due(breaker: Breaker, clock: Clock) -> None:
    """Nobody is let in unseen: the dependency is looked at first."""
    breaker.force_open(reason="maintenance", actor="ann", ttl=5)
    assert breaker.retry_after == 5
    clock.advance(4.9)
    assert not breaker.probe(nothing)
    with pytest.raises(BreakerOpen):
        breaker.check()
    clock.advance(0.1)
    with pytest.raises(BreakerOpen):
        breaker.check()
    assert (breaker.current_state, breaker.retry_after, breaker.operator) == (OPEN, 0.0, None)
    assert breaker.probe(nothing)
    assert breaker.closed


def test_an_order_during_a_probe_stands(breaker: Breaker, clock: Clock) -> None:
    """What the probe found is not asked for any more."""
    breaker.open()

    def force() -> None:
        breaker.force_open(reason="no", actor="ann")

    assert not wait_out(breaker, clock).probe(force)
    assert breaker.current_state == "forced-open"


def test_calls_under_way_when_an_order_comes_count_no_more(breaker: Breaker) -> None:
    """Their results belong to another generation."""
    generation = breaker.check()
    breaker.metrics_only(reason="look", actor="ann")
    breaker.record(Outcome.FAILURE, generation, Outage())
    assert breaker.counts() == Counts()


@pytest.mark.parametrize("ttl", [0, -1.0, 366 * 86400.1, float("nan"), float("inf")])
def test_an_order_has_a_sensible_end_or_none(breaker: Breaker, ttl: float) -> None:
    """A TTL that is over already, or longer than a packed state can hold, is refused and changes nothing."""
    with pytest.raises(ValueError, match="a TTL is of more than 0 and at most 31622400 seconds"):
        breaker.force_open(reason="oops", actor="ann", ttl=ttl)
    assert (breaker.operator, breaker.current_state, breaker.events) == (None, "closed", ())


def test_the_longest_order_fits_the_page(breaker: Breaker, clock: Clock) -> None:
    """A year, on a host that has been up for thirty."""
    clock.advance(30 * 366 * 86400)
    assert breaker.force_open(reason="gone", actor="ann", ttl=366 * 86400)
    assert breaker.retry_after == 366 * 86400


def test_a_reset_forgets_everything(breaker: Breaker, clock: Clock) -> None:
    """Counts, failures in a row and the length of the pauses begin anew."""
    breaker.open()
    for _ in range(3):
        wait_out(breaker, clock).probe(outage)
    assert breaker.retry_after > 2
    breaker.reset(reason="repaired", actor="ann")
    fail(breaker, times=4)
    breaker.reset(reason="again", actor="ann")
    assert (breaker.closed, breaker.fail_counter, breaker.counts()) == (True, 0, Counts())
    trip(breaker)
    assert breaker.retry_after <= 0.6


def test_long_texts_are_cut_between_letters(breaker: Breaker) -> None:
    """A reason of any length and script is kept as far as there is place, without half a letter at its end."""
    breaker.force_closed(reason="ä" * 500, actor="x" + "€" * 500)
    order = breaker.operator
    assert order is not None
    assert (order.reason, order.actor) == ("ä" * 96, "x" + "€" * 42)
    assert breaker.cause == "x" + "€" * 42
    assert breaker.events[-1].cause == "x" + "€" * 42


def test_all_breakers_of_a_page_and_name_are_one(clock: Clock) -> None:
    """Two objects see each other's orders, counts and transitions; one of another name is not concerned."""
    memory = SharedMemory()
    one, two, other = (
        Breaker(name, memory=memory, classify=classify, policy=Policy(jitter=0.0), clock=clock, starts_closed=True)
        for name in ("thing", "thing", "other")
    )
    succeed(one, 2)
    fail(two, times=2)
    fail(one, times=3)
    assert one.counts() == two.counts() == Counts(2, 5)
    fail(two)
    for each in (one, two):
        assert (each.current_state, each.cause, each.retry_after) == (OPEN, "6 failures in a row", 0.5)
    assert one.events == two.events
    one.force_closed(reason="go on", actor="ann")
    assert two.operator == one.operator
    assert two.check() == one.generation == two.generation
    assert (other.counts(), other.events, other.operator, other.closed) == (Counts(), (), None, True)


def test_a_second_object_does_not_begin_the_breaker_anew(breaker: Breaker, clock: Clock) -> None:
    """Whoever comes later, and would begin otherwise, finds it is, also when an order has just run out."""
    late = Breaker("thing", memory=breaker.engine.breaker_state.memory, clock=clock)
    assert (late.closed, late.never_probed) == (True, False)
    breaker.metrics_only(reason="look", actor="ann", ttl=1)
    clock.advance(1)
    later = Breaker("thing", memory=breaker.engine.breaker_state.memory, clock=clock)
    assert later.current_state == CLOSED
    assert later.closed

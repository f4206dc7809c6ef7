"""The breaker alone, with a clock of the test's."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pybreaker
import pytest

from rental_backend.resilience import OPEN, Breaker, BreakerOpen, Counts, Outcome, Policy
from rental_backend.resilience.prober import idle

from .calls import Mistake, Outage, classify, fail, nothing, outage, succeed, throw, trip, wait_out
from .clock import Clock

THREADS = 8
LENIENT = Policy(consecutive=1000)


class Listener(pybreaker.CircuitBreakerListener):
    """A listener that is told of every call and keeps nothing."""

    def success(self, cb: pybreaker.CircuitBreaker) -> None:
        """Be told of a success."""


def test_a_breaker_starts_open_with_its_first_probe_due() -> None:
    """Nobody is admitted before the dependency was seen alive, and nothing delays looking."""
    breaker = Breaker("thing")
    assert (breaker.current_state, breaker.closed, breaker.retry_after, breaker.cause) == (OPEN, False, 0.0, "starting")
    with pytest.raises(BreakerOpen):
        breaker.check()


def test_it_opens_by_failures_in_a_row(breaker: Breaker) -> None:
    """The fifth consecutive failure opens it, no earlier one does, and the caller gets the original error."""
    fail(breaker, times=4)
    assert breaker.closed
    fail(breaker)
    assert (breaker.current_state, breaker.cause) == (OPEN, "5 failures in a row")


def test_a_success_ends_a_row_of_failures(breaker: Breaker) -> None:
    """Four failures, a success and four failures are no row of five."""
    for _ in range(2):
        fail(breaker, times=4)
        succeed(breaker)
    assert breaker.closed
    assert breaker.fail_counter == 0


@pytest.mark.parametrize("breaks", ["slow", "with a listener"])
def test_every_kind_of_success_ends_a_row_of_failures(breaker: Breaker, clock: Clock, breaks: str) -> None:
    """A slow success is one too, and so is one that a listener is told of."""
    if breaks == "with a listener":
        breaker.add_listener(Listener())
    fail(breaker, times=4)
    with breaker.guard():
        clock.advance(1.0 if breaks == "slow" else 0.0)
    assert (breaker.fail_counter, breaker.counts().successes) == (0, 1)


def test_it_opens_by_rate_when_there_are_enough_calls(clock: Clock) -> None:
    """Three tenths of at least twenty calls failing opens it although no two failures follow each other."""
    breaker = Breaker("thing", classify=classify, policy=LENIENT, clock=clock, starts_closed=True)
    for _ in range(5):
        succeed(breaker)
        fail(breaker)
    succeed(breaker, 9)
    assert (breaker.closed, breaker.counts()) == (True, Counts(14, 5))
    fail(breaker)
    assert (breaker.current_state, breaker.cause) == (OPEN, "6 of 20 calls failed")


def test_too_few_calls_have_no_rate(clock: Clock) -> None:
    """Nineteen failures of nineteen are not judged by rate where twenty calls are the least."""
    breaker = Breaker("thing", classify=classify, policy=LENIENT, clock=clock, starts_closed=True)
    fail(breaker, times=19)
    assert breaker.closed
    fail(breaker)
    assert breaker.cause == "20 of 20 calls failed"


def test_a_rate_below_the_limit_keeps_it_closed(clock: Clock) -> None:
    """A quarter of the calls failing, for as long as one likes, opens nothing."""
    breaker = Breaker("thing", classify=classify, policy=LENIENT, clock=clock, starts_closed=True)
    for _ in range(300):
        succeed(breaker, 3)
        fail(breaker)
        clock.advance(0.05)
    assert breaker.closed


def test_it_opens_by_slow_calls(clock: Clock) -> None:
    """Four fifths of at least twenty calls taking half a second opens it although all of them succeed."""
    breaker = Breaker("thing", classify=classify, clock=clock, starts_closed=True)
    succeed(breaker, 4)
    for _ in range(15):
        with breaker.guard():
            clock.advance(0.5)
    assert (breaker.closed, breaker.counts()) == (True, Counts(19, 0, 15))
    with breaker.guard():
        clock.advance(0.5)
    assert (breaker.current_state, breaker.cause) == (OPEN, "16 of 20 calls were slow")


def test_calls_that_are_almost_slow_open_nothing(clock: Clock) -> None:
    """Just below half a second is quick, and slow calls below four fifths are borne."""
    breaker = Breaker("thing", classify=classify, clock=clock, starts_closed=True)
    for turn in range(200):
        breaker.record(Outcome.SUCCESS, breaker.check(), None, 0.5 if turn % 4 else 0.499)
    assert (breaker.closed, breaker.counts()) == (True, Counts(200, 0, 150))


def test_a_slow_failure_is_both(clock: Clock) -> None:
    """A call that fails after a long time counts as a failure and as slow, once each."""
    breaker = Breaker("thing", classify=classify, clock=clock, starts_closed=True)
    with pytest.raises(Outage), breaker.guard():
        clock.advance(2.0)
        raise Outage
    assert (breaker.counts(), breaker.counts().calls) == (Counts(0, 1, 1), 1)


def test_the_rate_forgets_what_is_older_than_ten_seconds(clock: Clock) -> None:
    """Failures that are spread thin never add up."""
    breaker = Breaker("thing", classify=classify, policy=LENIENT, clock=clock, starts_closed=True)
    for _ in range(100):
        fail(breaker)
        clock.advance(2)
    assert breaker.closed
    assert breaker.counts() == Counts(failures=4)


def test_a_success_of_an_earlier_call_does_not_end_the_row(breaker: Breaker, clock: Clock) -> None:
    """What began before the first failure began says nothing against it; what began with it or later does."""
    slow_ones = [breaker.check() for _ in range(2)]
    clock.advance(1)
    fail(breaker, times=3)
    breaker.succeeded(slow_ones[0], clock.now - 0.001, clock.now)
    breaker.record(Outcome.SUCCESS, slow_ones[1], None, 1.0)
    assert (breaker.fail_counter, breaker.counts()) == (3, Counts(2, 3, 1))
    clock.advance(0.1)
    breaker.succeeded(breaker.check(), clock.now - 0.1, clock.now)
    assert breaker.fail_counter == 0
    fail(breaker)
    breaker.succeeded(breaker.check(), clock.now, clock.now)
    assert breaker.fail_counter == 0


def test_not_many_successes_are_passed_over(breaker: Breaker, clock: Clock) -> None:
    """As many as the row may be long: of many calls at once a few failures are not an outage. Each row begins anew."""
    clock.advance(1)
    for _ in range(2):
        fail(breaker, times=4)
        for _ in range(5):
            breaker.succeeded(breaker.check(), clock.now - 0.1, clock.now)
            assert breaker.fail_counter == 4
        breaker.succeeded(breaker.check(), clock.now - 0.1, clock.now)
        assert breaker.fail_counter == 0


def test_no_verdict_changes_nothing(breaker: Breaker, clock: Clock) -> None:
    """Errors that say nothing of the dependency are neither successes nor failures nor slow, and end no row."""
    fail(breaker, times=4)
    for _ in range(50):
        with pytest.raises(Mistake), breaker.guard():
            clock.advance(0.01)
            raise Mistake
    with pytest.raises(Mistake), breaker.guard():
        clock.advance(3.0)
        raise Mistake
    assert (breaker.fail_counter, breaker.counts()) == (4, Counts(failures=4))
    fail(breaker)
    assert breaker.current_state == OPEN


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt(), GeneratorExit()])
def test_ends_of_the_program_are_not_judged(error: BaseException) -> None:
    """Whatever is no `Exception` passes through and is not held against the dependency, even by the default judge."""
    breaker = Breaker("thing", starts_closed=True)
    for _ in range(20):
        with pytest.raises(type(error)):
            breaker.call(throw, error)
    assert breaker.closed
    assert breaker.counts() == Counts()


def test_a_row_may_be_shortened_in_operation(breaker: Breaker) -> None:
    """`fail_max` is pybreaker's name for it, and is obeyed by this process from the next failure on."""
    fail(breaker)
    breaker.fail_max = 2
    assert (breaker.closed, breaker.policy.consecutive) == (True, 2)
    fail(breaker)
    assert breaker.cause == "2 failures in a row"


def test_every_exception_counts_unless_a_judge_says_otherwise() -> None:
    """Without a judge any `Exception` is a failure, as in pybreaker."""
    breaker = Breaker("thing", starts_closed=True)
    fail(breaker, ValueError(), times=6)
    assert breaker.current_state == OPEN


def test_an_open_breaker_calls_nobody_and_says_how_long(breaker: Breaker, clock: Clock) -> None:
    """A rejected call is not made; its error is pybreaker's and names the breaker and the seconds left."""
    trip(breaker)
    clock.advance(0.1)
    made: list[int] = []
    with pytest.raises(pybreaker.CircuitBreakerError) as caught:
        breaker.call(made.append, 1)
    assert isinstance(caught.value, BreakerOpen)
    assert (made, caught.value.breaker, caught.value.retry_after) == ([], "thing", breaker.retry_after)
    assert 0.299 <= caught.value.retry_after <= 0.5
    assert str(caught.value) == "thing is not available"
    assert breaker.rejected == 1


def test_retry_after_is_true(breaker: Breaker, clock: Clock) -> None:
    """It counts down with the clock to the moment of the next probe, is 0 from then on and while closed."""
    assert breaker.retry_after == 0.0
    trip(breaker)
    at_first = breaker.retry_after
    clock.advance(at_first / 2)
    assert breaker.retry_after == pytest.approx(at_first / 2)
    clock.advance(at_first)
    assert breaker.retry_after == 0.0
    assert breaker.probe(nothing)
    assert breaker.retry_after == 0.0


def test_guarded_calls_run_at_the_same_time(breaker: Breaker) -> None:
    """Eight calls that each wait for all the others come to an end: no lock is held while they run."""
    barrier = threading.Barrier(THREADS)

    def meet(_: int) -> int:
        with breaker.guard():
            return barrier.wait(10)

    with ThreadPoolExecutor(THREADS) as pool:
        assert sorted(pool.map(meet, range(THREADS))) == list(range(THREADS))
    assert breaker.counts() == Counts(THREADS)


def test_a_hung_call_holds_up_nobody(breaker: Breaker) -> None:
    """While one call hangs, others are made and can open the breaker, and operators can act."""
    began, ends = threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        assert ends.wait(10)

    with ThreadPoolExecutor(1) as pool:
        hung = pool.submit(breaker.call, hang)
        assert began.wait(10)
        succeed(breaker)
        trip(breaker)
        assert breaker.current_state == OPEN
        breaker.close()
        assert breaker.closed
        ends.set()
        hung.result(10)


@pytest.mark.usefixtures("eager")
def test_no_verdict_is_lost_between_threads() -> None:
    """Counts are exact when many threads record at once."""
    breaker = Breaker("thing", clock=Clock(), starts_closed=True)

    def work(_: int) -> None:
        for _ in range(500):
            breaker.call(nothing)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    assert breaker.counts() == Counts(THREADS * 500)


def test_late_failures_of_an_earlier_generation_are_ignored(breaker: Breaker, clock: Clock) -> None:
    """Calls admitted before an outage do not open the breaker that has closed since."""
    generation = breaker.check()
    breaker.open()
    assert wait_out(breaker, clock).probe(nothing)
    for _ in range(20):
        breaker.record(Outcome.FAILURE, generation, Outage())
    assert (breaker.closed, breaker.fail_counter, breaker.counts()) == (True, 0, Counts())


@pytest.mark.parametrize("lasting", [0.0, 5.0], ids=["quick", "slow"])
def test_a_late_success_of_an_earlier_generation_is_ignored(breaker: Breaker, clock: Clock, lasting: float) -> None:
    """A call that took all the outage long to succeed ends no row of failures of today."""
    with breaker.guard():
        breaker.open()
        breaker.close()
        fail(breaker, times=4)
        clock.advance(lasting)
    assert (breaker.fail_counter, breaker.counts()) == (4, Counts(failures=4))
    fail(breaker)
    assert breaker.current_state == OPEN


def test_a_failure_that_is_overtaken_by_a_change_counts_in_no_row(clock: Clock) -> None:
    """Between its judgement and its counting somebody else may open and close: the new row begins at nothing."""
    overtaking: list[Callable[[], object]] = []

    def slow() -> float:
        steps, overtaking[:] = overtaking[:], []
        for step in steps:
            step()
        return clock()

    breaker = Breaker("thing", classify=classify, clock=slow, starts_closed=True)
    generation = breaker.check()
    overtaking += [breaker.open, breaker.close]
    breaker.record(Outcome.FAILURE, generation, Outage())
    assert (breaker.closed, breaker.fail_counter, breaker.counts()) == (True, 0, Counts())


def test_a_call_that_made_no_contact_records_nothing(breaker: Breaker) -> None:
    """A block that turned out not to need the dependency is no success; its failure still counts."""
    fail(breaker, times=4)
    with breaker.guard() as call:
        call.contacted = False
    assert (breaker.fail_counter, breaker.counts()) == (4, Counts(failures=4))
    with pytest.raises(Outage), breaker.guard() as call:
        call.contacted = False
        raise Outage
    assert breaker.current_state == OPEN


def test_counters_begin_anew_with_each_state(breaker: Breaker, clock: Clock) -> None:
    """What led to the opening does not weigh on the time after it, and each state has a number of its own."""
    succeed(breaker, 5)
    numbers = [breaker.generation]
    trip(breaker)
    numbers.append(breaker.generation)
    assert (breaker.fail_counter, breaker.counts()) == (0, Counts())
    assert wait_out(breaker, clock).probe(lambda: numbers.append(breaker.generation))
    numbers.append(breaker.generation)
    assert numbers == [0, 1, 2, 3]
    assert (breaker.fail_counter, breaker.counts()) == (0, Counts())
    fail(breaker, times=4)
    assert breaker.closed


def test_idle_is_the_time_since_the_last_judged_call(breaker: Breaker, clock: Clock) -> None:
    """Successes, failures and changes of state end idleness (to the second), calls without a verdict do not."""
    clock.advance(7)
    assert idle(breaker.engine) == 7
    fail(breaker, Mistake())
    assert idle(breaker.engine) == 7
    succeed(breaker)
    assert idle(breaker.engine) == 0
    clock.advance(3)
    fail(breaker)
    assert idle(breaker.engine) == 0
    clock.advance(3)
    assert idle(breaker.engine) == 3
    breaker.open()
    assert idle(breaker.engine) == 0


def test_a_clock_that_goes_back_is_harmless(breaker: Breaker, clock: Clock) -> None:
    """A closed breaker goes on admitting, counting and opening after a jump back."""
    succeed(breaker)
    clock.advance(-900)
    succeed(breaker, 3)
    assert (breaker.closed, breaker.counts()) == (True, Counts(3))  # the other is of the future
    trip(breaker)
    assert breaker.current_state == OPEN
    assert 0.399 <= breaker.retry_after <= 0.6
    clock.advance(breaker.retry_after)
    assert breaker.probe(nothing)
    assert breaker.closed


def test_the_clock_of_the_wall_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour's change of the time of day while open neither lengthens nor shortens the pause."""
    breaker = Breaker("thing", starts_closed=True, policy=Policy(open_first=2.0, open_most=2.0, jitter=0.0))
    breaker.open()
    real = time.time
    for change in (-3600, 3600):
        monkeypatch.setattr(time, "time", lambda change=change: real() + change)
        assert 1.0 < breaker.retry_after <= 2.0


def test_an_outage_lasts_until_calls_are_made_again(clock: Clock) -> None:
    """It began with the first opening, whatever became of the probes since; a breaker not yet tried is one as well."""
    breaker = Breaker("thing", classify=classify, clock=clock)
    assert breaker.down_since == clock.now
    clock.advance(5)
    assert breaker.probe(nothing)
    assert breaker.down_since is None
    trip(breaker)
    began = clock.now
    for _ in range(3):
        assert not wait_out(breaker, clock).probe(outage)
        assert breaker.down_since == began < clock.now
    breaker.force_open(reason="repair", actor="ann")
    assert breaker.down_since == began
    breaker.reset(reason="done", actor="ann")
    assert breaker.down_since is None


def test_while_a_probe_is_under_way_it_is_worth_asking_within_a_second(breaker: Breaker, clock: Clock) -> None:
    """A probe tells long before its lease ends; after a probe in vain the next one counts again."""
    trip(breaker)
    clock.advance(breaker.retry_after)
    promised: list[float] = []

    def attempt() -> None:
        promised.append(breaker.retry_after)
        raise ConnectionError

    assert not breaker.probe(attempt)
    assert promised == [1.0]
    assert breaker.retry_after > 0

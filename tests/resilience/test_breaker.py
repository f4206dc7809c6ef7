"""The breaker alone, with a clock of the test's."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pybreaker
import pytest

from rental_backend.resilience import CLOSED, HALF_OPEN, OPEN, Breaker, BreakerOpen, Policy, Verdict

from .clock import Clock

THREADS = 8
LENIENT = Policy(consecutive=1000)


class Outage(Exception):
    """What a dependency raises that is at fault."""


class Mistake(Exception):
    """What a dependency raises that is not at fault."""


def judge(error: BaseException) -> Verdict:
    """Hold an outage against the dependency, and nothing else."""
    return Verdict.FAILURE if isinstance(error, Outage) else Verdict.NONE


class Diary(pybreaker.CircuitBreakerListener):
    """A listener of pybreaker's that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def before_call(self, cb: pybreaker.CircuitBreaker, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Note a call that is about to be made."""
        self.told.append(("before", cb.name, func, args, kwargs))

    def failure(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        """Note a failure."""
        self.told.append(("failure", cb.name, type(exc)))

    def success(self, cb: pybreaker.CircuitBreaker) -> None:
        """Note a success."""
        self.told.append(("success", cb.name))

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        """Note a change of state."""
        self.told.append(("state", cb.name, old_state.name, new_state.name))


class Grumbler(pybreaker.CircuitBreakerListener):
    """A listener that raises whatever it is told."""

    def success(self, cb: pybreaker.CircuitBreaker) -> None:
        """Raise."""
        raise RuntimeError(cb.name)

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        """Raise."""
        raise RuntimeError(cb.name, old_state, new_state)


@pytest.fixture
def clock() -> Clock:
    """The breaker's clock."""
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """A closed breaker with the default policy."""
    return Breaker("thing", judge=judge, clock=clock, starts_closed=True)


@pytest.fixture
def eager() -> Iterator[None]:
    """Have threads take turns as often as they can, so that races show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def succeed(breaker: Breaker, times: int = 1) -> None:
    """Make calls that succeed."""
    for _ in range(times):
        assert breaker.call(lambda: "fine") == "fine"


def fail(breaker: Breaker, error: BaseException | None = None, times: int = 1) -> None:
    """Make calls that raise, an outage unless said otherwise."""
    error = error or Outage()
    for _ in range(times):
        with pytest.raises(type(error)), breaker.guard():
            raise error


def outage() -> None:
    """Be a probe that finds the dependency down."""
    raise Outage


def nothing() -> None:
    """Be a probe that finds the dependency up."""


def test_a_breaker_starts_open_with_its_first_probe_due() -> None:
    """Nobody is admitted before the dependency was seen alive, and nothing delays looking."""
    breaker = Breaker("thing")
    assert (breaker.current_state, breaker.closed, breaker.retry_after, breaker.cause) == (OPEN, False, 0.0, "starting")
    with pytest.raises(BreakerOpen):
        breaker.check()


def test_it_opens_by_failures_in_a_row(breaker: Breaker) -> None:
    """The third consecutive failure opens it, no earlier one does, and the caller gets the original error."""
    fail(breaker, times=2)
    assert breaker.closed
    fail(breaker)
    assert (breaker.current_state, breaker.cause) == (OPEN, "3 failures in a row")


def test_a_success_ends_a_row_of_failures(breaker: Breaker) -> None:
    """Two failures, a success and two failures are no row of three."""
    for _ in range(2):
        fail(breaker, times=2)
        succeed(breaker)
    assert breaker.closed
    assert breaker.fail_counter == 0


def test_it_opens_by_rate_when_there_are_enough_calls(clock: Clock) -> None:
    """Half of at least ten calls failing opens it although no two failures follow each other."""
    breaker = Breaker("thing", judge=judge, policy=LENIENT, clock=clock, starts_closed=True)
    for _ in range(4):
        succeed(breaker)
        fail(breaker)
    succeed(breaker)
    assert breaker.closed
    fail(breaker)
    assert (breaker.current_state, breaker.cause) == (OPEN, "5 of 10 calls failed")


def test_too_few_calls_have_no_rate(clock: Clock) -> None:
    """Nine failures of nine are not judged by rate where ten calls are the least."""
    breaker = Breaker("thing", judge=judge, policy=LENIENT, clock=clock, starts_closed=True)
    fail(breaker, times=9)
    assert breaker.closed
    fail(breaker)
    assert breaker.cause == "10 of 10 calls failed"


def test_a_rate_below_the_limit_keeps_it_closed(clock: Clock) -> None:
    """A third of the calls failing, for as long as one likes, opens nothing."""
    breaker = Breaker("thing", judge=judge, policy=LENIENT, clock=clock, starts_closed=True)
    for _ in range(300):
        succeed(breaker, 2)
        fail(breaker)
        clock.advance(0.05)
    assert breaker.closed


def test_the_rate_forgets_what_is_older_than_ten_seconds(clock: Clock) -> None:
    """Failures that are spread thin never add up."""
    breaker = Breaker("thing", judge=judge, policy=LENIENT, clock=clock, starts_closed=True)
    for _ in range(100):
        fail(breaker)
        clock.advance(2)
    assert breaker.closed
    assert breaker.counts() == (0, 4)


def test_no_verdict_changes_nothing(breaker: Breaker) -> None:
    """Errors that say nothing of the dependency are neither successes nor failures, and end no row."""
    fail(breaker, times=2)
    before = (breaker.fail_counter, breaker.counts(), breaker.idle)
    fail(breaker, Mistake(), times=50)
    assert (breaker.fail_counter, breaker.counts(), breaker.idle) == before == (2, (0, 2), 0.0)
    fail(breaker)
    assert breaker.current_state == OPEN


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt(), GeneratorExit()])
def test_ends_of_the_program_are_not_judged(error: BaseException) -> None:
    """Whatever is no `Exception` passes through and is not held against the dependency, even by the default judge."""
    breaker = Breaker("thing", starts_closed=True)
    for _ in range(20):
        with pytest.raises(type(error)):
            breaker.call(_raise, error)
    assert breaker.closed
    assert breaker.counts() == (0, 0)


def _raise(error: BaseException) -> None:
    raise error


def test_every_exception_counts_unless_a_judge_says_otherwise() -> None:
    """Without a judge any `Exception` is a failure, as in pybreaker."""
    breaker = Breaker("thing", starts_closed=True)
    fail(breaker, ValueError(), times=3)
    assert breaker.current_state == OPEN


def test_an_open_breaker_calls_nobody_and_says_how_long(breaker: Breaker, clock: Clock) -> None:
    """A rejected call is not made; its error is pybreaker's and names the breaker and the seconds left."""
    fail(breaker, times=3)
    clock.advance(0.1)
    made: list[int] = []
    with pytest.raises(pybreaker.CircuitBreakerError) as caught:
        breaker.call(made.append, 1)
    assert isinstance(caught.value, BreakerOpen)
    assert (made, caught.value.breaker, caught.value.retry_after) == ([], "thing", breaker.retry_after)
    assert 0.3 <= caught.value.retry_after <= 0.5
    assert breaker.rejected == 1


def test_retry_after_is_true(breaker: Breaker, clock: Clock) -> None:
    """It counts down with the clock to the moment of the next probe, is 0 from then on and while closed."""
    assert breaker.retry_after == 0.0
    fail(breaker, times=3)
    at_first = breaker.retry_after
    clock.advance(at_first / 2)
    assert breaker.retry_after == pytest.approx(at_first / 2)
    clock.advance(at_first)
    assert breaker.retry_after == 0.0
    assert breaker.probe(nothing)
    assert breaker.retry_after == 0.0


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
    assert all(0.8 - 1e-9 <= part <= 1.2 + 1e-9 for part in parts)
    assert len(set(parts)) > 1


def test_open_time_begins_anew_after_closing(clock: Clock) -> None:
    """An outage that ended has no part in the length of the next one's pauses."""
    breaker = Breaker("thing", policy=Policy(open_first=1.0, jitter=0.0), clock=clock, starts_closed=True)
    breaker.open()
    for _ in range(4):
        breaker.probe(outage)
    assert breaker.retry_after == 3.0
    assert breaker.probe(nothing)
    breaker.open()
    assert breaker.retry_after == 1.0


def test_an_outage_of_days_ends_as_one_of_seconds(breaker: Breaker, clock: Clock) -> None:
    """The doubling never outgrows what a float holds, so that no number of failed probes keeps it from closing."""
    breaker.open()
    for _ in range(3000):
        clock.advance(breaker.retry_after)
        assert not breaker.probe(outage)
        assert breaker.retry_after <= 3.6
    assert breaker.probe(nothing)
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
    assert (seen, breaker.current_state) == ([(HALF_OPEN, 0.0)], CLOSED)


def test_a_failed_probe_opens_again(breaker: Breaker) -> None:
    """The outcome of the probe alone decides; any error of it means no."""
    breaker.open()
    assert not breaker.probe(outage)
    assert (breaker.current_state, breaker.cause) == (OPEN, "the probe failed")
    assert not breaker.probe(lambda: _raise(Mistake()))
    assert breaker.current_state == OPEN


def test_a_probe_that_is_ended_does_not_leave_it_half_open(breaker: Breaker) -> None:
    """When the program ends the probing thread the breaker is open again, for whoever probes next."""
    breaker.open()
    with pytest.raises(SystemExit):
        breaker.probe(lambda: _raise(SystemExit()))
    assert breaker.current_state == OPEN
    assert breaker.probe(nothing)


def test_a_closed_breaker_is_not_probed(breaker: Breaker) -> None:
    """`probe` makes no call unless the breaker is open."""
    made: list[int] = []
    assert not breaker.probe(lambda: made.append(1))
    assert (made, breaker.current_state) == ([], CLOSED)


@pytest.mark.usefixtures("eager")
def test_of_many_threads_exactly_one_probes() -> None:
    """However many try at the same moment, one call is made in each round and the breaker closes once."""
    breaker = Breaker("thing")
    barrier = threading.Barrier(THREADS)
    made: list[int] = []

    def compete(_: int) -> bool:
        barrier.wait(10)
        return breaker.probe(lambda: made.append(1))

    with ThreadPoolExecutor(THREADS) as pool:
        for turn in range(1, 201):
            breaker.open()
            won = list(pool.map(compete, range(THREADS)))
            assert (len(made), won.count(True), breaker.current_state) == (turn, 1, CLOSED)


def test_while_one_probe_hangs_no_other_is_made(breaker: Breaker) -> None:
    """A second probe is refused at once as long as the first has not come back."""
    breaker.open()
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


def test_what_a_probe_finds_is_ignored_when_somebody_else_decided(breaker: Breaker) -> None:
    """An operator who opens or closes during a probe is not overruled by its outcome."""
    breaker.open()

    def open_and_succeed() -> None:
        breaker.open()

    assert not breaker.probe(open_and_succeed)
    assert (breaker.current_state, breaker.cause) == (OPEN, "opened by hand")

    def close_and_fail() -> None:
        breaker.close()
        raise Outage

    assert not breaker.probe(close_and_fail)
    assert (breaker.current_state, breaker.cause) == (CLOSED, "closed by hand")


def test_guarded_calls_run_at_the_same_time(breaker: Breaker) -> None:
    """Eight calls that each wait for all the others come to an end: no lock is held while they run."""
    barrier = threading.Barrier(THREADS)

    def meet(_: int) -> int:
        with breaker.guard():
            return barrier.wait(10)

    with ThreadPoolExecutor(THREADS) as pool:
        assert sorted(pool.map(meet, range(THREADS))) == list(range(THREADS))
    assert breaker.counts() == (THREADS, 0)


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
        fail(breaker, times=3)
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
    assert breaker.counts() == (THREADS * 500, 0)


def test_late_failures_of_an_earlier_generation_are_ignored(breaker: Breaker) -> None:
    """Calls admitted before an outage do not open the breaker that has closed since."""
    generation = breaker.check()
    breaker.open()
    assert breaker.probe(nothing)
    for _ in range(20):
        breaker.record(Verdict.FAILURE, generation, Outage())
    assert (breaker.closed, breaker.fail_counter, breaker.counts()) == (True, 0, (0, 0))


def test_a_late_success_of_an_earlier_generation_is_ignored(breaker: Breaker) -> None:
    """A call that took all the outage long to succeed ends no row of failures of today."""
    with breaker.guard():
        breaker.open()
        breaker.close()
        fail(breaker, times=2)
    assert breaker.fail_counter == 2
    fail(breaker)
    assert breaker.current_state == OPEN


def test_a_call_that_made_no_contact_records_nothing(breaker: Breaker) -> None:
    """A block that turned out not to need the dependency is no success; its failure still counts."""
    fail(breaker, times=2)
    with breaker.guard() as call:
        call.contacted = False
    assert (breaker.fail_counter, breaker.counts()) == (2, (0, 2))
    with pytest.raises(Outage), breaker.guard() as call:
        call.contacted = False
        raise Outage
    assert breaker.current_state == OPEN


def test_counters_begin_anew_with_each_state(breaker: Breaker) -> None:
    """What led to the opening does not weigh on the time after it."""
    succeed(breaker, 5)
    fail(breaker, times=3)
    assert breaker.probe(nothing)
    assert (breaker.fail_counter, breaker.counts()) == (0, (0, 0))
    fail(breaker, times=2)
    assert breaker.closed


def test_idle_is_the_time_since_the_last_judged_call(breaker: Breaker, clock: Clock) -> None:
    """Successes and failures end idleness, calls without a verdict do not."""
    clock.advance(7)
    assert breaker.idle == 7
    fail(breaker, Mistake())
    assert breaker.idle == 7
    succeed(breaker)
    assert breaker.idle == 0


def test_events_say_what_happened(breaker: Breaker, clock: Clock) -> None:
    """Every change of state is kept with its cause, the class of the error, the process and both clocks."""
    fail(breaker, times=3)
    clock.advance(1)
    breaker.probe(outage)
    breaker.probe(nothing)
    assert [(e.before, e.after, e.cause, e.error) for e in breaker.events] == [
        (CLOSED, OPEN, "3 failures in a row", "Outage"),
        (OPEN, HALF_OPEN, "probing", None),
        (HALF_OPEN, OPEN, "the probe failed", "Outage"),
        (OPEN, HALF_OPEN, "probing", None),
        (HALF_OPEN, CLOSED, "the probe succeeded", None),
    ]
    assert {(e.breaker, e.worker) for e in breaker.events} == {("thing", os.getpid())}
    assert [e.monotonic for e in breaker.events] == [1000, 1001, 1001, 1001, 1001]
    assert all(abs((datetime.now(UTC) - e.at).total_seconds()) < 60 for e in breaker.events)
    assert breaker.since == 1001


def test_events_are_bounded(breaker: Breaker) -> None:
    """The newest two hundred changes are kept."""
    for _ in range(150):
        breaker.open()
        breaker.close()
    assert len(breaker.events) == 200


def test_a_state_entered_twice_is_one_event(breaker: Breaker) -> None:
    """Opening an open breaker changes nothing, not even when it is next probed."""
    breaker.open()
    before = breaker.retry_after
    breaker.open()
    assert (len(breaker.events), breaker.retry_after) == (1, before)


def test_listeners_of_pybreaker_are_told_everything(breaker: Breaker) -> None:
    """A listener hears of calls, successes, failures and changes of state, in the order in which they happen."""
    diary = Diary()
    breaker.add_listener(diary)
    assert breaker.call(max, 3, 7) == 7
    with breaker.calling():
        pass
    fail(breaker, Mistake())
    fail(breaker, times=3)
    breaker.probe(nothing)
    assert diary.told == [
        ("before", "thing", max, (3, 7), {}),
        ("success", "thing"),
        ("success", "thing"),
        *[("failure", "thing", Outage)] * 3,
        ("state", "thing", CLOSED, OPEN),
        ("state", "thing", OPEN, HALF_OPEN),
        ("state", "thing", HALF_OPEN, CLOSED),
    ]


def test_a_listener_that_was_removed_hears_nothing(breaker: Breaker) -> None:
    """Listeners come and go by pybreaker's methods."""
    diary = Diary()
    breaker.add_listeners(diary)
    breaker.remove_listener(diary)
    breaker.open()
    assert (diary.told, breaker.listeners) == ([], ())


def test_a_listener_that_raises_harms_nobody(breaker: Breaker) -> None:
    """Its faults are counted; the call, the change of state and the other listeners are as without it."""
    diary = Diary()
    breaker.add_listeners(Grumbler(), diary)
    succeed(breaker)
    fail(breaker, times=3)
    assert (breaker.current_state, breaker.listener_faults) == (OPEN, 2)
    assert diary.told[-1] == ("state", "thing", CLOSED, OPEN)
    assert ("success", "thing") in diary.told


def test_a_listener_may_ask_and_act_upon_the_breaker(breaker: Breaker) -> None:
    """A listener is told outside any lock: another thread of it can use the breaker before it returns."""
    counts: list[tuple[int, int]] = []

    class Asker(pybreaker.CircuitBreakerListener):
        def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:  # noqa: ARG002
            with ThreadPoolExecutor(1) as pool:
                counts.append(pool.submit(breaker.counts).result(10))

    breaker.add_listener(Asker())
    breaker.open()
    assert (counts, breaker.listener_faults) == ([(0, 0)], 0)


def test_it_is_used_as_pybreaker_is(breaker: Breaker) -> None:
    """Decorating, calling, `with calling()`, and what an operator reads and does work as pybreaker's manual says."""

    @breaker
    def double(number: int, *, plus: int = 0) -> int:
        """Double it."""
        return 2 * number + plus

    assert (double(4, plus=1), double.__name__, double.__doc__) == (9, "double", "Double it.")
    with pytest.raises(Outage), breaker.calling():
        raise Outage
    assert (breaker.name, breaker.fail_counter, breaker.fail_max) == ("thing", 1, 3)
    assert breaker.open() is True
    assert (breaker.current_state, breaker.state.name) == ("open", "open")
    with pytest.raises(pybreaker.CircuitBreakerError):
        double(1)
    breaker.close()
    assert (breaker.current_state, breaker.state.name, breaker.fail_counter) == ("closed", "closed", 0)
    breaker.fail_max = 1
    fail(breaker)
    assert breaker.current_state == OPEN


def test_reading_the_state_tells_no_listener(breaker: Breaker) -> None:
    """A listener hears of each change once, also when somebody reads `state` meanwhile."""
    told: list[str] = []

    class Reader(pybreaker.CircuitBreakerListener):
        def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:  # noqa: ARG002
            told.append(cb.state.name)

    breaker.add_listener(Reader())
    breaker.open()
    assert breaker.state.name == OPEN
    assert told == [OPEN]


def test_half_open_by_hand_makes_the_probe_due_but_admits_nobody(breaker: Breaker) -> None:
    """An operator cannot let users in to find out; he can have the prober look at once."""
    breaker.open()
    breaker.half_open()
    assert (breaker.current_state, breaker.retry_after) == (OPEN, 0.0)


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


def test_a_clock_that_goes_back_is_harmless(breaker: Breaker, clock: Clock) -> None:
    """A closed breaker goes on admitting, counting and opening after a jump back."""
    succeed(breaker)
    clock.advance(-900)
    succeed(breaker, 3)
    assert (breaker.closed, breaker.counts()) == (True, (4, 0))
    fail(breaker, times=3)
    assert breaker.current_state == OPEN
    assert 0.4 <= breaker.retry_after <= 0.6
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

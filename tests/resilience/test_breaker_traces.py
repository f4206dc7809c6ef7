"""Twelve courses that a dependency may take: every true outage opens the breaker soon, and nothing else ever does."""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from rental_backend.resilience import Breaker, Outcome, Policy, Transition
from rental_backend.resilience import events as ring

from .clock import Clock

POLICY = Policy()
SOON = POLICY.minimum_calls + 5  # calls within which an outage must open it
Course = Iterator[str]  # of calls: f-ails, s-ucceeds, l-asts too long, says n-othing


class Failed(Exception):
    """What the dependency raises."""


class Mistake(Exception):
    """What is raised for the caller's fault."""


def classify(error: BaseException) -> Outcome:
    """Hold a failure against the dependency, and nothing else."""
    return Outcome.FAILURE if isinstance(error, Failed) else Outcome.NONE


def make(clock: Clock) -> Breaker:
    """Make a closed breaker with the default policy and no jitter."""
    return Breaker("thing", policy=POLICY, clock=clock, classify=classify, jitter=lambda: 1.0, starts_closed=True)


def drive(breaker: Breaker, clock: Clock, course: Course, *, apart: float = 0.01) -> int | None:
    """Make calls with that many seconds between them; return the number of the one that opened it, if any did."""
    for number, kind in enumerate(course, 1):
        if kind == "l":  # others are under way at the same time, so that time hardly passes
            breaker.record(Outcome.SUCCESS, breaker.check(), None, POLICY.slow_seconds)
        else:
            with suppress(Failed, Mistake), breaker.guard():
                if kind in "fn":
                    raise Failed if kind == "f" else Mistake
        if not breaker.closed:
            return number
        clock.advance(apart)
    return None


def spread_evenly(share: float, calls: int) -> Course:
    """Fail that share of the calls, at equal distances."""
    return ("f" if int((n + 1) * share) > int(n * share) else "s" for n in range(calls))


@pytest.mark.parametrize(
    ("pattern", "apart", "opens"),
    [
        pytest.param("f", 0.01, 6, id="100 % errors"),
        pytest.param("ffffs", 0.01, 21, id="80 % errors"),
        pytest.param("sf", 0.01, 20, id="50 % errors"),
        pytest.param("l", 0.01, 20, id="slow only"),
        pytest.param("nf", 0.01, 12, id="excluded errors among failures"),
        pytest.param("nnnsf", 0.01, 50, id="excluded errors among 50 % errors"),
        pytest.param("f", 3.0, 6, id="low traffic"),
    ],
)
def test_an_outage_opens_it_soon(pattern: str, apart: float, opens: int) -> None:
    """It opens at the very call that the policy says, counted without those that say nothing, and within the bar."""
    clock = Clock()
    breaker = make(clock)
    assert drive(breaker, clock, itertools.islice(itertools.cycle(pattern), 1000), apart=apart) == opens
    judged = opens * (len(pattern) - pattern.count("n")) // len(pattern)
    assert judged <= SOON
    assert [event.after for event in breaker.events] == ["open"]


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_an_outage_at_random_opens_it_as_soon(share: float, seed: int) -> None:
    """Whatever their order, it opens by failures in a row, or else at the first failure when there are calls enough."""
    clock, dice = Clock(), random.Random(seed)
    rates = [int(share * 10)] * 100
    course = [kind for rate in rates for kind in dice.sample("f" * rate + "s" * (10 - rate), 10)]
    opened = drive(make(clock), clock, iter(course))
    row = "".join(course).find("f" * POLICY.consecutive) + POLICY.consecutive
    enough = course.index("f", POLICY.minimum_calls - 1) + 1
    assert opened == (min(row, enough) if row >= POLICY.consecutive else enough)


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize("apart", [0.001, 0.1, 3.0])
def test_what_is_no_outage_opens_nothing(share: float, apart: float) -> None:
    """A fifth of the calls failing, at any traffic, keeps it closed."""
    clock = Clock()
    breaker = make(clock)
    assert drive(breaker, clock, spread_evenly(share, 5000), apart=apart) is None
    assert breaker.events == ()


def test_errors_that_say_nothing_open_nothing() -> None:
    """Ten thousand of the callers' mistakes are neither failures nor successes."""
    clock = Clock()
    breaker = make(clock)
    assert drive(breaker, clock, itertools.repeat("n", 10_000)) is None
    assert breaker.counts().calls == 0


def test_an_oscillating_dependency_is_left_alone_while_it_is_down() -> None:
    """Up and down for 4 s each: in every time down few calls reach it, and in every time up they do again."""
    clock = Clock(1000.0)
    breaker = make(clock)
    reached = {"up": 0, "down": 0}
    for _ in range(8 * 20 * 100):
        phase = "down" if int(clock.now) // 4 % 2 else "up"
        breaker.probe(lambda phase=phase: _raise() if phase == "down" else None)  # refused unless it is due
        if breaker.closed:
            reached[phase] += 1
            with suppress(Failed), breaker.guard():
                _raise() if phase == "down" else None
        clock.advance(0.01)
    opened = [event for event in breaker.events if event.before == "closed"]
    assert len(opened) == 20
    assert all(int(event.monotonic) // 4 % 2 for event in opened)
    assert reached["down"] == 20 * POLICY.consecutive
    assert reached["up"] >= 20 * 100 * (4 - POLICY.open_most)


def _raise() -> None:
    raise Failed


def test_noise_opens_nothing() -> None:
    """Not once in a million calls of which 1 % fail at random."""
    clock, dice = Clock(), random.Random(3)
    breaker = make(clock)
    failed = Failed()
    draw, record, check, succeeded = dice.random, breaker.record, breaker.check, breaker.succeeded
    failures = 0
    for number in range(1_000_000):
        if not number % 1000:
            clock.now += 1.0
        generation = check()
        if draw() < 0.01:
            failures += 1
            record(Outcome.FAILURE, generation, failed)
        else:
            succeeded(generation, clock.now, clock.now)
    assert 9_000 < failures < 11_000
    assert (breaker.events, breaker.counts().calls) == ((), 10_000)


def _story() -> tuple[list[tuple[str, str, float]], list[datetime]]:
    """Return the transitions of an outage with failed probes and a recovery, and their times of day."""
    clock = Clock()
    breaker = make(clock)
    drive(breaker, clock, spread_evenly(0.2, 100))
    drive(breaker, clock, itertools.repeat("f", 10))
    for _ in range(3):
        clock.advance(breaker.retry_after)
        assert not breaker.probe(_raise)
    breaker.force_closed(reason="busy", actor="op", ttl=30)
    clock.advance(29)
    assert drive(breaker, clock, itertools.repeat("f", 10)) is None
    clock.advance(1)
    assert drive(breaker, clock, itertools.repeat("l", 30)) == 20
    clock.advance(breaker.retry_after)
    assert breaker.probe(lambda: None)
    events: tuple[Transition, ...] = breaker.events
    return [(event.before, event.after, event.monotonic) for event in events], [event.at for event in events]


@pytest.mark.parametrize("hours", [1, -1])
def test_the_time_of_day_plays_no_part(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """A wall clock that is an hour further at every look changes nothing but the date of the events."""
    expected, _ = _story()
    looks = itertools.count()
    real: Callable[[], float] = time.time

    class Set(datetime):
        """A time of day that somebody keeps setting."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Set":
            """Return the time of day, another hour away."""
            return cls.fromtimestamp(real(), tz) + timedelta(hours=hours * next(looks))  # type: ignore[return-value]

    monkeypatch.setattr(ring, "datetime", Set)
    monkeypatch.setattr(time, "time", lambda: real() + 3600 * hours * next(looks))
    found, dates = _story()
    assert found == expected
    assert abs(dates[-1] - datetime.now(UTC)) > timedelta(hours=5)
    assert len(expected) == 12

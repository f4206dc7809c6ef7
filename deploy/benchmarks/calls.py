"""What breakers cost in one process: a call, a refusal, threads that wait, a trial call that hangs, noise."""

import contextlib
import gc
import random
import statistics
import threading
import time
import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from deploy.benchmarks.contenders import (
    MAKERS,
    Contender,
    Function,
    circuitbreaker,
    fail,
    interlock,
    nothing,
    ours,
    theirs,
    theirs_unlocked,
)
from deploy.benchmarks.report import Bar, Table, quantile

ROUNDS, TIMES = 11, 40_000
THREADS, WAITS, WAIT, WAIT_ROUNDS = 8, 20, 0.010, 5
HANG, BYSTANDERS, PAUSE, HANG_ROUNDS = 1.0, 4, 0.002, 2
NOISE, NOISY_CALLS, PER_SECOND = 0.01, 1_000_000, (2, 100)
COLUMNS = ("ns", "least ns", "x pybreaker")
REFUSED = "try: call(nothing)\nexcept refusal: pass"


@dataclass(frozen=True)
class Statement:
    """A line of Python to be timed, and what its names stand for."""

    name: str
    code: str
    names: dict[str, object] = field(default_factory=dict)

    def nanoseconds(self) -> float:
        """Return the processor time of running it once, the garbage collector on as in life."""
        timer = timeit.Timer(self.code, gc.enable, time.process_time, {**self.names, "nothing": nothing})
        return timer.timeit(TIMES) / TIMES * 1e9


class Timing(NamedTuple):
    """Nanoseconds of a statement over the rounds, and its ratio to another one's in the same round."""

    median: float
    least: float
    ratio: float


def closed() -> Table:
    """Time a guarded call of nothing."""
    table = Table("Guarded call of a no-op, closed", COLUMNS)
    breaker, other, third = ours().breaker, circuitbreaker().breaker, interlock()
    by_count, classic = interlock(by_count=True), theirs().breaker
    timed = _timed(table, "pybreaker.call", [
        Statement("bare call", "nothing()"),
        Statement("pybreaker.call", "call(nothing)", {"call": classic.call}),
        Statement("pybreaker.calling", "with calling(): nothing()", {"calling": classic.calling}),
        Statement("circuitbreaker, decorated", "decorated()", {"decorated": other.decorate(nothing)}),
        Statement(f"{third.name}, call_sync", "call(nothing)", {"call": third.call}),
        Statement(f"{by_count.name}, call_sync", "call(nothing)", {"call": by_count.call}),
        Statement("ours.call", "call(nothing)", {"call": breaker.call}),
        Statement("ours.guard", "with guard(): nothing()", {"guard": breaker.guard}),
    ])  # fmt: skip
    for way in ("ours.call", "ours.guard"):
        table.bars.append(Bar(f"closed guarded call, {way} over pybreaker.call", timed[way].ratio, 1.0, "x"))
    return table


def refused() -> Table:
    """Time a call that is refused."""
    table = Table("Refusal, open", COLUMNS)
    made = [make() for make in MAKERS]
    for each in made:
        each.trip(2 * 20)
    breaker, refusal = made[-1].breaker, made[-1].refusal
    statements = [Statement(_plain(each), REFUSED, {"call": each.call, "refusal": each.refusal}) for each in made]
    guarded = "try:\n with guard(): pass\nexcept refusal: pass"
    statements += [
        Statement("ours.guard", guarded, {"guard": breaker.guard, "refusal": refusal}),
        Statement("ours.check", "try: check()\nexcept refusal: pass", {"check": breaker.check, "refusal": refusal}),
    ]
    timed = _timed(table, "pybreaker", statements)
    table.bars.append(Bar("refusal, ours.call", timed["ours"].median, 1000, " ns"))
    return table


def state() -> Table:
    """Time reading the state."""
    table = Table("Reading the state", COLUMNS)
    breaker = ours().breaker
    _timed(table, "pybreaker.current_state", [
        Statement("pybreaker.current_state", "breaker.current_state", {"breaker": theirs().breaker}),
        Statement("circuitbreaker.state", "breaker.state", {"breaker": circuitbreaker().breaker}),
        Statement("interlock-cb.state", "breaker.state", {"breaker": interlock().breaker}),
        Statement("ours.closed", "breaker.closed", {"breaker": breaker}),
        Statement("ours.current_state", "breaker.current_state", {"breaker": breaker}),
    ])  # fmt: skip
    return table


def _plain(contender: Contender) -> str:
    return contender.name.partition(",")[0]


def _timed(table: Table, base: str, statements: Sequence[Statement]) -> dict[str, Timing]:
    """Time them in turns and add a row for each; the ratios are to `base`, taken round by round."""
    figures: dict[str, list[float]] = {each.name: [] for each in statements}
    for number in range(ROUNDS + 1):
        for each in statements:
            found = each.nanoseconds()
            if number:  # the first round warms up
                figures[each.name].append(found)
    timings = {
        name: Timing(statistics.median(values), min(values), _ratio(values, figures[base]))
        for name, values in figures.items()
    }
    for name, timing in timings.items():
        table.add(name, f"{timing.median:.0f}", f"{timing.least:.0f}", f"{timing.ratio:.2f}")
    return timings


def _ratio(values: Sequence[float], base: Sequence[float]) -> float:
    return statistics.median(value / other for value, other in zip(values, base, strict=True))


def waiting() -> Table:
    """Time threads that wait inside their guarded calls."""
    table = Table(
        f"{THREADS} threads, each {WAITS} waits of {WAIT * 1000:.0f} ms through one breaker", ("ms", "x bare")
    )
    ways: dict[str, Callable[[Function], object]] = {"bare": lambda function: function()}
    ways |= {made.name: made.call for made in (make() for make in (theirs, theirs_unlocked, *MAKERS[1:]))}
    figures: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(WAIT_ROUNDS):
        for name, call in ways.items():
            figures[name].append(_wall(call))
    for name, values in figures.items():
        table.add(name, f"{statistics.median(values) * 1000:.1f}", f"{_ratio(values, figures['bare']):.3f}")
    ratio = _ratio(figures["ours"], figures["bare"])
    table.bars.append(Bar("8 threads that wait 10 ms, wall time over bare", ratio, 1.05, "x"))
    return table


def _wall(call: Callable[[Function], object]) -> float:
    def work() -> None:
        for _ in range(WAITS):
            call(lambda: time.sleep(WAIT))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def hanging() -> Table:
    """Time the calls of bystanders while a trial call hangs."""
    table = Table(
        f"{BYSTANDERS} bystanders while a trial call hangs for {HANG:.0f} s", ("p50 ms", "p99 ms", "let through")
    )
    for make in (theirs, theirs_unlocked, *MAKERS[1:]):
        took: list[float] = []
        through = 0
        for _ in range(HANG_ROUNDS):
            contender = make(opens=0.001)
            more, passed = _bystanders(contender)
            took += more
            through += passed
        p50, p99 = (quantile(took, share) * 1000 for share in (0.5, 0.99))
        table.add(contender.name, f"{p50:.3f}", f"{p99:.3f}", f"{through} of {len(took)}")
    table.bars.append(Bar("bystanders of a hanging probe, p99", p99, 1.0, " ms"))
    return table


def _bystanders(contender: Contender) -> tuple[list[float], int]:
    """Return the seconds that each call took, and how many were let through."""
    contender.trip(40)
    time.sleep(0.02)  # now a trial call is due
    begun, over = threading.Event(), threading.Event()
    took: list[float] = []
    passed: list[int] = []

    def hang() -> None:
        begun.set()
        time.sleep(HANG)
        over.set()

    def stand_by() -> None:
        while not over.is_set():
            began = time.perf_counter()
            with contextlib.suppress(contender.refusal):
                contender.call(lambda: None if over.is_set() else passed.append(1))
            took.append(time.perf_counter() - began)
            time.sleep(PAUSE)

    probe = threading.Thread(target=contender.trial, args=(hang,))
    threads = [threading.Thread(target=stand_by) for _ in range(BYSTANDERS)]
    probe.start()
    begun.wait(HANG)
    for thread in threads:
        thread.start()
    for thread in (probe, *threads):
        thread.join()
    return took, len(passed)


def noise() -> Table:
    """Count the times a breaker opens though only 1 % of the calls fail, by an injected clock."""
    columns = tuple(f"{rate} calls/s" for rate in PER_SECOND)
    table = Table(f"Opens in {NOISY_CALLS:,} calls of which {NOISE:.0%} fail", columns)
    for make in MAKERS:
        opens = [_opens(make, rate) for rate in PER_SECOND]
        table.add(make().name, *(str(each) for each in opens))
    table.bars.append(Bar(f"opens in {NOISY_CALLS:,} calls at {NOISE:.0%} noise", sum(opens), 0))
    return table


def _opens(make: Callable[..., Contender], rate: int) -> int:
    now = 1000.0
    contender = make(clock=lambda: now)
    chance, opens = random.Random(rate), 0  # noqa: S311 - the same noise for everyone
    for _ in range(NOISY_CALLS):
        now += 1 / rate
        try:
            contender.call(fail if chance.random() < NOISE else nothing)
        except ConnectionError:
            continue
        except contender.refusal:
            opens += 1
            contender.close()
    return opens

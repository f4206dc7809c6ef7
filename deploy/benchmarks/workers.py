"""What breakers do over several processes: who makes the trial call, who hears of a trip, how many calls still fail."""

import contextlib
import math
import multiprocessing
import queue
import random
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from deploy.benchmarks.contenders import (
    FAILURES,
    MINIMUM,
    Contender,
    Function,
    circuitbreaker,
    interlock,
    ours,
    theirs,
    theirs_unlocked,
)
from deploy.benchmarks.report import Bar, Table, quantile

FORK = multiprocessing.get_context("fork")
PROCESSES, THREADS, LONGEST = 4, 8, 120.0
RACES, FEW_RACES, HOLD = 50, 5, 0.15
TRIPS, FEW_TRIPS, LOOK, UNHEARD = 250, 3, 0.0002, 0.5
DEATHS, FEW_DEATHS, ANSWER, ALIVE = 200, 20, 0.0002, 0.02


def trials() -> Table:
    """Count the trial calls when threads of several processes find the breaker due for one, all at the same moment."""
    title = f"Trial calls let through, {PROCESSES} processes x {THREADS} threads at a barrier"
    table = Table(title, ("least", "most", "rounds"))
    for make in (theirs, theirs_unlocked, circuitbreaker, interlock):
        _add_range(table, make().name, [_race(make(opens=0.001)) for _ in range(FEW_RACES)])
    users = [_race(replace(made, trial=made.call)) for made in (ours(opens=0.001) for _ in range(FEW_RACES))]
    _add_range(table, "ours, calls of users", users)
    found = [_race(ours(opens=0.001)) for _ in range(RACES)]
    _add_range(table, "ours, probes", found)
    table.bars.append(Bar("trial calls per round, the most", max(found), 1))
    table.bars.append(Bar("rounds without exactly one trial call", sum(each != 1 for each in found), 0))
    return table


def _add_range(table: Table, name: str, found: list[int]) -> None:
    table.add(name, str(min(found)), str(max(found)), str(len(found)))


def _race(contender: Contender) -> int:
    """Return how many trial calls were let through before the first of them had ended (they last long, and fail)."""
    contender.trip(40)
    time.sleep(0.02)  # now a trial call is due
    start = FORK.Barrier(PROCESSES * THREADS)

    def work(number: int) -> list[float]:  # noqa: ARG001 - all do the same
        made: list[float] = []

        def hold() -> None:
            made.append(time.monotonic())
            time.sleep(HOLD)
            raise ConnectionError

        def compete() -> None:
            start.wait(LONGEST)
            with contextlib.suppress(ConnectionError, contender.refusal):
                contender.trial(hold)

        threads = [threading.Thread(target=compete) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return made

    made = _forked(work)
    return sum(each < min(made) + HOLD for each in made)


def spreading() -> Table:
    """Time how long the other processes admit calls after one of them has made the call that trips its breaker."""
    title = f"A trip in one of {PROCESSES} processes, until the others refuse (they look every {LOOK * 1000:.1f} ms)"
    table = Table(title, ("p50 ms", "p99 ms", "rounds"))
    for make, rounds in ((theirs, FEW_TRIPS), (circuitbreaker, FEW_TRIPS), (ours, TRIPS)):
        contender = make()
        lags = _spread(contender, rounds)
        p50, p99 = (quantile(lags, share) * 1000 for share in (0.5, 0.99))
        table.add(contender.name, _milliseconds(p50), _milliseconds(p99), str(rounds))
    table.bars.append(Bar("a trip is seen by every other process, p99", p99, 5, " ms"))
    return table


def _milliseconds(value: float) -> str:
    return f"not in {UNHEARD * 1000:.0f}" if math.isinf(value) else f"{value:.3f}"


def _spread(contender: Contender, rounds: int) -> list[float]:
    """Return for each round and each other process the seconds from the last failure's beginning to the refusal."""
    start, end = FORK.Barrier(PROCESSES), FORK.Barrier(PROCESSES)
    tripped = FORK.RawArray("d", [math.inf] * rounds)

    def work(number: int) -> list[float]:
        lags: list[float] = []
        for each in range(rounds):
            contender.close()
            start.wait(LONGEST)
            if number == each % PROCESSES:
                time.sleep(random.uniform(0.001, 0.003))  # noqa: S311 - no secret
                contender.trip(FAILURES - 1)
                tripped[each] = time.monotonic()
                contender.trip(1)
                end.wait(LONGEST)
            else:
                refused = _refused(contender, tripped, each)
                end.wait(LONGEST)
                lags.append(refused - tripped[each])
        return lags

    return _forked(work)


def _refused(contender: Contender, tripped: Sequence[float], number: int) -> float:
    """Return when the breaker first refused, or infinity if it still admits a while after its trip of that number."""
    while contender.admits():
        if time.monotonic() > tripped[number] + UNHEARD:
            return math.inf
        time.sleep(LOOK)
    return time.monotonic()


def dying() -> Table:
    """Count the calls that reach a dependency after it has died, until every process refuses."""
    title = f"Calls of {PROCESSES} processes that reach a dead dependency (each fails after {ANSWER * 1000:.1f} ms)"
    table = Table(title, ("threshold", "with in flight", "median", "most", "most/threshold"))
    plans = (
        ("pybreaker", theirs(), FAILURES, ALIVE, FEW_DEATHS),
        ("circuitbreaker", circuitbreaker(), FAILURES, ALIVE, FEW_DEATHS),
        ("ours, failures in a row", ours(), FAILURES, ALIVE, DEATHS),
        ("interlock-cb, rate from the start", interlock(), MINIMUM, 0.0, FEW_DEATHS),
        ("ours, rate from the start", ours(consecutive=10**6), MINIMUM, 0.0, DEATHS),
    )
    for name, contender, threshold, alive, rounds in plans:
        found = _deaths(contender, alive, rounds)
        least = threshold + PROCESSES - 1  # the others have a call in flight when the one that trips ends
        cells = (threshold, least, statistics.median(found), max(found))
        table.add(name, *(f"{cell:g}" for cell in cells), f"{max(found) / threshold:.2f}")
        if name.startswith("ours"):
            text = (
                f"calls to a dead dependency over the threshold of {threshold}, {name.removeprefix('ours, ')}, the most"
            )
            table.bars.append(Bar(text, max(found) / threshold, 1.5, "x"))
    return table


def _deaths(contender: Contender, alive: float, rounds: int) -> list[float]:
    """Return for each round how many calls began after the death, which comes about `alive` seconds after the start."""
    start, end = FORK.Barrier(PROCESSES), FORK.Barrier(PROCESSES)
    death = FORK.RawValue("d")

    def work(number: int) -> list[float]:
        reached = 0

        def ask() -> None:
            nonlocal reached
            dead = time.monotonic() >= death.value
            reached += dead
            time.sleep(ANSWER)
            if dead:
                raise ConnectionError

        counts: list[float] = []
        for _ in range(rounds):
            contender.close()
            reached = 0
            if not number:
                death.value = time.monotonic() + alive * random.uniform(1, 1.5)  # noqa: S311 - no secret
            start.wait(LONGEST)
            _hammer(contender, ask)
            counts.append(reached)
            end.wait(LONGEST)
        return counts

    found = _forked(work)
    return [sum(found[each::rounds]) for each in range(rounds)]


def _hammer(contender: Contender, ask: Function) -> None:
    """Call until refused."""
    while True:
        try:
            contender.call(ask)
        except ConnectionError:
            continue
        except contender.refusal:
            return


def _forked(work: Callable[[int], list[float]]) -> list[float]:
    """Return all that the work of forked processes returned; each is told its number."""
    results: multiprocessing.Queue[list[float]] = FORK.Queue()
    processes = [FORK.Process(target=lambda number=number: results.put(work(number))) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    try:
        return [figure for _ in processes for figure in results.get(timeout=LONGEST)]
    except queue.Empty:
        raise RuntimeError("a process of the benchmark has not answered") from None
    finally:
        for process in processes:
            process.kill()
            process.join()

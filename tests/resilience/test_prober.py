"""The thread that finds out whether a dependency is back."""

import os
import subprocess
import sys
import textwrap
import threading
from functools import partial
from pathlib import Path

import pytest

from rental_backend.resilience import CLOSED, OPEN, Breaker, Counts, Outcome, Policy, Prober, SharedMemory
from rental_backend.resilience.prober import heartbeat_due
from tests.serving import until

from .clock import Clock

ROOT = Path(__file__).parents[2]
QUICK = Policy(open_first=0.02, open_most=0.05)


class Thing:
    """A dependency: up or down, and how often it was probed."""

    def __init__(self, *, up: bool = True) -> None:
        self.up = up
        self.probed = 0

    def __call__(self) -> None:
        """Be probed."""
        self.probed += 1
        if not self.up:
            raise OSError("down")


@pytest.fixture
def clock() -> Clock:
    """The breaker's clock."""
    return Clock()


def settled(prober: Prober) -> Prober:
    """Take the first look as made, as the thread does."""
    prober.settled.set()
    return prober


def test_the_first_probe_is_due_at_once(clock: Clock) -> None:
    """A breaker that starts open closes with the first look at a dependency that is up."""
    prober = Prober(Breaker("thing", clock=clock), Thing())
    prober.once()
    assert prober.breaker.closed


def test_an_open_breaker_is_probed_when_it_is_due_and_not_before(clock: Clock) -> None:
    """What `retry_after` promises is kept to the moment."""
    thing = Thing(up=False)
    prober = Prober(Breaker("thing", clock=clock), thing)
    prober.once()
    assert thing.probed == 1
    promised = prober.breaker.retry_after
    clock.advance(promised - 0.001)
    prober.once()
    assert thing.probed == 1
    assert settled(prober)._pause() == 0.01
    clock.advance(0.0011)
    thing.up = True
    prober.once()
    assert (thing.probed, prober.breaker.current_state) == (2, CLOSED)


def test_the_pause_of_an_open_breaker_is_what_it_promises(clock: Clock) -> None:
    """The thread wakes when the probe is due, and does not spin while another is under way."""
    prober = settled(Prober(Breaker("thing", clock=clock, jitter=lambda: 0.9), Thing(up=False)))
    prober.once()
    assert prober._pause() == prober.breaker.retry_after == pytest.approx(0.45)
    clock.advance(60)
    assert prober._pause() == 0.01
    prober.once()
    assert prober._pause() == 0.5 < prober.breaker.retry_after


def test_the_first_look_of_any_process_is_awaited_closely(clock: Clock) -> None:
    """Until somebody has looked at the dependency the thread hardly pauses, since the start-up waits for it."""
    prober = Prober(Breaker("thing", clock=clock), Thing(up=False))
    assert prober.breaker.never_probed
    assert prober._pause() == 0.02
    prober.once()
    assert not prober.breaker.never_probed


def test_a_dependency_in_use_gets_no_heartbeat(clock: Clock) -> None:
    """As long as users' calls say how it is, no probe is made."""
    thing = Thing()
    prober = Prober(Breaker("thing", clock=clock, starts_closed=True), thing, heartbeat=2.0)
    settled(prober)
    for _ in range(20):
        clock.advance(1.0)
        prober.breaker.call(lambda: None)
        clock.advance(0.9)
        prober.once()
    assert (thing.probed, prober._pause()) == (0, 0.5)


def test_a_dependency_in_use_gets_one_if_its_prober_is_told(clock: Clock) -> None:
    """Calls may use old connections that lead elsewhere than a fresh one, so some dependencies are looked at anyway."""
    thing = Thing()
    prober = Prober(Breaker("thing", clock=clock, starts_closed=True), thing, heartbeat=2.0, while_busy=True)
    for _ in range(4):
        clock.advance(1.0)
        prober.breaker.call(lambda: None)
        prober.once()
    assert thing.probed == 2


def test_every_process_refreshes_what_it_knows(clock: Clock) -> None:
    """At once and then once per heartbeat, busy or not, whichever of them probes; that it fails says nothing."""
    memory, refreshed = SharedMemory(), [0, 0]

    def refresh(number: int) -> None:
        refreshed[number] += 1
        raise OSError

    probers = [
        Prober(
            Breaker("thing", memory=memory, clock=clock, starts_closed=True),
            Thing(),
            heartbeat=2.0,
            refresh=partial(refresh, number),
        )
        for number in range(2)
    ]
    for _ in range(5):
        for prober in probers:
            prober.once()
        clock.advance(1.0)
    assert refreshed == [3, 3]


def test_an_idle_dependency_gets_a_heartbeat(clock: Clock) -> None:
    """After the heartbeat's time without a call one is made, and counts as one."""
    thing = Thing()
    prober = Prober(Breaker("thing", clock=clock, starts_closed=True), thing)
    clock.advance(1.9)
    prober.once()
    assert thing.probed == 0
    clock.advance(0.1)
    prober.once()
    prober.once()
    assert (thing.probed, prober.breaker.counts()) == (1, Counts(successes=1))
    clock.advance(2.0)
    prober.once()
    assert thing.probed == 2


def test_looks_are_as_frequent_as_the_heartbeat(clock: Clock) -> None:
    """A heartbeat quicker than the usual look at shared memory is kept."""
    prober = settled(Prober(Breaker("thing", clock=clock, starts_closed=True), Thing(), heartbeat=0.05))
    assert prober._pause() == 0.05


def test_one_worker_of_all_makes_the_heartbeat(clock: Clock) -> None:
    """Of several probers with one shared memory, one calls in each heartbeat's time."""
    thing, memory = Thing(), SharedMemory()
    probers = [Prober(Breaker("thing", memory=memory, clock=clock, starts_closed=True), thing) for _ in range(4)]
    for beats in (1, 2, 3):
        clock.advance(2.0)
        for prober in probers:
            prober.once()
        assert thing.probed == beats


def test_every_breaker_of_a_page_has_its_heartbeat(clock: Clock) -> None:
    """That of one is not taken for another's."""
    thing, memory = Thing(), SharedMemory()
    names = [f"thing {number}" for number in range(16)]
    probers = [Prober(Breaker(name, memory=memory, clock=clock, starts_closed=True), thing) for name in names]
    clock.advance(2.0)
    for prober in probers:
        prober.once()
        prober.once()
    assert thing.probed == 16


def test_a_heartbeat_that_another_made_meanwhile_is_not_made_again(clock: Clock) -> None:
    """A prober that was about to call looks again when it is its turn."""
    breaker = Breaker("thing", clock=clock, starts_closed=True)
    clock.advance(2.0)
    looks: list[bool] = []

    def slow() -> float:
        looks.append(len(looks) == 1 and heartbeat_due(breaker.engine, 2.0))
        return clock()

    other = Breaker("thing", memory=breaker.engine.breaker_state.memory, clock=slow)
    looks.clear()
    assert heartbeat_due(other.engine, 2.0) is False
    assert looks == [False, True]


def test_a_failure_is_followed_up_quickly(clock: Clock) -> None:
    """After one failed call the prober finds out within a few looks, whatever the traffic, and opens the breaker."""
    thing = Thing(up=False)
    prober = settled(Prober(Breaker("thing", clock=clock, starts_closed=True), thing))
    with pytest.raises(OSError, match="down"):
        prober.breaker.call(thing)
    for looks in range(1, 6):
        assert prober._pause() == 0.1
        for _ in range(3):
            prober.once()
        assert thing.probed == 1 + looks
        clock.advance(0.101)
    assert prober.breaker.current_state == OPEN


def test_a_failure_is_followed_up_ten_times_a_second(clock: Clock) -> None:
    """Not more often, by however many workers look."""
    breaker = Breaker("thing", clock=clock, starts_closed=True)
    breaker.record(Outcome.FAILURE, breaker.check())
    assert heartbeat_due(breaker.engine, 2.0)
    clock.advance(0.0995)
    assert heartbeat_due(breaker.engine, 2.0) is False
    clock.advance(0.0006)
    assert heartbeat_due(breaker.engine, 2.0) is True


def test_a_heartbeat_that_fails_is_followed_up_quickly(clock: Clock) -> None:
    """Without any traffic, the first failure does not have the prober wait for another heartbeat's time."""
    thing = Thing()
    prober = Prober(Breaker("thing", clock=clock, starts_closed=True), thing)
    clock.advance(2.0)
    prober.once()
    thing.up = False
    clock.advance(2.0)
    for _ in range(6):
        assert prober.breaker.closed
        prober.once()
        clock.advance(0.101)
    assert prober.breaker.current_state == OPEN


def test_a_passing_failure_is_forgotten(clock: Clock) -> None:
    """A dependency that answers again after one failure stays in use."""
    thing = Thing(up=False)
    prober = Prober(Breaker("thing", clock=clock, starts_closed=True), thing)
    prober.breaker.wake()
    with pytest.raises(OSError, match="down"):
        prober.breaker.call(thing)
    thing.up = True
    prober.once()
    assert (prober.breaker.fail_counter, prober.breaker.closed) == (0, True)


def test_the_thread_settles_recovers_and_stops() -> None:
    """In the background: first look, outage, recovery without any traffic, and an end when asked."""
    thing = Thing(up=False)
    prober = Prober(Breaker("background", policy=QUICK), thing, heartbeat=0.05)
    prober.start()
    assert prober.settled.wait(10)
    assert not prober.breaker.closed
    until(lambda: thing.probed >= 3)
    thing.up = True
    until(lambda: prober.breaker.closed)
    thing.up = False
    until(lambda: not prober.breaker.closed)
    prober.stop()
    until(lambda: "probe-background" not in {thread.name for thread in threading.enumerate()})


def test_the_thread_waits_for_the_first_look_that_another_makes() -> None:
    """While some other process looks for the first time nothing is settled; what it finds is good for all."""
    breaker, thing = Breaker("first"), Thing()
    other = Breaker("first", memory=breaker.engine.breaker_state.memory)
    generation = other.begin_probe()
    assert generation is not None
    prober = Prober(breaker, thing)
    prober.start()
    assert not prober.settled.wait(0.1)
    assert other.end_probe(generation)
    assert prober.settled.wait(10)
    prober.stop()
    assert (breaker.closed, thing.probed) == (True, 0)


def test_the_thread_is_started_once() -> None:
    """Starting a prober again in the same process adds no thread."""
    prober = Prober(Breaker("once"), Thing())
    for _ in range(3):
        prober.start()
    assert [thread.name for thread in threading.enumerate()].count("probe-once") == 1
    prober.stop()
    until(lambda: "probe-once" not in {thread.name for thread in threading.enumerate()})


def test_a_breaker_opened_by_a_user_wakes_the_thread() -> None:
    """A pause of a minute for the heartbeat does not delay the recovery of a breaker that opens meanwhile."""
    thing = Thing()
    prober = Prober(Breaker("woken", policy=QUICK), thing, heartbeat=60)
    prober.start()
    until(lambda: prober.breaker.closed)
    prober.breaker.open()
    until(lambda: prober.breaker.closed, 5)
    prober.stop()


def test_a_forked_child_starts_its_own_thread() -> None:
    """Threads do not survive a fork: the child's `start` makes one although the parent's was started, and stopped."""
    script = """
        import os
        from rental_backend.resilience import Breaker, Prober
        prober = Prober(Breaker("forked"), lambda: None)
        prober.start()
        assert prober.settled.wait(10)
        prober.stop()
        child = os.fork()
        if not child:
            prober.settled.clear()
            prober.breaker.open()
            prober.start()
            os._exit(0 if prober.settled.wait(10) else 1)
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": os.environ["PATH"]}, timeout=30, check=False)
    assert done.returncode == 0

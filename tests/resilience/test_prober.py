"""The thread that finds out whether a dependency is back."""

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from rental_backend.resilience import CLOSED, OPEN, Breaker, Policy, Prober
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
    assert prober._pause() == pytest.approx(0.01)
    clock.advance(0.0011)
    thing.up = True
    prober.once()
    assert (thing.probed, prober.breaker.current_state) == (2, CLOSED)


def test_the_pause_of_an_open_breaker_is_what_it_promises(clock: Clock) -> None:
    """The thread wakes when the probe is due, and does not spin while another is under way."""
    prober = Prober(Breaker("thing", clock=clock), Thing(up=False))
    prober.once()
    assert prober._pause() == prober.breaker.retry_after
    clock.advance(60)
    assert prober._pause() == 0.01


def test_a_dependency_in_use_gets_no_heartbeat(clock: Clock) -> None:
    """As long as users' calls say how it is, no probe is made."""
    thing = Thing()
    prober = Prober(Breaker("thing", clock=clock, starts_closed=True), thing, heartbeat=2.0)
    clock.advance(1.5)
    prober.once()
    assert (thing.probed, prober._pause()) == (0, 0.5)


def test_an_idle_dependency_gets_a_heartbeat(clock: Clock) -> None:
    """After the heartbeat's time without a call one is made, and counts as one."""
    thing = Thing()
    prober = Prober(Breaker("thing", clock=clock, starts_closed=True), thing, heartbeat=2.0)
    clock.advance(2.0)
    assert prober._pause() == 0.1
    prober.once()
    assert (thing.probed, prober.breaker.counts(), prober._pause()) == (1, (1, 0), 2.0)


def test_a_failure_is_followed_up_quickly(clock: Clock) -> None:
    """After one failed call the prober finds out within a few looks, whatever the traffic, and opens the breaker."""
    thing = Thing(up=False)
    prober = Prober(Breaker("thing", clock=clock, starts_closed=True), thing)
    with pytest.raises(OSError, match="down"):
        prober.breaker.call(thing)
    for looks in (1, 2):
        assert prober._pause() == 0.1
        prober.once()
        assert thing.probed == 1 + looks
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
    """Threads do not survive a fork: the child's `start` makes one although the parent's was started."""
    script = """
        import os
        from rental_backend.resilience import Breaker, Prober
        prober = Prober(Breaker("forked"), lambda: None)
        prober.start()
        assert prober.settled.wait(10)
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

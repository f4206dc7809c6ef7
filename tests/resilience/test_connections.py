"""Which connections may still be used: one number for all workers, which rises once for each reason."""

import multiprocessing

from rental_backend.resilience import Breaker, ConnectionEpoch, Prober, SharedMemory
from rental_backend.resilience.connections import LEAST

from .calls import nothing, trip, wait_out
from .clock import Clock

FORK = multiprocessing.get_context("fork")


def epochs(count: int = 2) -> list[ConnectionEpoch]:
    """Return views of one epoch, as workers have them."""
    memory = SharedMemory()
    return [ConnectionEpoch(Breaker("thing", memory=memory, starts_closed=True)) for _ in range(count)]


def test_an_epoch_is_ended_once() -> None:
    """Of many calls that failed on connections of one age, the first gives these up, and nobody newer ones."""
    one, other = epochs()
    began = one.current()
    one.end(began)
    other.end(began)
    assert one.current() == other.current() == began + 1
    one.end(-1)  # of a connection that was given up already
    assert one.current() == began + 1


def test_an_epoch_lasts_a_while(breaker: Breaker, clock: Clock) -> None:
    """Where a new connection fails as the old ones did, not each failure gives up those of all workers."""
    epoch = ConnectionEpoch(breaker)
    for _ in range(3):
        epoch.end(epoch.current())
    assert epoch.current() == 1
    clock.advance(LEAST)
    epoch.end(epoch.current())
    assert epoch.current() == 2


def test_another_server_ends_the_epoch_for_everybody() -> None:
    """The first one seen is the one of before; one that does not tell says nothing."""
    one, other = epochs()
    began = one.current()
    for server in (0, 7, 7, 0, 7):
        one.recognise(server)
    assert other.current() == began
    other.recognise(8)
    assert one.current() == began + 1
    one.recognise(8)
    assert one.current() == began + 1


def test_other_processes_see_it() -> None:
    """The number lies in memory that a forked worker shares."""
    (epoch,) = epochs(1)
    worker = FORK.Process(target=epoch.end, args=(epoch.current(),))
    worker.start()
    worker.join(10)
    assert epoch.current() == 1


def test_the_end_of_an_outage_ends_the_epoch(breaker: Breaker, clock: Clock) -> None:
    """Opening does not, as nobody calls then; nor does a probe that fails."""
    epoch = ConnectionEpoch(breaker)
    trip(breaker)
    assert epoch.current() == 0
    wait_out(breaker, clock)
    Prober(breaker, nothing).once()
    assert (breaker.closed, epoch.current()) == (True, 1)
    breaker.force_open(reason="a test", actor="test")
    breaker.force_closed(reason="a test", actor="test")
    assert epoch.current() == 2
    breaker.metrics_only(reason="a test", actor="test")
    assert epoch.current() == 2

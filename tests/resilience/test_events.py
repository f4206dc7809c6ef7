"""The ring of transitions."""

import os
from datetime import UTC, datetime, timedelta

from rental_backend.resilience import CLOSED, HALF_OPEN, OPEN, Breaker
from rental_backend.resilience.shared_memory import EVENT_COUNT, EVENTS_AT

from .calls import nothing, outage, trip
from .clock import Clock


def test_events_say_what_happened(breaker: Breaker, clock: Clock) -> None:
    """Every change of state is kept with its cause, the class of the error, the process and both clocks."""
    trip(breaker)
    clock.advance(1)
    breaker.probe(outage)
    clock.advance(2)
    breaker.probe(nothing)
    assert [(e.before, e.after, e.cause, e.error) for e in breaker.events] == [
        (CLOSED, OPEN, "5 failures in a row", "Outage"),
        (OPEN, HALF_OPEN, "probing", None),
        (HALF_OPEN, OPEN, "the probe failed", "Outage"),
        (OPEN, HALF_OPEN, "probing", None),
        (HALF_OPEN, CLOSED, "the probe succeeded", None),
    ]
    assert {(e.breaker, e.worker) for e in breaker.events} == {("thing", os.getpid())}
    assert [e.monotonic for e in breaker.events] == [1000, 1001, 1001, 1003, 1003]
    assert all(abs((datetime.now(UTC) - e.at).total_seconds()) < 60 for e in breaker.events)
    assert breaker.since == 1003


def test_an_event_tells_its_time_of_day_finely(breaker: Breaker) -> None:
    """It lies between what the clock of the wall showed before and after, give or take a millisecond."""
    grain, before = timedelta(milliseconds=1), datetime.now(UTC)
    breaker.open()
    assert before - grain <= breaker.events[0].at <= datetime.now(UTC) + grain


def test_long_names_of_errors_are_cut(breaker: Breaker) -> None:
    """Sixty-four letters are enough to know one by, and its neighbours are left alone."""
    for letter in "EFG":
        breaker.engine.transition(breaker.engine.opened, letter * 200, type(letter * 70, (Exception,), {})())
        breaker.close()
    told = [(event.cause, event.error) for event in breaker.events if event.error]
    assert told == [(letter * 128, letter * 64) for letter in "EFG"]


def test_events_are_bounded(breaker: Breaker) -> None:
    """The newest 64 turns of each breaker are kept, however many another has."""
    other = Breaker("other", memory=breaker.engine.breaker_state.memory, starts_closed=True)
    other.open()
    for _ in range(150):
        breaker.open()
        breaker.close()
    other.close()
    assert [each.after for each in breaker.events] == [OPEN, CLOSED] * 32
    assert [each.after for each in other.events] == [OPEN, CLOSED]
    assert {type(breaker.events), type(other.events)} == {tuple}


def test_the_beginning_of_a_long_outage_is_kept(breaker: Breaker, clock: Clock) -> None:
    """However often it was probed in vain since: what happened before is there, then the last probes, in order."""
    trip(breaker)
    for _ in range(500):
        clock.advance(100)
        breaker.probe(outage)
    told = breaker.events
    assert (told[0].before, told[0].after, told[0].monotonic) == (CLOSED, OPEN, 1000)
    assert [each.after for each in told[1:]] == [HALF_OPEN, OPEN] * 32
    assert [each.is_probing for each in told] == [False] + [True] * 64
    assert told[-1].monotonic == clock.now
    breaker.close()
    assert [each.after for each in breaker.events if not each.is_probing] == [OPEN, CLOSED]


def test_a_worker_that_wakes_up_does_not_mix_up_the_order(breaker: Breaker) -> None:
    """Stopped while it wrote, it sets the count back to what that was; what comes next still comes last."""
    memory = breaker.engine.breaker_state.memory
    for _ in range(3):
        breaker.open()
        breaker.close()
    memory.words[EVENT_COUNT] = 1
    breaker.open()
    assert [each.after for each in breaker.events] == [*[OPEN, CLOSED] * 3, OPEN]


def test_a_state_entered_twice_is_two_events(breaker: Breaker) -> None:
    """Opening an open breaker opens it anew, for longer; closing a closed one is nothing."""
    breaker.close()
    breaker.open()
    before = breaker.retry_after
    assert breaker.open()
    changes = [(event.before, event.after) for event in breaker.events]
    assert changes == [(CLOSED, OPEN), (OPEN, OPEN)]
    assert breaker.retry_after > before
    breaker.close()
    breaker.close()
    assert len(breaker.events) == 3


def test_a_page_tells_of_every_breaker_its_own(breaker: Breaker, clock: Clock) -> None:
    """Several breakers share the ring; each shows what happened to it, to all objects alike."""
    memory = breaker.engine.breaker_state.memory
    other, same = (Breaker(name, memory=memory, clock=clock, starts_closed=True) for name in ("other", "thing"))
    breaker.open()
    other.open()
    same.close()
    assert [(each.breaker, each.after) for each in breaker.events] == [("thing", OPEN), ("thing", CLOSED)]
    assert [(each.breaker, each.after) for each in other.events] == [("other", OPEN)]
    assert same.events == breaker.events


def test_children_tell_in_the_same_ring(breaker: Breaker) -> None:
    """The event of another process names that process."""
    child = os.fork()
    if not child:
        breaker.open()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [(each.after, each.worker) for each in breaker.events] == [(OPEN, child)]


def test_an_event_that_is_being_overwritten_is_left_out(breaker: Breaker) -> None:
    """Of one whose number is gone, or changes while it is read, nothing is told."""
    memory = breaker.engine.breaker_state.memory
    breaker.open()
    breaker.close()
    at = EVENTS_AT + 1
    memory.words[at] = 0
    assert [each.after for each in breaker.events] == [CLOSED]
    memory.words[at] = 1
    assert len(breaker.events) == 2

    class Meanwhile:
        """The words of a shared memory whose first event is overwritten between two looks at its number."""

        def __init__(self, words: memoryview) -> None:
            self.words = words
            self.looks = 0

        def __getitem__(self, word: int) -> int:
            self.looks += word == at
            return 257 if word == at and self.looks > 1 else int(self.words[word])

    memory.words = Meanwhile(memory.words)  # type: ignore[assignment]
    assert [each.after for each in breaker.events] == [CLOSED]

"""The last transitions of each breaker, in shared memory.

Unsuccessful probing is kept apart from the other changes of state, and each breaker apart from the others. So the
beginning of an outage is still there after hours of probing, and while another breaker flaps.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from .shared_memory import EVENT_COUNT, EVENT_WORDS, EVENTS, EVENTS_AT, LOG_WORDS, SharedMemory
from .state_machine import LABELS, State

FIELDS = struct.Struct("<qqqqqq")  # before, after, worker, monotonic and wall time in microseconds, ordered
CAUSE, ERROR = 128, 64  # bytes
CHANGES, PROBINGS = 0, 1 + EVENTS * EVENT_WORDS  # offset of each kind in a breaker's log: its count, then its ring
HALF_OPEN, OPEN = State.HALF_OPEN.label, State.OPEN.label


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state: the breaker, the states before and after, the cause, and when (monotonic seconds and UTC).

    `ordered`: an operator ordered it, and the cause holds their name and their reason.
    """

    breaker: str
    before: str
    after: str
    cause: str
    error: str | None
    worker: int
    monotonic: float
    at: datetime
    ordered: bool

    @property
    def is_probing(self) -> bool:
        """Whether it is the begin of a probe, or a probe that did not close the breaker."""
        return _is_probing(self.before, self.after)


def append(
    memory: SharedMemory,
    breaker: int,
    before: State,
    after: State,
    *,
    cause: str,
    error: str | None,
    now: float,
    ordered: bool = False,
) -> None:
    """Write an event. The lock must be held. Its number is written last, so that no partial event is ever read.

    The number is above every number in the breaker's log, whatever the count says: a worker that was stopped while it
    wrote, so long that others moved on, sets the count back when it continues.
    """
    log = EVENTS_AT + breaker * LOG_WORDS
    numbers = (memory.words[at] for kind in (CHANGES, PROBINGS) for at in _places(log + kind))
    number = 1 + max(memory.words[EVENT_COUNT], *numbers)
    ring = log + (PROBINGS if _is_probing(before.label, after.label) else CHANGES)
    at = ring + 1 + memory.words[ring] % EVENTS * EVENT_WORDS
    wall = int(datetime.now(UTC).timestamp() * 1e6)
    memory.words[at] = 0
    fields = FIELDS.pack(before, after, os.getpid(), int(now * 1e6), wall, ordered)
    body = fields + _fixed(cause, CAUSE) + _fixed(error or "", ERROR)
    memory.bytes[at * 8 + 8 : at * 8 + 8 + len(body)] = body
    memory.words[at] = number
    memory.words[ring] += 1
    memory.words[EVENT_COUNT] = number


def events(memory: SharedMemory, breaker: int) -> tuple[Transition, ...]:
    """Return the last transitions of a breaker, the oldest first."""
    log = EVENTS_AT + breaker * LOG_WORDS
    numbered = [event for kind in (CHANGES, PROBINGS) for event in _ring(memory, breaker, log + kind)]
    numbered.sort(key=lambda event: event[0])
    return tuple(event for _, event in numbered)


def _is_probing(before: str, after: str) -> bool:
    return after == HALF_OPEN or (before, after) == (HALF_OPEN, OPEN)


def _places(ring: int) -> range:
    """Return the addresses of the events of a ring; each event begins with its number."""
    return range(ring + 1, ring + 1 + EVENTS * EVENT_WORDS, EVENT_WORDS)


def _ring(memory: SharedMemory, breaker: int, ring: int) -> Iterator[tuple[int, Transition]]:
    """Yield the events of one kind with their numbers, except one that is overwritten meanwhile."""
    for at in _places(ring):
        number = memory.words[at]
        if number:
            body = bytes(memory.bytes[at * 8 + 8 : (at + EVENT_WORDS) * 8])
            if memory.words[at] == number:
                yield number, _unpack(memory.names[breaker], body)


def _unpack(breaker: str, body: bytes) -> Transition:
    before, after, worker, monotonic, wall, ordered = FIELDS.unpack_from(body)
    return Transition(
        breaker,
        LABELS[before],
        LABELS[after],
        _text(body[FIELDS.size : FIELDS.size + CAUSE]),
        _text(body[FIELDS.size + CAUSE : FIELDS.size + CAUSE + ERROR]) or None,
        worker,
        monotonic / 1e6,
        datetime.fromtimestamp(wall / 1e6, UTC),
        bool(ordered),
    )


def _fixed(text: str, size: int) -> bytes:
    return text.encode()[:size].decode(errors="ignore").encode().ljust(size, b"\0")


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")

"""The ring of the last transitions of all breakers, on the shared page."""

import os
import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from .machine import State
from .page import EVENT_COUNT, EVENT_WORDS, EVENTS, EVENTS_AT, Page

FIELDS = struct.Struct("<qqqqqqq")  # slot, before, after, worker, monotonic and wall time in microseconds, ordered
CAUSE, ERROR = 128, 64  # bytes


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state: which breaker, from where to where, why, and when (monotonic seconds and UTC).

    `ordered`: an operator did it, so the cause holds his name and his reason.
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


def append(
    page: Page,
    slot: int,
    before: State,
    after: State,
    *,
    cause: str,
    error: str | None,
    now: float,
    ordered: bool = False,
) -> None:
    """Write an event; the page is locked. Its number is written last, so that no half of one is ever read."""
    number = page.words[EVENT_COUNT] + 1
    at = EVENTS_AT + number % EVENTS * EVENT_WORDS
    wall = int(datetime.now(UTC).timestamp() * 1e6)
    page.words[at] = 0
    fields = FIELDS.pack(slot, before, after, os.getpid(), int(now * 1e6), wall, ordered)
    body = fields + _fixed(cause, CAUSE) + _fixed(error or "", ERROR)
    page.bytes[at * 8 + 8 : at * 8 + 8 + len(body)] = body
    page.words[at] = number
    page.words[EVENT_COUNT] = number


def events(page: Page, slot: int) -> tuple[Transition, ...]:
    """Return the last transitions of a breaker, the oldest first."""
    newest = page.words[EVENT_COUNT]
    found = (_read(page, number) for number in range(max(1, newest - EVENTS + 1), newest + 1))
    return tuple(event for number, event in found if number == slot and event is not None)


def _read(page: Page, number: int) -> tuple[int, Transition | None]:
    """Return an event with its slot, or none if it was overwritten meanwhile."""
    at = EVENTS_AT + number % EVENTS * EVENT_WORDS
    if page.words[at] != number:
        return -1, None
    body = bytes(page.bytes[at * 8 + 8 : (at + EVENT_WORDS) * 8])
    if page.words[at] != number:
        return -1, None
    slot, before, after, worker, monotonic, wall, ordered = FIELDS.unpack_from(body)
    cause = _text(body[FIELDS.size : FIELDS.size + CAUSE])
    error = _text(body[FIELDS.size + CAUSE : FIELDS.size + CAUSE + ERROR])
    return slot, Transition(
        page.names[slot],
        State(before).label,
        State(after).label,
        cause,
        error or None,
        worker,
        monotonic / 1e6,
        datetime.fromtimestamp(wall / 1e6, UTC),
        bool(ordered),
    )


def _fixed(text: str, size: int) -> bytes:
    return text.encode()[:size].decode(errors="ignore").encode().ljust(size, b"\0")


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")

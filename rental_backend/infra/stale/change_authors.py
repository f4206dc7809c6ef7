"""Whose changes a resource has seen last, in memory that all workers of a host share: a bounded table in its row.

Whoever finds no seat any more is taken for the newest of those who lost theirs, so what is not known hides more, never
less. Readers take no lock: values only grow, and a seat has its values before it has its owner.
"""

import uuid
from dataclasses import dataclass

ANYBODY, OTHERS = 0, 1  # who is not known: his change is everybody's, every change may be his; and all without a seat
EVERYBODY, FORGOTTEN, FIRST, SEATS = 0, 1, 2, 32  # the first two seats are nobody's own
WHO, COUNT, AT, HEARD, ELSEWHERE = (8 + SEATS * column for column in range(5))
VALUES = (COUNT, AT, HEARD, ELSEWHERE)


def author(id: uuid.UUID | None) -> int:
    """Return the number by which somebody is known here; two who happen to share one hide each other's more."""
    return ANYBODY if id is None else (id.int ^ id.int >> 64) & 2**62 - 1 | 2


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody's last change here: our count of it, and when it was (milliseconds); and his last elsewhere.

    `heard` is our count of when we heard of that, so whatever was read with that count, or later, has seen it.
    """

    count: int
    at: int
    heard: int
    elsewhere: int


class Authors:
    """The table, over the words of a board. Whoever writes holds the lock of its page."""

    def __init__(self, words: memoryview) -> None:
        self._words = words

    def _people(self, row: int) -> list[int]:
        found: list[int] = self._words[row + WHO : row + WHO + SEATS].tolist()
        return found

    def last(self, row: int, who: int) -> Known:
        """Return the last changes of somebody, or of those of whom he may be one."""
        words = self._words
        if who == ANYBODY:
            return Known(*(max(words[row + column : row + column + SEATS]) for column in VALUES))
        people = self._people(row)
        seat = people.index(who) if who in people else FORGOTTEN
        return Known(*(max(words[row + column], words[row + column + seat]) for column in VALUES))

    def note(self, row: int, who: int, count: int, at: int) -> None:
        """Take down a change made here."""
        seat = self._seat(row, who)
        self._raise(row + COUNT + seat, count)
        self._raise(row + AT + seat, at)

    def own(self, row: int) -> dict[int, int]:
        """Return when each made his last change here; that of everybody and of those without a seat, too."""
        people = self._people(row)
        people[FORGOTTEN] = OTHERS
        times = self._words[row + AT : row + AT + SEATS].tolist()
        return {who: at for who, at in zip(people, times, strict=True) if at}

    def hear(self, row: int, told: dict[int, int], count: int) -> bool:
        """Take down what `own` is on another host; return whether any of it is new."""
        news = False
        for who, at in sorted(told.items(), key=lambda each: each[1]):  # so the newest keep their seats
            if who == OTHERS:
                unnamed = [seat for seat, each in enumerate(self._people(row)) if each and each not in told]
                heard = [self._heard(row, seat, at, count) for seat in (FORGOTTEN, *unnamed)]
                news |= any(heard)
            elif who == ANYBODY or at > self.last(row, who).elsewhere:
                news |= self._heard(row, self._seat(row, who), at, count)
        return news

    def _heard(self, row: int, seat: int, at: int, count: int) -> bool:
        if at <= self._words[row + ELSEWHERE + seat]:
            return False
        self._raise(row + HEARD + seat, count)
        self._words[row + ELSEWHERE + seat] = at
        return True

    def _seat(self, row: int, who: int) -> int:
        """Return somebody's seat; if he has none, that of the one whose last change is the longest ago."""
        people, words = self._people(row), self._words
        if who in people:
            return people.index(who)  # an empty one looks like that of everybody, which is the first
        seat = min(range(FIRST, SEATS), key=lambda each: max(words[row + AT + each], words[row + ELSEWHERE + each]))
        for column in VALUES:
            self._raise(row + column + FORGOTTEN, words[row + column + seat])
            words[row + column + seat] = words[row + column + FORGOTTEN]  # he may have been here before
        words[row + WHO + seat] = who
        return seat

    def _raise(self, at: int, value: int) -> None:
        self._words[at] = max(self._words[at], value)

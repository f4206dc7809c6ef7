"""Whose changes a resource has seen last, in memory that all workers of a host share: a bounded table in its row.

Whoever finds no seat any more is taken for the newest of those who lost theirs, so what is not known hides more, never
less. Readers take no lock: values only grow, and a seat has its values before it has its owner.
"""

import uuid
from dataclasses import dataclass

ANYBODY, OTHERS = 0, 1  # who is not known: his change is everybody's, every change may be his; and all without a seat
EVERYBODY, EVICTED, FIRST, ENTRIES = 0, 1, 2, 32  # the first two seats are nobody's own
WHO, COUNT, AT, MERGED, ELSEWHERE = (8 + ENTRIES * column for column in range(5))
VALUES = (COUNT, AT, MERGED, ELSEWHERE)


def author_key(id: uuid.UUID | None) -> int:
    """Return the number by which somebody is known here; two who happen to share one hide each other's more."""
    return ANYBODY if id is None else (id.int ^ id.int >> 64) & 2**62 - 1 | 2


@dataclass(frozen=True, slots=True)
class LastChange:
    """Somebody's last change here: our count of it, and when it was (milliseconds); and his last elsewhere.

    `merged` is our count of when we heard of that, so whatever was read with that count, or later, has seen it.
    """

    count: int
    at: int
    merged: int
    elsewhere: int


class ChangeAuthors:
    """The table, over the words of a board. Whoever writes holds the lock of its page."""

    def __init__(self, words: memoryview) -> None:
        self._words = words

    def _authors(self, row: int) -> list[int]:
        found: list[int] = self._words[row + WHO : row + WHO + ENTRIES].tolist()
        return found

    def last_change(self, row: int, who: int) -> LastChange:
        """Return the last changes of somebody, or of those of whom he may be one."""
        words = self._words
        if who == ANYBODY:
            return LastChange(*(max(words[row + column : row + column + ENTRIES]) for column in VALUES))
        authors = self._authors(row)
        entry = authors.index(who) if who in authors else EVICTED
        return LastChange(*(max(words[row + column], words[row + column + entry]) for column in VALUES))

    def record(self, row: int, who: int, count: int, at: int) -> None:
        """Take down a change made here."""
        entry = self._entry(row, who)
        self._raise(row + COUNT + entry, count)
        self._raise(row + AT + entry, at)

    def own_changes(self, row: int) -> dict[int, int]:
        """Return when each made his last change here; that of everybody and of those without a seat, too."""
        authors = self._authors(row)
        authors[EVICTED] = OTHERS
        times = self._words[row + AT : row + AT + ENTRIES].tolist()
        return {who: at for who, at in zip(authors, times, strict=True) if at}

    def merge(self, row: int, remote: dict[int, int], count: int) -> bool:
        """Take down what `own_changes` is on another host; return whether any of it is new."""
        news = False
        for who, at in sorted(remote.items(), key=lambda each: each[1]):  # so the newest keep their seats
            if who == OTHERS:
                unnamed = [entry for entry, each in enumerate(self._authors(row)) if each and each not in remote]
                merged = [self._merge_entry(row, entry, at, count) for entry in (EVICTED, *unnamed)]
                news |= any(merged)
            elif who == ANYBODY or at > self.last_change(row, who).elsewhere:
                news |= self._merge_entry(row, self._entry(row, who), at, count)
        return news

    def _merge_entry(self, row: int, entry: int, at: int, count: int) -> bool:
        if at <= self._words[row + ELSEWHERE + entry]:
            return False
        self._raise(row + MERGED + entry, count)
        self._words[row + ELSEWHERE + entry] = at
        return True

    def _entry(self, row: int, who: int) -> int:
        """Return somebody's seat; if he has none, that of the one whose last change is the longest ago."""
        authors, words = self._authors(row), self._words
        if who in authors:
            return authors.index(who)  # an empty one looks like that of everybody, which is the first
        entry = min(range(FIRST, ENTRIES), key=lambda each: max(words[row + AT + each], words[row + ELSEWHERE + each]))
        for column in VALUES:
            self._raise(row + column + EVICTED, words[row + column + entry])
            words[row + column + entry] = words[row + column + EVICTED]  # he may have been here before
        words[row + WHO + entry] = who
        return entry

    def _raise(self, at: int, value: int) -> None:
        self._words[at] = max(self._words[at], value)

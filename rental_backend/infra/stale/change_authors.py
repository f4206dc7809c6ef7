"""The last change of each author of a resource: a bounded table in shared memory, in the resource's row.

An author without an entry counts as the newest of all evicted authors, so missing knowledge hides more responses, never
fewer. Readers take no lock: values only grow, and an entry gets its values before it gets its owner.
"""

import uuid
from dataclasses import dataclass
from functools import lru_cache

ANYBODY, OTHERS = 0, 1  # an unknown author, to whom any change may belong; and all authors without an entry
EVERYBODY, EVICTED, FIRST, ENTRIES = 0, 1, 2, 32  # the first two entries belong to no single author
WHO, COUNT, AT, MERGED, ELSEWHERE = (8 + ENTRIES * column for column in range(5))
VALUES = (COUNT, AT, MERGED, ELSEWHERE)


@lru_cache(maxsize=4096)
def author_key(id: uuid.UUID | None) -> int:
    """Return the number that stands for an author. Two who happen to share one hide each other's responses, too."""
    return ANYBODY if id is None else (id.int ^ id.int >> 64) & 2**62 - 1 | 2


@dataclass(frozen=True, slots=True)
class LastChange:
    """An author's last changes: `count` and `at` (milliseconds) of that on this host, `elsewhere` of that on others.

    `merged` is our count when we learned of the change elsewhere: what was read at that count or later includes it.
    """

    count: int
    at: int
    merged: int
    elsewhere: int


class ChangeAuthors:
    """The table, over the words of the shared state. Writers must hold the lock of the shared memory."""

    def __init__(self, words: memoryview) -> None:
        self._words = words

    def _authors(self, row: int) -> list[int]:
        authors: list[int] = self._words[row + WHO : row + WHO + ENTRIES].tolist()
        return authors

    def last_change(self, row: int, who: int) -> LastChange:
        """Return the last changes of an author, or of all whom an unknown author may be."""
        words = self._words
        if who == ANYBODY:
            return LastChange(*(max(words[row + column : row + column + ENTRIES]) for column in VALUES))
        authors = self._authors(row)
        entry = authors.index(who) if who in authors else EVICTED
        return LastChange(*(max(words[row + column], words[row + column + entry]) for column in VALUES))

    def record(self, row: int, who: int, count: int, at: int) -> None:
        """Record a change made on this host."""
        entry = self._entry(row, who)
        self._raise(row + COUNT + entry, count)
        self._raise(row + AT + entry, at)

    def own_changes(self, row: int) -> dict[int, int]:
        """Return the time of each author's last change here, including ANYBODY and OTHERS (those without an entry)."""
        authors = self._authors(row)
        authors[EVICTED] = OTHERS
        times = self._words[row + AT : row + AT + ENTRIES].tolist()
        return {who: at for who, at in zip(authors, times, strict=True) if at}

    def merge(self, row: int, remote: dict[int, int], count: int) -> bool:
        """Merge the `own_changes` of another host; return whether any of them is new."""
        news = False
        for who, at in sorted(remote.items(), key=lambda change: change[1]):  # so the newest keep their entries
            if who == OTHERS:
                unnamed = [entry for entry, author in enumerate(self._authors(row)) if author and author not in remote]
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
        """Return an author's entry; an author without one takes over the entry whose last change is the oldest."""
        authors, words = self._authors(row), self._words
        if who in authors:
            return authors.index(who)  # an empty entry looks like EVERYBODY's, which is the first
        entry = min(range(FIRST, ENTRIES), key=lambda it: max(words[row + AT + it], words[row + ELSEWHERE + it]))
        for column in VALUES:
            self._raise(row + column + EVICTED, words[row + column + entry])
            words[row + column + entry] = words[row + column + EVICTED]  # the author may have been evicted before
        words[row + WHO + entry] = who
        return entry

    def _raise(self, at: int, value: int) -> None:
        self._words[at] = max(self._words[at], value)

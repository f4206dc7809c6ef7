"""Numbers that all workers of a host add up, exactly: over their replacement, and over those that are killed.

Each process counts in the lane of memory that its page gives it for life, so that counting needs no lock but the
process's own. Whoever gets a lane after it counts on from there: what the dead have counted stays, and a sum never
falls. A level (calls under way, bytes in use) is true only as long as its process lives, and does not stay.
"""

import mmap
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

LEVELS = 64  # the first words of a lane
LANE_WORDS = 131_072  # words that nobody has counted in take no memory


class Lanes(Protocol):
    """What is asked of the page whose lanes are counted in."""

    lane: int
    forget: list[Callable[[], None]]

    def counters(self, slot: int) -> int:
        """Take a lane, if this process has none."""

    def lanes_taken(self) -> range:
        """Return the numbers of the lanes that any process has had."""

    def living(self) -> list[int]:
        """Return the numbers of the lanes whose processes are alive."""


# D82: counted in memory that all workers share.
class Tally:
    """The numbers of a page. Places are reserved before the fork, by names, so that all workers agree on them."""

    def __init__(self, page: Lanes, lanes: int) -> None:
        self._page = page
        self._lanes = lanes
        self.words = memoryview(mmap.mmap(-1, lanes * LANE_WORDS * 8)).cast("q")
        self._places: dict[tuple[str, bool], int] = {}  # numbers and levels have names apart
        self._free = {True: 0, False: LEVELS}
        self._owner = os.getpid()
        self._forget()
        page.forget.append(self._forget)

    def _forget(self) -> None:
        """Begin anew in a forked child, whose lane and lock are its own."""
        self.lock = threading.Lock()
        self._base = -1

    def reserve(self, name: str, words: int = 1, *, level: bool = False) -> int:
        """Return where the numbers of that name begin, the same for every object that asks.

        Raises `ValueError` if there is no room, or if a forked child asks for new ones: others would not know of it.
        """
        key = (name, level)
        if key not in self._places:
            begins, end = self._free[level], LEVELS if level else LANE_WORDS
            if begins + words > end or os.getpid() != self._owner:
                raise ValueError(f"no room for {words} numbers of {name}")
            self._places[key], self._free[level] = begins, begins + words
        return self._places[key]

    def family(self, name: str, *members: str) -> "Family":
        """Return counters of that name, one for each member."""
        return Family(self, self.reserve(name, len(members)), members)

    def lane(self) -> int:
        """Return the first word of this process's lane; whatever levels its last owner left are forgotten."""
        if self._base < 0:
            self._page.counters(0)  # takes a lane
            base = self._page.lane * LANE_WORDS
            for word in range(base, base + LEVELS):
                self.words[word] = 0
            self._base = base
        return self._base

    def add(self, at: int, amount: int = 1) -> None:
        """Count."""
        with self.lock:
            base = self._base
            self.words[(base if base >= 0 else self.lane()) + at] += amount

    def put(self, at: int, value: int) -> None:
        """Set a level of this process."""
        with self.lock:
            self.words[self.lane() + at] = value

    def total(self, at: int) -> int:
        """Return a number as all workers have counted it, dead ones too."""
        return self.totals(at, 1)[0]

    def totals(self, at: int, words: int) -> list[int]:
        """Return so many numbers in a row, as all workers have counted them, dead ones too."""
        return self._sums(self._page.lanes_taken(), at, words)

    def levels(self, at: int, words: int = 1) -> list[int]:
        """Return so many levels in a row, summed over the workers that live."""
        return self._sums(self._page.living(), at, words)

    def by_worker(self, at: int) -> Iterator[tuple[int, int]]:
        """Yield (lane, level) of each worker that lives."""
        for lane in self._page.living():
            yield lane, self.words[lane * LANE_WORDS + at]

    def _sums(self, lanes: Iterable[int], at: int, words: int) -> list[int]:
        found = [self.words[lane * LANE_WORDS + at : lane * LANE_WORDS + at + words].tolist() for lane in lanes]
        return [sum(each) for each in zip(*found, strict=True)] if found else [0] * words


class Family:
    """Counters that belong together, by the names of their members."""

    def __init__(self, tally: Tally, at: int, members: tuple[str, ...]) -> None:
        self._tally = tally
        self._at = at
        self._members = {member: at + number for number, member in enumerate(members)}

    def add(self, member: str, amount: int = 1) -> None:
        """Count one of the members."""
        self._tally.add(self._members[member], amount)

    def of(self, member: str) -> int:
        """Return what all workers have counted of a member."""
        return self._tally.total(self._members[member])

    def all(self) -> dict[str, int]:
        """Return what all workers have counted, by member."""
        return dict(zip(self._members, self._tally.totals(self._at, len(self._members)), strict=True))

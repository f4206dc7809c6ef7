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
WORKER_WORDS = 131_072  # words that nobody has counted in take no memory


class WorkerSlots(Protocol):
    """What the counters ask of the shared memory whose worker slots they count in."""

    worker_slot: int
    after_fork: list[Callable[[], None]]

    def own_counters(self, slot: int) -> int:
        """Claim a worker slot, if this process has none."""

    def used_slots(self) -> range:
        """Return the numbers of the worker slots that any process has had."""

    def live_slots(self) -> list[int]:
        """Return the numbers of the worker slots whose processes are alive."""


# D82: counted in memory that all workers share.
class Counters:
    """The numbers of a page. Places are reserved before the fork, by names, so that all workers agree on them."""

    def __init__(self, memory: WorkerSlots, worker_slots: int) -> None:
        self._memory = memory
        self._lanes = worker_slots
        self.words = memoryview(mmap.mmap(-1, worker_slots * WORKER_WORDS * 8)).cast("q")
        self._places: dict[tuple[str, bool], int] = {}  # numbers and levels have names apart
        self._free = {True: 0, False: LEVELS}
        self._owner = os.getpid()
        self._reset()
        memory.after_fork.append(self._reset)

    def _reset(self) -> None:
        """Begin anew in a forked child, whose lane and lock are its own."""
        self.lock = threading.Lock()
        self._base = -1

    def reserve(self, name: str, words: int = 1, *, level: bool = False) -> int:
        """Return where the numbers of that name begin, the same for every object that asks.

        Raises `ValueError` if there is no room, or if a forked child asks for new ones: others would not know of it.
        """
        key = (name, level)
        if key not in self._places:
            begins, end = self._free[level], LEVELS if level else WORKER_WORDS
            if begins + words > end or os.getpid() != self._owner:
                raise ValueError(f"no room for {words} numbers of {name}")
            self._places[key], self._free[level] = begins, begins + words
        return self._places[key]

    def group(self, name: str, *members: str) -> "CounterGroup":
        """Return counters of that name, one for each member."""
        return CounterGroup(self, self.reserve(name, len(members)), members)

    def own_base(self) -> int:
        """Return the first word of this process's lane; whatever levels its last owner left are forgotten."""
        if self._base < 0:
            self._memory.own_counters(0)  # takes a lane
            base = self._memory.worker_slot * WORKER_WORDS
            for word in range(base, base + LEVELS):
                self.words[word] = 0
            self._base = base
        return self._base

    def add(self, at: int, amount: int = 1) -> None:
        """Count."""
        with self.lock:
            base = self._base
            self.words[(base if base >= 0 else self.own_base()) + at] += amount

    def put(self, at: int, value: int) -> None:
        """Set a level of this process."""
        with self.lock:
            self.words[self.own_base() + at] = value

    def total(self, at: int) -> int:
        """Return a number as all workers have counted it, dead ones too."""
        return self.totals(at, 1)[0]

    def totals(self, at: int, words: int) -> list[int]:
        """Return so many numbers in a row, as all workers have counted them, dead ones too."""
        return self._sums(self._memory.used_slots(), at, words)

    def levels(self, at: int, words: int = 1) -> list[int]:
        """Return so many levels in a row, summed over the workers that live."""
        return self._sums(self._memory.live_slots(), at, words)

    def by_worker(self, at: int) -> Iterator[tuple[int, int]]:
        """Yield (lane, level) of each worker that lives."""
        for worker_slot in self._memory.live_slots():
            yield worker_slot, self.words[worker_slot * WORKER_WORDS + at]

    def _sums(self, worker_slots: Iterable[int], at: int, words: int) -> list[int]:
        found = [
            self.words[worker_slot * WORKER_WORDS + at : worker_slot * WORKER_WORDS + at + words].tolist()
            for worker_slot in worker_slots
        ]
        return [sum(each) for each in zip(*found, strict=True)] if found else [0] * words


class CounterGroup:
    """Counters that belong together, by the names of their members."""

    def __init__(self, counters: Counters, at: int, members: tuple[str, ...]) -> None:
        self._counters = counters
        self._at = at
        self._members = {member: at + number for number, member in enumerate(members)}

    def add(self, member: str, amount: int = 1) -> None:
        """Count one of the members."""
        self._counters.add(self._members[member], amount)

    def value(self, member: str) -> int:
        """Return what all workers have counted of a member."""
        return self._counters.total(self._members[member])

    def values(self) -> dict[str, int]:
        """Return what all workers have counted, by member."""
        return dict(zip(self._members, self._counters.totals(self._at, len(self._members)), strict=True))

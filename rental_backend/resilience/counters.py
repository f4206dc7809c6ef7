"""Counters summed exactly over all workers of a host, across the replacement and the death of workers.

Each process counts in its own worker slot, so counting takes only the process's own lock. The slot's next owner counts
on from the values that are there: what dead workers counted stays, and a sum never falls. A level (calls under way,
bytes in use) is true only while its process lives, and is reset by the next owner.
"""

import mmap
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

LEVELS = 64  # the first words of a worker slot
WORKER_WORDS = 131_072  # words that were never written take no memory


class WorkerSlots(Protocol):
    """What the counters need of the shared memory."""

    worker_slot: int
    after_fork: list[Callable[[], None]]

    def own_counters(self, breaker: int) -> int:
        """Claim a worker slot, if this process has none."""

    def used_slots(self) -> range:
        """Return the numbers of the worker slots that any process has ever claimed."""

    def live_slots(self) -> list[int]:
        """Return the numbers of the worker slots whose processes are alive."""


# D82: counted in memory that all workers share.
class Counters:
    """The counters of a shared memory. Names reserve their words before the fork, so all workers agree on them."""

    def __init__(self, memory: WorkerSlots, worker_slots: int) -> None:
        self._memory = memory
        self._worker_slots = worker_slots
        self.words = memoryview(mmap.mmap(-1, worker_slots * WORKER_WORDS * 8)).cast("q")
        self._places: dict[tuple[str, bool], int] = {}  # counters and levels have separate names
        self._free = {True: 0, False: LEVELS}
        self._owner = os.getpid()
        self._reset()
        memory.after_fork.append(self._reset)

    def _reset(self) -> None:
        """Start afresh in a forked child, which has a worker slot and a lock of its own."""
        self.lock = threading.Lock()
        self.base = -1  # the first word of this process's worker slot, once it has claimed one

    def reserve(self, name: str, words: int = 1, *, level: bool = False) -> int:
        """Return the offset of the words reserved for a name, the same for every caller.

        Raises `ValueError` if there is no room, or if a forked child reserves a new name: others would not know it.
        """
        key = (name, level)
        if key not in self._places:
            begins, end = self._free[level], LEVELS if level else WORKER_WORDS
            if begins + words > end or os.getpid() != self._owner:
                raise ValueError(f"no room for {words} numbers of {name}")
            self._places[key], self._free[level] = begins, begins + words
        return self._places[key]

    def group(self, name: str, *members: str) -> "CounterGroup":
        """Return a group of counters, one for each member."""
        return CounterGroup(self, self.reserve(name, len(members)), members)

    def own_base(self) -> int:
        """Return the first word of this process's worker slot. Levels left by its last owner are zeroed."""
        if self.base < 0:
            self._memory.own_counters(0)  # claims a worker slot
            base = self._memory.worker_slot * WORKER_WORDS
            for word in range(base, base + LEVELS):
                self.words[word] = 0
            self.base = base
        return self.base

    def add(self, at: int, amount: int = 1) -> None:
        """Add to a counter or a level."""
        with self.lock:
            base = self.base
            self.words[(base if base >= 0 else self.own_base()) + at] += amount

    def put(self, at: int, value: int) -> None:
        """Set a level of this process."""
        with self.lock:
            self.words[self.own_base() + at] = value

    def total(self, at: int) -> int:
        """Return the sum of a counter over all workers, dead ones included."""
        return self.totals(at, 1)[0]

    def totals(self, at: int, words: int) -> list[int]:
        """Return the sums of `words` consecutive counters over all workers, dead ones included."""
        return self._sums(self._memory.used_slots(), at, words)

    def levels(self, at: int, words: int = 1) -> list[int]:
        """Return the sums of `words` consecutive levels over the live workers."""
        return self._sums(self._memory.live_slots(), at, words)

    def by_worker(self, at: int) -> Iterator[tuple[int, int]]:
        """Yield (worker slot, level) of each live worker."""
        for worker_slot in self._memory.live_slots():
            yield worker_slot, self.words[worker_slot * WORKER_WORDS + at]

    def _sums(self, worker_slots: Iterable[int], at: int, words: int) -> list[int]:
        rows = [
            self.words[worker_slot * WORKER_WORDS + at : worker_slot * WORKER_WORDS + at + words].tolist()
            for worker_slot in worker_slots
        ]
        return [sum(column) for column in zip(*rows, strict=True)] if rows else [0] * words


class CounterGroup:
    """Counters that belong together, by name."""

    def __init__(self, counters: Counters, at: int, members: tuple[str, ...]) -> None:
        self._counters = counters
        self._at = at
        self._members = {member: at + number for number, member in enumerate(members)}

    def add(self, member: str, amount: int = 1) -> None:
        """Add to the counter of a member."""
        self._counters.add(self._members[member], amount)

    def value(self, member: str) -> int:
        """Return the sum of a member's counter over all workers."""
        return self._counters.total(self._members[member])

    def values(self) -> dict[str, int]:
        """Return the sums over all workers, by member."""
        return dict(zip(self._members, self._counters.totals(self._at, len(self._members)), strict=True))

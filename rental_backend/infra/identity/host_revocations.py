"""What the workers of a host tell each other of endings and changed rights: shared memory, and a file for a restart.

A session that ends in one worker is refused by all at their next request, and so are rights that were read before a
change. The list of changes itself is in each worker, in Redis and in the database; here is what a worker that starts in
an outage needs to know of the list in Redis: which one this host wrote to, and whether it lacks anything.
"""

import contextlib
import json
import math
import mmap
import os
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ...resilience import SharedMemory

FILE = "revocations.json"
RING, ENTRY = 512, 3  # endings kept, and the words of each: its session (two) and when it may be forgotten
COUNT, RIGHTS, EPOCH, LAST, UNSENT, UNSENT_AT = range(6)
HEADER = 8


# D111: all workers of a host within a request.
class HostRevocations:
    """Words in shared memory, allocated before the fork, and the file `revocations.json` in `folder`.

    The file is there as long as Redis has everything that this host knows.
    """

    def __init__(self, memory: SharedMemory, folder: Path) -> None:
        self._memory = memory
        self._map = mmap.mmap(-1, (HEADER + RING * ENTRY) * 8)
        self._words = memoryview(self._map).cast("q")
        self._bytes = memoryview(self._map)
        self._path = folder / FILE
        self.count: Callable[[], int] = partial(self._words.__getitem__, COUNT)
        """How many sessions were announced on this host since its start. One memory access, no call of Python code."""
        self.rights_changed: Callable[[], int] = partial(self._words.__getitem__, RIGHTS)
        """When rights were last changed by a worker of this host (monotonic microseconds); 0 for never. Likewise."""
        self._recall()

    def announce(self, ended: dict[uuid.UUID, float]) -> None:
        """Tell all workers of sessions that ended, by when they may be forgotten."""
        with self._memory.locked():
            for session, expires in ended.items():
                at = HEADER + self._words[COUNT] % RING * ENTRY
                self._bytes[at * 8 : at * 8 + 16] = session.bytes
                self._words[at + 2] = int(expires)
                self._words[COUNT] += 1

    def announced(self, after: int) -> Iterator[tuple[uuid.UUID, float]]:
        """Yield what was announced after the first `after` sessions. Raises `LookupError` if some are overwritten."""
        count = self._words[COUNT]
        found = []
        for number in range(after, count):
            at = HEADER + number % RING * ENTRY
            found.append((uuid.UUID(bytes=bytes(self._bytes[at * 8 : at * 8 + 16])), float(self._words[at + 2])))
        if self._words[COUNT] - after >= RING:  # the oldest may be overwritten at this moment
            raise LookupError("more sessions ended than are kept")
        yield from found

    def note_changed_rights(self) -> None:
        """Tell all workers that what they have read of anybody's rights is old."""
        self._words[RIGHTS] = max(self._words[RIGHTS], math.ceil(time.monotonic() * 1e6))

    @property
    def redis_list(self) -> tuple[int, int]:
        """The list in Redis that this host knows: its epoch (0 for none), and the number of its last change."""
        return self._words[EPOCH], self._words[LAST]

    @property
    def unsent_since(self) -> float:
        """When a worker last learned what Redis does not have yet (monotonic seconds); minus infinity if it has all."""
        return self._words[UNSENT_AT] / 1e6 if self._words[UNSENT] else -math.inf

    def note_unsent(self) -> None:
        """Say that this worker knows something that Redis does not have. A host that starts anew trusts it no more."""
        with self._memory.locked():
            self._words[UNSENT_AT] = math.ceil(time.monotonic() * 1e6)
            self._words[UNSENT] |= self._own_bit()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def note_sent(self, epoch: int, last: int, *, looked: float) -> None:
        """Say that Redis has all that this worker knows, in the list of that epoch, up to its change `last`.

        A worker that `looked` at the accounts (monotonic seconds) since others learned something knows that, too.
        """
        with self._memory.locked():
            unsent = self._words[UNSENT] & ~self._own_bit()
            if looked * 1e6 > self._words[UNSENT_AT]:
                unsent = 0
            unchanged = (self._words[EPOCH], self._words[LAST], self._words[UNSENT]) == (epoch, last, unsent)
            self._words[EPOCH], self._words[UNSENT] = epoch, unsent
            self._words[LAST] = last
        if not unsent and not unchanged:
            self._keep(epoch, last)

    def _own_bit(self) -> int:
        self._memory.own_counters(0)
        return 1 << self._memory.worker_slot % 62

    def _keep(self, epoch: int, last: int) -> None:
        draft = self._path.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps({"epoch": epoch, "last": last}))
            draft.rename(self._path)

    def _recall(self) -> None:
        try:
            kept = json.loads(self._path.read_text())
            self._words[EPOCH], self._words[LAST] = int(kept["epoch"]), int(kept["last"])
        except (OSError, ValueError, KeyError, TypeError):
            self._words[EPOCH] = self._words[LAST] = 0

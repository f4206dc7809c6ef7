"""Where this instance stands between its start and its end, as the process that started it says."""

import contextlib
import mmap
from collections.abc import Callable
from enum import IntEnum


class Phase(IntEnum):
    """What an instance is doing, as `deploy/start.py` writes it."""

    SERVING = 0
    STARTING = 1  # its release is not done: no traffic yet
    DRAINING = 2  # it serves whoever still comes, and ends soon


class Lifecycle:
    """Reads the one byte of the file `number` that the starter shares with all workers; without a starter it serves.

    Reading it is reading memory, so every worker knows a change at once. A number that was inherited without its file
    counts as none.
    """

    def __init__(self, number: int) -> None:
        self._shared: mmap.mmap | bytes = bytes([Phase.SERVING])
        if number >= 0:
            with contextlib.suppress(OSError, ValueError):
                self._shared = mmap.mmap(number, 1, prot=mmap.PROT_READ)
        self._ends: Callable[[], bool] = lambda: False

    def ends_when(self, ends: Callable[[], bool]) -> None:
        """Set how to tell that this worker was asked to end (its server knows)."""
        self._ends = ends

    @property
    def ending(self) -> bool:
        """Whether what could go on for long should end now."""
        return self.phase is Phase.DRAINING or self._ends()

    @property
    def phase(self) -> Phase:
        """The phase at this moment."""
        return Phase(self._shared[0])

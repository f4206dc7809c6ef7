"""Where this instance stands between its start and its end, as the process that started it says."""

import contextlib
import mmap
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

    @property
    def phase(self) -> Phase:
        """The phase at this moment."""
        return Phase(self._shared[0])

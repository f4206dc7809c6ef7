"""The phase of this instance between start and end, as reported by the process that started it."""

import contextlib
import mmap
from collections.abc import Callable
from enum import IntEnum


class Phase(IntEnum):
    """The phase of an instance, as `deploy/start.py` writes it."""

    SERVING = 0
    STARTING = 1  # the release is not done: no traffic yet
    DRAINING = 2  # requests are still served, and the instance ends soon


class Lifecycle:
    """Reads the one byte that the starter shares with all workers in the file `number`; without a starter it serves.

    Reading it is a memory access, so every worker sees a change at once. A number inherited without its file counts as
    none.
    """

    def __init__(self, number: int) -> None:
        self._shared: mmap.mmap | bytes = bytes([Phase.SERVING])
        if number >= 0:
            with contextlib.suppress(OSError, ValueError):
                self._shared = mmap.mmap(number, 1, prot=mmap.PROT_READ)
        self._ends: Callable[[], bool] = lambda: False

    def ends_when(self, ends: Callable[[], bool]) -> None:
        """Set the function that tells whether this worker was asked to end; its server knows."""
        self._ends = ends

    @property
    def ending(self) -> bool:
        """Whether long-running work should end now."""
        return self.draining or self._ends()

    @property
    def draining(self) -> bool:
        """Whether the instance serves only requests that still arrive, and will end."""
        return self.phase is Phase.DRAINING

    @property
    def phase(self) -> Phase:
        """The present phase."""
        return Phase(self._shared[0])

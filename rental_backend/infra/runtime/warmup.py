"""What a new worker does before traffic may come: its connections are opened, and what all requests ask is asked once.

A worker with empty pools that meets its whole share of the traffic at once has requests wait for connections longer
than they may, where processors are scarce. Warming is bounded, and a dependency that is away is not waited for.
"""

import mmap
import os
import threading
import time
from collections.abc import Callable, Iterable

import structlog

from ...errors import AppError
from ...resilience import budget

WITHIN = 2.0  # seconds for all of it; then the rest is left to the requests
CONNECTIONS = 4  # opened of a pool, if it is as large
JOINING = 1.0  # seconds that a worker that joins others may keep its door closed
LOOK = 0.02
PLACES = 512  # of processes that were started together; their numbers lie close to each other

Step = Callable[[], object]


# D78: warm before traffic may come.
class Warmup:
    """One for all workers of a host, made before the fork; `start` warms the process that calls it, in a thread."""

    def __init__(self, probed: Callable[[], bool], steps: Iterable[Step] = ()) -> None:
        self.steps = list(steps)
        self.done = threading.Event()
        self._probed = probed
        self._stopping = threading.Event()
        self._cold = memoryview(mmap.mmap(-1, PLACES * 8)).cast("q")  # until when (ns) each counts as cold

    def start(self) -> None:
        """Begin. Until all who start with this process are warm, but no longer than `WITHIN`, `all_warm` says no."""
        if not self._probed():  # else the host has traffic already, and its other workers go on taking it
            self._cold[os.getpid() % PLACES] = time.monotonic_ns() + int(WITHIN * 1e9)
        threading.Thread(target=self._run, name="warmup", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end before its next step."""
        self._stopping.set()

    def wait(self, seconds: float = JOINING) -> None:
        """Keep a worker that joins others from taking requests before it is warm; the first ones take them at once."""
        if self._probed():
            self.done.wait(seconds)

    @property
    def all_warm(self) -> bool:
        """Whether this worker is warm, and those that were started together with it."""
        now = time.monotonic_ns()
        return self.done.is_set() and not any(until > now for until in self._cold.tolist())

    def _run(self) -> None:
        while not self._probed():
            if self._stopping.wait(LOOK):
                return
        try:
            with budget(WITHIN):
                for step in self.steps:
                    if not self._stopping.is_set():
                        _take(step)
        finally:
            self._cold[os.getpid() % PLACES] = 0
            self.done.set()


def _take(step: Step) -> None:
    """Take one step; what cannot be done is left to the requests."""
    try:
        step()
    except AppError:  # it is away, or short of time
        return
    except Exception:
        structlog.get_logger("rental_backend.warmup").exception("not warmed", step=repr(step))

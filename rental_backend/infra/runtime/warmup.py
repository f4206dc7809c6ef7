"""The warm-up of a new worker before traffic: it opens connections, and runs once what every request runs.

Where processors are scarce, a worker with empty pools that gets its whole share of the traffic at once makes requests
wait for connections longer than they may. The warm-up is bounded, and does not wait for a dependency that is away.
"""

import mmap
import os
import threading
import time
from collections.abc import Callable, Iterable

import structlog

from ...errors import AppError
from ...resilience import budget

WITHIN = 2.0  # seconds for all steps; the rest is left to the requests
CONNECTIONS = 4  # opened in each pool, if it is that large
JOINING = 1.0  # seconds that a worker that joins others may delay its first request
LOOK = 0.02
PLACES = 512  # words, by process id; processes that start together have ids close to each other

Step = Callable[[], object]


# D78: warm before traffic may come.
class Warmup:
    """One for all workers of a host, created before the fork; `start` warms the calling process, in a thread."""

    def __init__(self, probed: Callable[[], bool], steps: Iterable[Step] = ()) -> None:
        self.steps = list(steps)
        self.done = threading.Event()
        self._probed = probed
        self._stopping = threading.Event()
        self._cold = memoryview(mmap.mmap(-1, PLACES * 8)).cast("q")  # until when (ns) each counts as cold

    def start(self) -> None:
        """Begin. `all_warm` is False until all workers that start together are warm, but no longer than `WITHIN`."""
        if not self._probed():  # else the host already has traffic, and its other workers go on serving it
            self._cold[os.getpid() % PLACES] = time.monotonic_ns() + int(WITHIN * 1e9)
        threading.Thread(target=self._run, name="warmup", daemon=True).start()

    def stop(self) -> None:
        """End the thread before its next step."""
        self._stopping.set()

    def wait(self, seconds: float = JOINING) -> None:
        """Delay a worker that joins others until it is warm; the first workers of a host serve at once."""
        if self._probed():
            self.done.wait(seconds)

    @property
    def all_warm(self) -> bool:
        """Whether this worker is warm, and all that were started together with it."""
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
                        _run_step(step)
        finally:
            self._cold[os.getpid() % PLACES] = 0
            self.done.set()


def _run_step(step: Step) -> None:
    """Run a step; if it fails, that is left to the requests."""
    try:
        step()
    except AppError:  # the dependency is away, or time is short
        return
    except Exception:
        structlog.get_logger("rental_backend.warmup").exception("not warmed", step=repr(step))

"""The scheduler: periodic tasks of each worker, run one after the other in one thread."""

import os
import threading
import time
from collections.abc import Callable

import structlog

from ...errors import AppError

TICK = 0.25
REST = 2.0  # seconds, at least, after a task that failed

Task = Callable[[], object]


class Scheduler:
    """A thread that runs each task at its interval. A task that fails is run again the next time."""

    def __init__(self) -> None:
        self._tasks: list[tuple[float, Task]] = []
        self._owner: int | None = None
        self._stopping = threading.Event()

    def every(self, seconds: float, task: Task) -> None:
        """Add a task; to be called before `start`."""
        self._tasks.append((seconds, task))

    def start(self) -> None:
        """Start the thread of this process, once; a forked child starts its own."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._stopping = threading.Event()
            threading.Thread(target=self._run, name="background", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()

    def _run(self) -> None:
        due = [0.0] * len(self._tasks)
        while not self._stopping.is_set():
            for number, (seconds, task) in enumerate(self._tasks):
                if time.monotonic() >= due[number]:
                    due[number] = time.monotonic() + (seconds if _done(task) else max(seconds, REST))
            self._stopping.wait(TICK)


def _done(task: Task) -> bool:
    """Run a task and return whether it succeeded."""
    try:
        task()
    except AppError:  # an outage: tried again next time
        return False
    except Exception:
        structlog.get_logger("rental_backend.background").exception("chore failed", chore=repr(task))
        return False
    return True

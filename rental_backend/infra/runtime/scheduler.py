"""What each worker does beside its requests: chores, one after the other, in one thread."""

import os
import threading
import time
from collections.abc import Callable

import structlog

from ...errors import AppError

TICK = 0.25
REST = 2.0  # seconds after a chore that failed

Task = Callable[[], object]


class Scheduler:
    """A thread that does each chore every so many seconds. One that fails is done again the next time."""

    def __init__(self) -> None:
        self._tasks: list[tuple[float, Task]] = []
        self._owner: int | None = None
        self._stopping = threading.Event()

    def every(self, seconds: float, task: Task) -> None:
        """Add a chore; call it before the start."""
        self._tasks.append((seconds, task))

    def start(self) -> None:
        """Start the thread of this process, once; a forked child starts its own."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._stopping = threading.Event()
            threading.Thread(target=self._run, name="background", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopping.set()

    def _run(self) -> None:
        due = [0.0] * len(self._tasks)
        while not self._stopping.is_set():
            for number, (seconds, task) in enumerate(self._tasks):
                if time.monotonic() >= due[number]:
                    due[number] = time.monotonic() + (seconds if _done(task) else max(seconds, REST))
            self._stopping.wait(TICK)


def _done(task: Task) -> bool:
    """Do a chore and tell whether that went well."""
    try:
        task()
    except AppError:  # an outage: next time
        return False
    except Exception:
        structlog.get_logger("rental_backend.background").exception("chore failed", chore=repr(task))
        return False
    return True

"""The background thread that finds out whether a dependency is back, or still there."""

import os
import threading
from collections.abc import Callable

from .breaker import CLOSED, Breaker


class Prober:
    """Probes one dependency of one process: an open breaker when it is due, an idle closed one as a heartbeat.

    `attempt` makes the trial call under its own deadline and raises when it fails. Users never probe.
    """

    def __init__(self, breaker: Breaker, attempt: Callable[[], None], *, heartbeat: float = 2.0) -> None:
        self.breaker = breaker
        self.settled = threading.Event()
        self._attempt = attempt
        self._heartbeat = heartbeat
        self._stopping = threading.Event()
        self._owner: int | None = None

    def start(self) -> None:
        """Start the thread of this process, once; a forked child starts its own."""
        if self._owner == os.getpid():
            return
        self._owner = os.getpid()
        self._stopping = threading.Event()
        threading.Thread(target=self._run, name=f"probe-{self.breaker.name}", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end after the probe it may be making."""
        self._stopping.set()
        self.breaker.wake()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.once()
            self.settled.set()
            self.breaker.wait(self._pause())

    def _pause(self) -> float:
        """Return the seconds until something is due."""
        if self.breaker.current_state != CLOSED:
            return max(0.01, self.breaker.retry_after)  # somebody else may be probing now
        if self.breaker.fail_counter:
            return 0.1
        return max(0.1, self._heartbeat - self.breaker.idle)

    def once(self) -> None:
        """Make the probe that is due now, if any."""
        if self.breaker.current_state != CLOSED:
            if self.breaker.retry_after <= 0:
                self.breaker.probe(self._attempt)
        elif self.breaker.idle >= self._heartbeat or self.breaker.fail_counter:
            try:
                self.breaker.call(self._attempt)
            except Exception:  # judged and counted by the breaker
                return

"""The background thread that finds out whether a dependency is back, or still available."""

import contextlib
import os
import threading
from collections.abc import Callable

from .breaker import Breaker
from .breaker_state import HEARTBEAT
from .engine import Engine

LONGEST_PAUSE = 0.5  # seconds; then look at what other workers may have done


class Prober:
    """Probes one dependency: when its open breaker is due, and as a heartbeat while its closed breaker is idle.

    Every process runs one; the breaker ensures that only one of them probes at a time. `attempt` makes the trial call
    under its own deadline and raises when it fails. Requests never probe. `settled` is set as soon as any process has
    probed the dependency once. `while_busy`: the heartbeat goes on while calls are made, as these may use connections
    that lead elsewhere than a fresh one. `refresh` is called in every process, once per heartbeat, whichever probes;
    its `OSError` says nothing about the dependency.
    """

    def __init__(
        self,
        breaker: Breaker,
        attempt: Callable[[], None],
        *,
        heartbeat: float = 2.0,
        while_busy: bool = False,
        refresh: Callable[[], object] | None = None,
    ) -> None:
        self.breaker = breaker
        self.settled = threading.Event()
        self._attempt = attempt
        self._heartbeat, self._while_busy = heartbeat, while_busy
        self._refresh, self._refreshed = refresh, float("-inf")
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
        """End the thread, after the probe it may be making."""
        self._stopping.set()
        self.breaker.wake()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.once()
            if not self.breaker.never_probed:
                self.settled.set()
            self.breaker.wait(self._pause())

    def _pause(self) -> float:
        """Return the seconds until something may be due."""
        if not self.settled.is_set():
            return 0.02
        if not self.breaker.closed:
            return min(LONGEST_PAUSE, max(0.01, self.breaker.retry_after))
        return 0.1 if self.breaker.fail_counter else min(LONGEST_PAUSE, self._heartbeat)

    def once(self) -> None:
        """Make the probe that is due now, unless another process makes it."""
        if self._refresh and self.breaker.clock() >= self._refreshed + self._heartbeat:
            self._refreshed = self.breaker.clock()
            with contextlib.suppress(OSError):
                self._refresh()
        if not self.breaker.closed:
            self.breaker.probe(self._attempt)
        elif heartbeat_due(self.breaker.engine, self._heartbeat, while_busy=self._while_busy):
            try:
                self.breaker.call(self._attempt)
            except Exception:  # classified and counted by the breaker
                return


def idle(engine: Engine) -> float:
    """Return the seconds since the last counted call of any worker, or since the last change of state."""
    return engine.clock() - max(engine.breaker_state.since, float(engine.breaker_state.last_second(engine.generation)))


def heartbeat_due(engine: Engine, interval: float, *, while_busy: bool = False) -> bool:
    """Return True to one caller over all workers per `interval` (seconds) while the breaker is closed, and idle."""
    breaker_state, now = engine.breaker_state, engine.clock() * 1000
    at = breaker_state.base + HEARTBEAT
    pause = 100 if breaker_state.consecutive_failures else interval * 1000
    if (
        not engine.admits
        or now < breaker_state.words[at] + pause
        or (not while_busy and idle(engine) < interval and not breaker_state.consecutive_failures)
    ):
        return False
    with breaker_state.memory.locked():
        if now < breaker_state.words[at] + pause:
            return False
        breaker_state.words[at] = int(now)
        return True

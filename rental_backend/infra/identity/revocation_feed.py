"""The thread of each worker that keeps its list of endings and changed rights up to date."""

import os
import threading

import structlog

from .revocations import Revocations

EVERY = 0.75  # seconds between two looks


class RevocationFeed:
    """Refreshes the list every `EVERY` seconds, and at once when there is something to pass on."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations
        self._owner: int | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start the thread of this process, once; a forked child starts its own."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._stopping = threading.Event()
            threading.Thread(target=self._run, name="revocations", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._revocations.wake.set()

    def _run(self) -> None:
        failing = False
        while not self._stopping.is_set():
            self._revocations.wake.clear()
            try:
                self._revocations.refresh()
                failing = False
            except Exception:
                if not failing:  # said once: tokens are trusted less until it works again
                    structlog.get_logger("rental_backend.identity").exception("changes of accounts cannot be read")
                failing = True
            self._revocations.wake.wait(EVERY)

"""What a human sees of us and asks of us: lines with the elapsed seconds, Ctrl-C."""

import signal
import sys
import time


class SetupError(Exception):
    """Why the command cannot go on, in one line for a human."""


class Stop(Exception):
    """The user asked for the end."""


class Console:
    """Says how far we are, and hears Ctrl-C, a request to terminate and a closed terminal."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.asked_to_stop = 0

    def say(self, line: str) -> None:
        """Print a line of progress."""
        print(f"[{time.monotonic() - self.began:5.1f} s] {line}", flush=True)

    def fail(self, line: str) -> None:
        """Print why we give up."""
        print(line, file=sys.stderr, flush=True)

    def listen(self) -> None:
        """From now on a signal to stop interrupts us at `pause` only, where nothing is left half done."""
        wishes = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup: to outlive the terminal is wanted
            wishes.remove(signal.SIGHUP)
        for number in wishes:
            signal.signal(number, lambda *_: self._hear())

    def pause(self) -> None:
        """Let a moment pass; raises `Stop` when the user asked for it."""
        if self.asked_to_stop:
            raise Stop
        time.sleep(0.03)

    def _hear(self) -> None:
        self.asked_to_stop += 1

"""The starter, run as the first process of a container is: what it starts is in its care, orphans too."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from tests.serving import ROOT, free_port, until

# Like process 1, the starter inherits orphans: the flag of a "child subreaper" (36) outlives the exec.
AS_FIRST = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "deploy.start", *sys.argv[1:]])
"""


class Started:
    """One running starter; its output, and that of all it started, is in `log`."""

    def __init__(self, environ: Mapping[str, str], log: Path, arguments: Sequence[str] = ()) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", AS_FIRST, *arguments],
                cwd=ROOT,
                env={**environ, "PORT": str(self.port)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self, words: str) -> int:
        """How often it has printed these words."""
        return self.log.read_text(errors="replace").count(words)

    def ready(self) -> "requests.Response":
        """Ask whether traffic may come, on a connection of its own."""
        return requests.get(f"{self.url}/health/ready", timeout=5)

    def alive(self) -> bool:
        """Whether it answers."""
        return requests.get(f"{self.url}/health", timeout=5).status_code == 200

    def serves(self) -> "Started":
        """Wait until it is ready for traffic, and return it."""
        until(lambda: self.process.poll() is not None or self.ready().status_code == 200, 30, f"see {self.log}")
        assert self.process.poll() is None, self.log.read_text()
        return self

    @property
    def gunicorn(self) -> int:
        """The process id of gunicorn's master."""
        return next(pid for pid in children(self.process.pid) if b"gunicorn" in command(pid))

    def workers(self) -> list[int]:
        """The process ids of gunicorn's workers."""
        return children(self.gunicorn)

    def send(self, number: signal.Signals) -> None:
        """Send the starter alone a signal."""
        self.process.send_signal(number)

    def ends(self, seconds: float = 20) -> int:
        """Wait for its end, and return the exit code."""
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End whatever still runs of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


def children(pid: int) -> list[int]:
    """The children of a process, ended ones that nobody has waited for included."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command(pid: int) -> bytes:
    """The command line of a process; nothing for one that has ended."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()

"""The real server: gunicorn with its workers, started from the checkout, as a test needs it."""

import contextlib
import inspect
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests

from tests.scanner import SCANNER

ROOT = Path(__file__).parent.parent


def until(condition: Callable[[], Any], seconds: float = 10.0, what: str = "") -> Any:
    """Return the condition's value as soon as it is true; fail after `seconds`, and say `what` or which condition."""
    ends = time.monotonic() + seconds
    while True:
        with contextlib.suppress(requests.RequestException):
            value = condition()
            if value:
                return value
        if time.monotonic() > ends:
            raise AssertionError(f"not within {seconds} s: {what or _described(condition)}")
        time.sleep(0.02)  # the pause between two looks at a condition


def _described(condition: Callable[[], Any]) -> str:
    """Return the source of a condition in one line, without the values in it, which may be secrets."""
    function = inspect.unwrap(getattr(condition, "func", condition))
    if getattr(function, "__name__", "") != "<lambda>":
        return str(getattr(function, "__qualname__", type(function).__qualname__))
    with contextlib.suppress(OSError, TypeError):  # no source: it was made of a text
        return " ".join(inspect.getsource(function).split())
    return f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"


def free_port() -> int:
    """Return a loopback port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Gunicorn:
    """One running `gunicorn wsgi:app`, or another `target`; its output is in `log`."""

    def __init__(self, environ: dict[str, str], log: Path, target: str = "wsgi:app") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.began = time.monotonic()
        SCANNER.keep(*(environ.get(name, "") for name in ("SECRET_KEY", "ADMIN_PASSWORD", "BREAK_GLASS_HASH")))
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", target],
                cwd=ROOT,
                env={**kept, "PORT": str(self.port), **environ},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def answers(self, path: str = "/health", status: int = 200) -> bool:
        """Tell whether a path is answered with a status."""
        return requests.get(self.url + path, timeout=5).status_code == status

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def processor_time(self) -> float:
        """Return the seconds of a processor that its workers have used, in steps of 10 ms each."""
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split() for pid in self.workers()]
        return sum(int(user) + int(kernel) for user, kernel in (each[11:13] for each in stats)) / 100

    def stop(self) -> int:
        """Stop it as the platform does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


@contextlib.contextmanager
def serving(environ: dict[str, str], log: Path, *, ready: bool = True) -> Iterator[Gunicorn]:
    """Serve within the block; with `ready`, only when all dependencies are up in every worker that answers."""
    server = Gunicorn(environ, log)
    try:
        until(lambda: server.answers("/health/ready?strict=1" if ready else "/health"), 20, f"see {log}")
        yield server
    finally:
        server.stop()
        SCANNER.search_file(log)

"""Serving something, asking it, and reading what that cost in processor time."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploy.private.binaries import ROOT

TICK = os.sysconf("SC_CLK_TCK")
WORKERS, THREADS, CLIENTS = 2, 8, 4


@dataclass(frozen=True)
class Cost:
    """What a request cost: milliseconds of processor time in the application and in the database, and requests/s."""

    application: float
    database: float
    rate: float

    @property
    def processor(self) -> float:
        """Milliseconds of processor time in all."""
        return self.application + self.database


@contextlib.contextmanager
def served(target: str, environ: dict[str, str], *, bare: bool = False) -> Iterator[tuple[int, int]]:
    """Serve a WSGI application with gunicorn; yield its port and the process id of its master.

    A bare one gets the same workers and threads without our configuration's hooks.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sizes = {"PORT": str(port), "WEB_CONCURRENCY": str(WORKERS), "WEB_THREADS": str(THREADS), "LOG_LEVEL": "INFO"}
    options = ["--config=/dev/null", f"--bind=127.0.0.1:{port}", "--worker-class=gthread", "--worker-tmp-dir=/dev/shm"]
    options += [f"--workers={WORKERS}", f"--threads={THREADS}", "--no-control-socket", "--keep-alive=75"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *(options if bare else ()), target],
        cwd=ROOT,
        env={**os.environ, **environ, **sizes},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_until(answers: Callable[[], bool], seconds: float = 20) -> None:
    """Return when `answers` is true; raise TimeoutError after `seconds`."""
    ends = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if answers():
                return
        if time.monotonic() > ends:
            raise TimeoutError("the server does not answer")
        time.sleep(0.05)


def ask(port: int, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Return status and body of one GET."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def cost(port: int, path: str, headers: dict[str, str], requests: int, application: int, database: set[int]) -> Cost:
    """Ask `requests` times over kept connections and return the cost of one. Every answer must be 200."""
    before = _seconds({application, *_children(application)}), _seconds(database)
    began = time.monotonic()
    failures: list[int] = []
    threads = [
        threading.Thread(target=_repeat, args=(port, path, headers, requests // CLIENTS, failures))
        for _ in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    if failures:
        raise RuntimeError(f"{len(failures)} answers were not 200, the first was {failures[0]}")
    after = _seconds({application, *_children(application)}), _seconds(database)
    made = requests // CLIENTS * CLIENTS
    return Cost((after[0] - before[0]) * 1000 / made, (after[1] - before[1]) * 1000 / made, made / took)


def _repeat(port: int, path: str, headers: dict[str, str], times: int, failures: list[int]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(times):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            failures.append(answer.status)
    connection.close()


def _children(pid: int) -> set[int]:
    path = f"/proc/{pid}/task/{pid}/children"
    with open(path) as listing:  # noqa: PTH123 - a file of the kernel
        return {int(child) for child in listing.read().split()}


def _seconds(pids: set[int]) -> float:
    """Return the processor time that processes have used, in seconds; those of ended ones count as nothing."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            fields = stat.read().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICK
    return total

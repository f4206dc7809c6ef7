"""Serving something, asking it, and reading what that cost in processor time, in time, and in memory."""

import contextlib
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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


class Client:
    """One kept connection. It reads no more of an answer than it must, for its work is not what is measured."""

    def __init__(self, port: int, path: str, token: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
            "User-Agent: benchmark\r\nAccept: application/json\r\n\r\n"
        ).encode()

    def ask(self) -> int:
        """Return the status of an answer, which is read to its end."""
        self._socket.sendall(self._request)
        head, answer = b"", b""
        while not head:
            answer += self._receive()
            head = answer.partition(b"\r\n\r\n")[0].lower() if b"\r\n\r\n" in answer else b""
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        left = len(head) + 4 + int(length) - len(answer)
        while left > 0:
            left -= len(self._receive())
        return int(head.split(b" ", 2)[1])

    def _receive(self) -> bytes:
        data = self._socket.recv(2**18)
        if not data:
            raise ConnectionError("the server has closed the connection")
        return data

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class Served:
    """A server on a port, with a master process and its workers, that is asked with `token`."""

    def __init__(self, port: int, master: int) -> None:
        self.port, self.master, self.token, self.asked = port, master, "", 0

    def ask(self, path: str) -> int:
        """Return the status of one answer."""
        with contextlib.closing(Client(self.port, path, self.token)) as client:
            return client.ask()

    def body(self, path: str) -> bytes:
        """Return the body of one answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            return connection.getresponse().read()

    def cost(self, paths: Sequence[str], requests: int, database: set[int]) -> Cost:
        """Ask `requests` times over kept connections and return the cost of one. Every answer must be 200.

        Each client keeps to one of the paths, so that with as many none is answered with what another has asked for.
        """
        before, began = (_seconds(self._processes()), _seconds(database)), time.monotonic()
        failures: list[int] = []
        each = requests // CLIENTS
        asked = (paths[client % len(paths)] for client in range(CLIENTS))
        threads = [threading.Thread(target=self._repeat, args=(path, each, failures)) for path in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
        if failures:
            raise RuntimeError(f"{len(failures)} clients were not answered with 200, the first with {failures[0]}")
        after, made = (_seconds(self._processes()), _seconds(database)), each * CLIENTS
        self.asked += made
        return Cost((after[0] - before[0]) * 1000 / made, (after[1] - before[1]) * 1000 / made, made / took)

    def _repeat(self, path: str, times: int, failures: list[int]) -> None:
        status = 0
        with contextlib.suppress(OSError), contextlib.closing(Client(self.port, path, self.token)) as client:
            for _ in range(times):
                status = client.ask()
                if status != 200:
                    break
            else:
                return
        failures.append(status)

    def median(self, path: str, requests: int) -> float:
        """Return the median time of an answer to one client, in seconds."""
        with contextlib.closing(Client(self.port, path, self.token)) as client:
            took = []
            for _ in range(requests):
                began = time.perf_counter()
                client.ask()
                took.append(time.perf_counter() - began)
        self.asked += requests
        return statistics.median(took)

    def memory(self) -> list[float]:
        """Return the proportional set size of each worker, in megabytes."""
        rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self._processes() - {self.master})
        return [int(text.partition("\nPss:")[2].split()[0]) / 1024 for text in rollups]

    def _processes(self) -> set[int]:
        listing = Path(f"/proc/{self.master}/task/{self.master}/children").read_text()
        return {self.master, *map(int, listing.split())}


def served(target: str, environ: dict[str, str], *, bare: bool = False) -> contextlib.AbstractContextManager[Served]:
    """Serve a WSGI application with gunicorn.

    A bare one gets the same workers and threads without our configuration's hooks.
    """
    options = ["--config=/dev/null", "--worker-class=gthread", "--worker-tmp-dir=/dev/shm"]
    options += [f"--workers={WORKERS}", f"--threads={THREADS}", "--no-control-socket", "--keep-alive=75"]
    if not bare:
        return _running(lambda _: ["gunicorn", target], environ)
    return _running(lambda port: ["gunicorn", *options, f"--bind=127.0.0.1:{port}", target], environ)


def uvicorn(target: str, environ: dict[str, str]) -> contextlib.AbstractContextManager[Served]:
    """Serve an ASGI application with uvicorn on uvloop and httptools, with as many workers."""
    options = [f"--workers={WORKERS}", "--loop=uvloop", "--http=httptools", "--no-access-log", "--log-level=warning"]
    return _running(lambda port: ["uvicorn", *options, f"--port={port}", target], environ)


@contextlib.contextmanager
def _running(command: Callable[[int], Sequence[str]], environ: dict[str, str]) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sizes = {"PORT": str(port), "WEB_CONCURRENCY": str(WORKERS), "WEB_THREADS": str(THREADS), "LOG_LEVEL": "INFO"}
    sizes["GUNICORN_CMD_ARGS"] = "--max-requests=0"  # a worker that is replaced meanwhile is another's memory and start
    process = subprocess.Popen(
        [sys.executable, "-m", *command(port)],
        cwd=ROOT,
        env={**os.environ, **environ, **sizes},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Served(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_until(answers: Callable[[], bool], seconds: float = 30) -> None:
    """Return when `answers` is true; raise TimeoutError after `seconds`."""
    ends = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if answers():
                return
        if time.monotonic() > ends:
            raise TimeoutError("the server does not answer")
        time.sleep(0.05)


def _seconds(pids: set[int]) -> float:
    """Return the processor time that processes have used, in seconds; ended processes count as nothing."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICK
    return total

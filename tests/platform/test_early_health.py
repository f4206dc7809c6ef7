"""A start under gunicorn: health is told before the application is imported, and whoever wants more is not refused."""

import contextlib
import http.client
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from rental_backend.web.operations.early_health import MOST_KEPT
from tests.serving import Gunicorn, until

GATED = "tests.platform.gated:app"
THERE = "127.0.0.2"  # another address of this machine's, which its clients have as well
Serve = Callable[..., Gunicorn]


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """What holds the import of the application up, until it is opened."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    return gate


@pytest.fixture
def serve(settings: dict[str, str], tmp_path: Path, gate: Path) -> Iterator[Serve]:
    """Start a server of its own: `serve()` serves what waits before the gate, `serve("wsgi:app")` what does not."""
    with contextlib.ExitStack() as stack:

        def serve(target: str = GATED, **more: str) -> Gunicorn:
            environ = {**settings, "WEB_CONCURRENCY": "2", "LOG_LEVEL": "INFO", "GATE": str(gate), **more}
            server = Gunicorn(environ, tmp_path / "gunicorn.log", target)
            stack.callback(server.stop)
            return server

        yield serve


class Client:
    """Somebody from THERE, on one connection."""

    def __init__(self, server: Gunicorn) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(20)
        # Else its port, once closed, is one that `free_port` finds free and a server cannot bind for a minute.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((THERE, 0))
        self.socket.connect(("127.0.0.1", server.port))
        self.address = f"::ffff:{THERE} {self.socket.getsockname()[1]}"

    def says(self, text: str) -> "Client":
        """Send this, and return the client."""
        self.socket.sendall(text.encode())
        return self

    def hears(self) -> http.client.HTTPResponse:
        """Return one answer; its body was read."""
        answer = http.client.HTTPResponse(self.socket)
        answer.begin()
        answer.read()
        return answer


def asks(path: str, method: str = "GET", **headers: str) -> str:
    """Return a request."""
    told = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\nHost: shop\r\n{told}\r\n"


def early(server: Gunicorn) -> bool:
    """Whether health is told by what comes before the application: no worker has signed the answer."""
    answer = requests.get(f"{server.url}/health", timeout=5)
    assert (answer.status_code, answer.json()["service"]) == (200, "rental_backend")
    return "Server" not in answer.headers


def test_whoever_asks_for_more_waits_and_is_answered(serve: Serve, gate: Path) -> None:
    """More than may be kept, slow ones among them: each is answered on its connection, as who it is, and none twice.

    Health is told all the while. The master keeps no connection of theirs.
    """
    server = serve()
    until(lambda: early(server), what="health before the application")
    silent, slow = Client(server), Client(server).says("GET /hea")
    readers = [Client(server).says(asks("/api/customers")) for _ in range(MOST_KEPT // 2)]
    body = '{"username": "nobody", "password": "wrong"}'
    login = asks("/api/auth/login", "POST", Content_Type="application/json", Content_Length=str(len(body))) + body
    writer = Client(server).says(login)
    assert early(server)
    readers += [Client(server).says(asks("/api/customers")) for _ in range(MOST_KEPT)]

    gate.write_bytes(b"")

    answers = [reader.hears() for reader in readers]
    assert {
        (answer.status, answer.getheader("X-Client") == reader.address)
        for answer, reader in zip(answers, readers, strict=True)
    } == {(401, True)}
    assert writer.hears().status == 400  # wrong credentials, so its body was read
    assert [each.says(asks("/health")).hears().status for each in (silent, readers[0])] == [200, 200]
    assert slow.says(asks("lth/ready").removeprefix("GET ")).hears().getheader("X-Client") == slow.address
    assert not early(server)
    assert len(_sockets(server.process.pid)) == 1  # the port


def _sockets(pid: int) -> list[Path]:
    return [each for each in Path(f"/proc/{pid}/fd").iterdir() if str(each.readlink()).startswith("socket:")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_start_ends_when_it_is_told_to(serve: Serve, number: signal.Signals) -> None:
    """An end does not wait for the import, nor for who waits for it; it is one in good order."""
    server = serve()
    until(lambda: early(server), what="health before the application")
    waiting = Client(server).says(asks("/api/customers"))

    server.process.send_signal(number)

    assert server.process.wait(5) == 0
    with pytest.raises((ConnectionError, http.client.BadStatusLine)):
        waiting.hears()
    assert "Traceback" not in server.log.read_text()


def test_an_application_that_cannot_be_imported_ends_the_start(serve: Serve) -> None:
    """It says why, fails, and leaves the port."""
    server = serve("tests.platform.nowhere:app")

    assert server.process.wait(20) == 1
    assert "No module named 'tests.platform.nowhere'" in server.log.read_text()
    with socket.socket() as again:
        again.bind(("127.0.0.1", server.port))


@pytest.mark.parametrize("number", [signal.SIGHUP, pytest.param(signal.SIGUSR2, marks=pytest.mark.full)])
def test_a_renewal_is_no_start(serve: Serve, number: signal.Signals) -> None:
    """While workers, or the master too, are renewed those of before answer; the port is the one of before."""
    # A master that was started by `python -m` finds gunicorn's `http` instead of Python's when it is started again.
    server = serve("wsgi:app", PYTHONSAFEPATH="1")
    until(lambda: server.answers("/health/ready"), 20, f"see {server.log}")
    before = set(server.workers())

    server.process.send_signal(number)
    seen = []

    def renewed() -> bool:
        seen.append(early(server))
        booted = server.log.read_text().count("Booting worker")
        return booted == 4 if number == signal.SIGUSR2 else booted == 4 and not before & set(server.workers())

    until(renewed, 30, f"see {server.log}")
    assert not any(seen)
    listening = [line for line in server.log.read_text().splitlines() if "Listening at: http://[::]:" in line]
    assert len(listening) == (2 if number == signal.SIGUSR2 else 1)

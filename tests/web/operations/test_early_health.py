"""What is answered before there is an application, what is kept for a worker, and that nothing of it is lost."""

import contextlib
import json
import multiprocessing
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from rental_backend.web.operations.early_health import MOST_KEPT, EarlyHealth, Kept
from tests.serving import until

SHOP = "https://shop.example"
HERE = ("127.0.0.1", 0)
FORK = multiprocessing.get_context("fork")


@dataclass
class Port:
    """A port that is answered early, and its clients."""

    early: EarlyHealth
    listener: socket.socket = field(default_factory=lambda: socket.create_server(HERE, backlog=2048))
    clients: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def says(self, *parts: str) -> socket.socket:
        """Return a new connection on which this was said, each part on its own."""
        client = self.clients.enter_context(socket.create_connection(self.listener.getsockname(), timeout=5))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            client.sendall(part.encode())
        return client

    def answers(self, said: str) -> bytes:
        """Return all that comes back; fails unless the connection is closed after it."""
        with self.says(said) as client:
            return b"".join(iter(lambda: client.recv(4096), b""))


@dataclass
class Worker:
    """A worker that accepts, and does no more."""

    accepted: list[tuple[socket.socket, Any, Any]] = field(default_factory=list)

    def accept(self, listener: Kept) -> None:
        """Accept as gunicorn's worker does."""
        self.accepted.append((*listener.accept(), listener.getsockname()))

    def takes(self, early: EarlyHealth) -> list[tuple[bytes, Any]]:
        """Return what each kept client has said, with its address."""
        early.hand_over(self)
        found = []
        for connection, client, _ in self.accepted:
            with connection, contextlib.suppress(BlockingIOError):
                found.append((connection.recv(2**16), client))
        return found


@pytest.fixture
def port() -> Iterator[Port]:
    """A port that the pages of SHOP may call."""
    port = Port(EarlyHealth(origins=[SHOP]))
    port.listener.setblocking(False)
    with port.listener, port.clients:
        yield port


def request(line: str, **headers: str) -> str:
    """Return a request of this line and these headers."""
    told = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"{line}\r\nHost: shop\r\n{told}\r\n"


@pytest.mark.parametrize("line", ["GET /health HTTP/1.1", "GET /health/ HTTP/1.1", "GET /health HTTP/1.0"])
def test_health_has_the_shape_that_the_application_gives_it(port: Port, client: FlaskClient, line: str) -> None:
    """The same members, types and headers, and the truth: a process that has looked at nothing yet is degraded."""
    with port.early.answering([port.listener]):
        head, _, body = port.answers(request(line)).decode().partition("\r\n\r\n")

    later, now = client.get("/health"), json.loads(body)
    headers = dict(each.split(": ") for each in head.split("\r\n")[1:])
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert (now["status"], now["mode"]) == ("degraded", "normal")
    assert later.json is not None
    assert [*now] == [*later.json]
    assert {name: now[name] for name in ("version", "service")} == {n: later.json[n] for n in ("version", "service")}
    assert datetime.fromisoformat(now["timestamp"]).tzinfo is not None
    assert headers.keys() == {*later.headers.keys(), "Date", "Connection"}  # which gunicorn adds
    assert (headers["Connection"], headers["Content-Length"]) == ("close", str(len(body)))
    assert headers["Content-Type"] == later.headers["Content-Type"]


def test_a_head_has_no_body(port: Port) -> None:
    """HEAD is answered with the headers of GET."""
    with port.early.answering([port.listener]):
        answer = port.answers(request("HEAD /health HTTP/1.1"))

    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: 0" not in answer


def test_a_page_of_ours_may_read_it(port: Port) -> None:
    """A browser sees no CORS error: the answer names the caller, says that it depends on it, and shows its id."""
    with port.early.answering([port.listener]):
        answer = port.answers(request("GET /health HTTP/1.1", origin=SHOP, X_Request_ID="a.b-1")).decode()

    assert f"\r\nAccess-Control-Allow-Origin: {SHOP}\r\n" in answer
    assert "\r\nAccess-Control-Expose-Headers: X-Request-ID\r\n" in answer
    assert "\r\nVary: Origin\r\n" in answer
    assert "\r\nX-Request-ID: a.b-1\r\n" in answer


WAITING = {
    "another path": request("GET /api/health HTTP/1.1"),
    "readiness": request("GET /health/ready HTTP/1.1"),
    "the root": request("GET / HTTP/1.1"),
    "a question": request("GET /health?strict=1 HTTP/1.1"),
    "another method": request("POST /health HTTP/1.1"),
    "a preflight": request("OPTIONS /health HTTP/1.1", origin=SHOP, Access_Control_Request_Method="GET"),
    "an origin that a worker may know": request("GET /health HTTP/1.1", origin="https://added.example"),
    "a body to come": request("GET /health HTTP/1.1", content_length="3"),
    "a body in pieces": request("GET /health HTTP/1.1", Transfer_Encoding="chunked"),
    "two at once": request("GET /health HTTP/1.1") * 2,
    "half a line": "GET /hea",
    "half a head": "GET /health HTTP/1.1\r\nHost: shop\r\n",
    "another protocol": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no words at all": "\0\1\2",
}


@pytest.mark.parametrize("said", WAITING.values(), ids=WAITING)
def test_whatever_else_is_asked_waits_for_a_worker(port: Port, said: str) -> None:
    """The worker gets the connection with every byte on it, and the addresses of both ends."""
    with port.early.answering([port.listener]):
        waiting = port.says(said)
        assert port.answers(request("GET /health HTTP/1.1")).startswith(b"HTTP/1.1 200 ")

    worker = Worker()
    assert worker.takes(port.early) == [(said.encode(), waiting.getsockname())]
    assert worker.accepted[0][2] == port.listener.getsockname()


def test_everybody_waits_where_an_answer_would_not_be_true() -> None:
    """Who is told to be silent, as in another mode, answers nobody and keeps them all."""
    port = Port(EarlyHealth(origins=[SHOP], silent=True))
    with port.listener, port.clients:
        port.listener.setblocking(False)
        with port.early.answering([port.listener]):
            waiting = port.says(request("GET /health HTTP/1.1"))
            until(lambda: not _in_the_queue(port.listener), what="it is accepted")

        assert Worker().takes(port.early) == [(request("GET /health HTTP/1.1").encode(), waiting.getsockname())]


def _in_the_queue(listener: socket.socket) -> int:
    """Return how many connections wait to be accepted (`tcpi_unacked` of a listening socket)."""
    return int.from_bytes(listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[24:28], "little")


def test_whoever_is_slow_keeps_nobody_waiting(port: Port) -> None:
    """Silent clients, and one in the middle of its line, are kept as they are; who speaks later is answered."""
    with port.early.answering([port.listener]):
        silent = [port.says() for _ in range(20)]
        port.says("GET /hea")
        for _ in range(20):
            assert port.answers(request("GET /health HTTP/1.1")).startswith(b"HTTP/1.1 200 ")
        silent[0].sendall(request("GET /health HTTP/1.1").encode())
        assert silent[0].recv(4096).startswith(b"HTTP/1.1 200 ")

    worker = Worker()
    worker.takes(port.early)
    assert [client for _, client, _ in worker.accepted[1:]] == [each.getsockname() for each in silent[1:]]


def test_whoever_has_gone_is_forgotten(port: Port) -> None:
    """A client that closed is closed; one that said all it had to say, and only listens, is answered."""
    with port.early.answering([port.listener]):
        port.says().close()
        half = port.says(request("GET /health HTTP/1.1"))
        half.shutdown(socket.SHUT_WR)
        assert half.recv(4096).startswith(b"HTTP/1.1 200 ")

    assert Worker().takes(port.early) == []


def test_a_crowd_waits_in_the_queue_of_the_port(port: Port) -> None:
    """No more than so many are kept; the rest are nobody's yet, so that all workers share them."""
    with port.early.answering([port.listener]):
        for _ in range(MOST_KEPT + 50):
            port.says(request("GET /api/customers HTTP/1.1"))
        until(lambda: _in_the_queue(port.listener) == 50, what="as many as may be are kept")

    assert len(Worker().takes(port.early)) == MOST_KEPT


def test_a_child_has_them_and_its_parent_does_not(port: Port) -> None:
    """After the first fork only the child holds a kept connection: when it closes one, its client knows."""
    with port.early.answering([port.listener]):
        waiting = port.says(request("GET / HTTP/1.1"))
        until(lambda: not _in_the_queue(port.listener), what="it is accepted")

    child = FORK.Process(target=lambda: Worker().takes(port.early))
    child.start()
    child.join()

    assert child.exitcode == 0
    assert waiting.recv(4096) == b""  # nobody else has it
    assert Worker().takes(port.early) == []

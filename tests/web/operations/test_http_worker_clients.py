"""A worker of one thread, in this process, and its clients: what it waits for, what it ends, what it keeps."""

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from gunicorn.config import Config

from rental_backend.web.operations import http_worker
from rental_backend.web.operations.http_worker import Bounds, Worker
from tests.serving import until

BODY = 100_000
LARGE = bytes(range(256)) * 2**15  # 8 MB, which no buffers of a connection hold


@dataclass
class Toy:
    """An application: a path of digits answers so many bytes of LARGE, anything else what was sent."""

    closed: int = 0
    made: int = 0
    ran: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as WSGI has it."""
        path, sent = environ["PATH_INFO"][1:], environ["wsgi.input"].read()
        self.ran.append(path)
        if path == "stream":
            start_response("200 OK", [])
            return self._pieces()
        body = LARGE[: int(path)] if path.isdigit() else sent
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def _pieces(self) -> Iterator[bytes]:
        try:
            for start in range(0, len(LARGE), 2**16):
                self.made += 1
                yield LARGE[start : start + 2**16]
        finally:
            self.closed += 1


@dataclass
class Served:
    """A running worker and its port."""

    worker: Worker
    toy: Toy
    port: int
    clients: contextlib.ExitStack

    def says(self, said: bytes = b"", *, buffer: int = 0) -> socket.socket:
        """Return a new connection on which this was said; `buffer` bounds what it takes before it reads."""
        client = self.clients.enter_context(socket.socket())
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(10)
        client.connect(("127.0.0.1", self.port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(said)
        return client

    def hears(self, said: bytes) -> bytes:
        """Return all that comes back until the connection is closed."""
        return _all(self.says(said))


def _all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(2**16), b""))


def _request(path: str = "", body: bytes = b"", *more: str) -> bytes:
    length = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([f"POST /{path} HTTP/1.1", "Host: here", *length, *more, "", ""]).encode() + body


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A worker that loses patience after 0.4 s, and has at most eight clients."""
    monkeypatch.setattr(http_worker, "LOOK", 0.05)
    config = Config()
    for name, value in {"threads": 1, "worker_connections": 8, "graceful_timeout": 5, "keepalive": 60}.items():
        config.set(name, value)
    listener = socket.create_server(("127.0.0.1", 0))
    worker = Worker(1, os.getppid(), [listener], None, 30, config, logging.getLogger("worker"))
    worker.bounds, worker.wsgi = Bounds(patience=0.4, body=BODY), Toy()
    worker.tpool, worker.poller = worker.get_thread_pool(), selectors.DefaultSelector()
    worker.method_queue.init()
    running = threading.Thread(target=worker.run)
    running.start()
    with contextlib.ExitStack() as clients:
        yield Served(worker, worker.wsgi, listener.getsockname()[1], clients)
    worker.handle_exit(0, None)
    running.join(10)
    assert not running.is_alive()
    assert (worker.nr_conns, worker._waiting.held) == (0, 0)


CLOSE = "Connection: close"


def test_a_request_in_pieces_is_answered_as_one_in_one(served: Served) -> None:
    """Byte by byte, sized and in chunks, and two that come together, in their order."""
    chunked = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    for said in (_request("", b"hello"), chunked):
        client = served.says()
        for byte in said + _request("", b"last", CLOSE):
            client.send(bytes([byte]))
        piecemeal, together = _all(client), served.hears(said + _request("", b"last", CLOSE))
        assert [line for line in piecemeal.split(b"\r\n") if b"Date" not in line] == [
            line for line in together.split(b"\r\n") if b"Date" not in line
        ]
        assert together.count(b"200 OK") == 2
        assert together.endswith(b"last")


def test_a_client_that_waits_to_send_its_body_is_told_to_once(served: Served) -> None:
    """And not at all if it sends the body anyway, or if that is too large."""
    head, body = _request("", b"hello", "Expect: 100-continue", CLOSE).split(b"hello")[0], b"hello"
    client = served.says(head)
    assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(body)
    assert b"100 Continue" not in _all(client)
    assert served.hears(head + body).startswith(b"HTTP/1.1 200")

    large = _request("", b"", "Expect: 100-continue", f"Content-Length: {BODY + 1}")
    assert b"100 Continue" not in served.hears(large)


def test_a_client_that_takes_its_time_gets_all_of_an_answer(served: Served) -> None:
    """Whole or as a stream; others are answered meanwhile, by the only thread."""
    served.worker.bounds = Bounds(patience=10, body=BODY)
    for path in (str(len(LARGE)), "stream"):
        client, heard = served.says(_request(path, b"", CLOSE), buffer=2**17), b""
        while piece := client.recv(2**16):
            heard += piece
            if len(heard) < len(LARGE) / 2:
                assert served.hears(_request("", b"hello", CLOSE)).endswith(b"hello")
        whole = served.hears(_request(path, b"", CLOSE))
        assert heard.partition(b"\r\n\r\n")[2] == whole.partition(b"\r\n\r\n")[2]
    assert served.toy.closed == 2


def test_an_answer_that_nobody_takes_is_not_made(served: Served) -> None:
    """It is cut off, what it is made of is closed, and the thread is free all the while."""
    client = served.says(_request("stream"), buffer=2**12)
    until(lambda: served.toy.made)
    assert served.hears(_request("", b"hello", CLOSE)).endswith(b"hello")

    until(lambda: served.toy.closed)

    assert served.toy.made < len(LARGE) / 2**16
    with pytest.raises(ConnectionResetError):
        _all(client)


def test_a_client_that_is_slow_but_steady_is_waited_for(served: Served) -> None:
    """One that sends more than a kilobyte a second outlasts the worker's patience by far; one that stops does not."""
    whole = _request("", b" " * 5000, CLOSE)
    steady, stops = served.says(whole[:-4000]), served.says(whole[:-4000])
    began, sent = time.monotonic(), 0

    def sends() -> bool:
        nonlocal sent
        if time.monotonic() > began + 0.1 * (sent + 1):
            steady.sendall(b" " * 400)
            sent += 1
        return sent == 10

    until(sends)
    assert _all(steady).startswith(b"HTTP/1.1 200")
    assert _all(stops).startswith(b"HTTP/1.1 408")


def test_new_clients_find_room_among_those_who_wait(served: Served) -> None:
    """With as many as there may be the longest waiting goes, first of all one that was never answered."""
    kept = served.says(_request())
    assert kept.recv(1000).startswith(b"HTTP/1.1 200")
    waiting = [served.says() for _ in range(7)]

    assert served.hears(_request("", b"hello", CLOSE)).endswith(b"hello")

    assert waiting[0].recv(1) == b""
    kept.sendall(_request())
    assert kept.recv(1000).startswith(b"HTTP/1.1 200")


def test_bodies_that_are_not_whole_take_bounded_memory(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest waiting is refused when more is kept than may be, and a whole body is answered."""
    monkeypatch.setattr(http_worker, "MOST_HELD", 300_000)
    served.worker.bounds = Bounds(patience=10, body=BODY)
    waiting = [served.says(_request("", b" " * 90_000)[:-1000]) for _ in range(4)]

    assert served.hears(_request("", b" " * 80_000, CLOSE)).startswith(b"HTTP/1.1 200")

    assert _all(waiting[0]).startswith(b"HTTP/1.1 408")


def test_a_body_for_which_there_is_no_room_is_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the time after which there may be; a small request finds room."""
    monkeypatch.setattr(http_worker, "MOST_HELD", 50_000)

    refused = served.hears(_request("", b" " * 90_000, CLOSE))

    assert refused.startswith(b"HTTP/1.1 503")
    assert b"\r\nRetry-After: 1\r\n" in refused
    assert served.hears(_request("", b"hello", CLOSE)).endswith(b"hello")


def test_a_client_that_leaves_within_its_body_is_answered(served: Served) -> None:
    """It may have closed one direction only. Within a head there is nothing to answer."""
    client = served.says(_request("", b"hello")[:-2])
    client.shutdown(socket.SHUT_WR)
    assert _all(client).endswith(b"hel")

    client = served.says(b"POST / HT")
    client.shutdown(socket.SHUT_WR)
    assert _all(client) == b""

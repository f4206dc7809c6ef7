"""Health while the application is imported, which takes a second or more from when gunicorn has begun to listen.

A request for `/health` is answered at once. A request for anything else stays unread on its own connection, and the
first worker takes it from there. This module imports next to nothing: a first answer waits for it.
"""

import contextlib
import json
import os
import re
import selectors
import socket
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from ..middleware.request_ids import request_id
from .liveness import liveness

MOST_KEPT = 256  # connections; further ones stay in the kernel's queue, from where all workers take them
LONGEST_HEAD = 2**13  # bytes of a request that are looked at
# A whole request without a body, and nothing after it: what is left unread at a close may cost the client its answer.
ASKED = re.compile(rb"(GET|HEAD) /health/? HTTP/1\.[01]\r\n((?:[^\r\n]+\r\n)*)\r\n")
WITH_A_BODY = {"content-length", "transfer-encoding"}


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A connection, and what a worker asks a port for: it accepts from here as it would from there."""

    connection: socket.socket
    client: Any  # addresses, as the socket's family has them
    server: Any

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the connection and its client's address."""
        return self.connection, self.client

    def getsockname(self) -> Any:
        """Return the address that the client has called."""
        return self.server


# D98: gunicorn listens before the application is imported.
class EarlyHealth:
    """Answers `/health` within `answering`, and keeps every other connection until `hand_over`.

    `origins` are those whose pages may call; a page of another one waits, since a worker may know more origins. With
    `silent` everybody waits.
    """

    def __init__(self, *, origins: Iterable[str], silent: bool = False) -> None:
        self._origins = frozenset(origins)
        self.silent = silent
        self._quiet: dict[Kept, None] = {}  # nothing was heard of them yet; in the order of their coming
        self._asking: list[Kept] = []

    @contextlib.contextmanager
    def answering(self, listeners: Iterable[Any]) -> Iterator[None]:
        """Answer what comes in by these within the block, in a thread. It has ended before this process may fork."""
        end, ended = socket.socketpair()
        with end, ended, selectors.DefaultSelector() as selector:
            for each in (ended, *listeners):
                selector.register(each, selectors.EVENT_READ)
            thread = threading.Thread(target=self._serve, args=(selector, ended), name="early-health", daemon=True)
            thread.start()
            try:
                yield
            finally:
                end.close()
                thread.join()
        os.register_at_fork(after_in_parent=self._let_go)

    def hand_over(self, worker: Any) -> None:
        """Have the worker, gunicorn's of threads, accept what was kept; the first that is forked is the only one."""
        for kept in self._taken():
            worker.accept(kept)

    def _let_go(self) -> None:
        """Close what a child has now, or a connection that it closes would stay open."""
        for kept in self._taken():
            kept.connection.close()

    def _taken(self) -> list[Kept]:
        """Return all connections that were kept, the first that sent something first, and keep none any longer."""
        taken = [*self._asking, *self._quiet]
        self._asking.clear()
        self._quiet.clear()
        return taken

    def _serve(self, selector: selectors.BaseSelector, ended: socket.socket) -> None:
        while True:
            for key, _ in selector.select():
                if key.fileobj is ended:
                    return
                if key.data:
                    self._look(selector, key.data)
                else:
                    self._accept(selector, key.fileobj)

    def _accept(self, selector: selectors.BaseSelector, listener: Any) -> None:
        if len(self._asking) + len(self._quiet) >= MOST_KEPT:
            selector.unregister(listener)
            return
        with contextlib.suppress(OSError):  # they have gone
            connection, client = listener.accept()
            connection.setblocking(False)
            kept = Kept(connection, client, listener.getsockname())
            self._quiet[kept] = None
            selector.register(connection, selectors.EVENT_READ, kept)

    def _look(self, selector: selectors.BaseSelector, kept: Kept) -> None:
        """Answer or keep each client that has sent something, and close connections whose client is gone."""
        selector.unregister(kept.connection)
        del self._quiet[kept]
        head = b""
        with contextlib.suppress(OSError):
            head = kept.connection.recv(LONGEST_HEAD, socket.MSG_PEEK)
        answer = self._answer(head)
        if head and not answer:
            self._asking.append(kept)
            return
        with kept.connection, contextlib.suppress(OSError):
            kept.connection.recv(len(head))
            kept.connection.sendall(answer)

    def _answer(self, head: bytes) -> bytes:
        """Return the answer to a request, if it is one about health that can be answered here; else nothing."""
        asked = ASKED.fullmatch(head)
        if self.silent or not asked:
            return b""
        lines = (line.partition(":") for line in asked[2].decode("latin-1").split("\r\n"))
        given = {name.strip().lower(): value.strip() for name, _, value in lines}
        origin = given.get("origin")
        if WITH_A_BODY & given.keys() or (origin and origin not in self._origins):
            return b""
        body = json.dumps(liveness(status="degraded", mode="normal"), separators=(",", ":"))
        headers = {
            "Date": formatdate(usegmt=True),
            "Connection": "close",
            "Content-Type": "application/json",
            "Content-Length": len(body),
            "Vary": "Origin",
            "X-Request-ID": request_id(given.get("x-request-id")),
        }
        if origin:
            headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "X-Request-ID"}
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 200 OK\r\n{told}\r\n{body if asked[1] == b'GET' else ''}".encode()

"""Crowds of clients, each to be run in a process of its own so that none slows another down.

They share the processors with the server, so they do as little as they can: requests are made up beforehand, and of an
answer only the status and `Retry-After` are read.
"""

import heapq
import json
import random
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field

from tests import factories

CROWD, SECONDS = 200, 5.0
Answers = list[tuple[float, int, float]]  # began, status, seconds


@dataclass
class _Clerk:
    """One who signs in, on a connection of his own that is kept."""

    request: bytes
    sock: socket.socket = field(default_factory=socket.socket)
    began: float = 0.0
    received: bytes = b""

    def ask(self) -> None:
        """Send the request; the answer is read when it is there."""
        self.began, self.received = time.time(), b""
        self.sock.sendall(self.request)

    def read(self) -> tuple[int, float] | None:
        """Return the status of the answer and in how many seconds to come again, or None until it is whole."""
        if not (piece := self.sock.recv(65536)):
            raise ConnectionError("the server hung up")
        self.received += piece
        head, ended, body = self.received.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        said = dict(line.split(b": ", 1) for line in lines[1:] if b": " in line)
        if not ended or len(body) < int(said[b"content-length"]):
            return None
        return int(lines[0].split()[1]), float(said.get(b"retry-after", b"0"))


def request(method: str, path: str, token: str = "", body: bytes = b"") -> bytes:
    """Return a whole request as it is sent."""
    head = f"{method} {path} HTTP/1.1\r\nHost: storm\r\nContent-Length: {len(body)}\r\n"
    head += f"Authorization: Bearer {token}\r\n" if token else ""
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


def _signing_in(number: int) -> bytes:
    body = json.dumps({"username": f"crowd-{number}", "password": factories.PASSWORD})
    return request("POST", "/api/auth/login", body=body.encode())


def storm(port: int, begins: float) -> Answers:
    """Sign everybody in at the same moment; who is refused comes again when he was told to.

    Within a second or two of that, as people do, since `Retry-After` knows whole seconds only.
    """
    waiting = [(begins, number, _Clerk(_signing_in(number))) for number in range(CROWD)]
    seen: Answers = []
    asking = 0
    with selectors.DefaultSelector() as answers:
        while asking or time.time() < begins + SECONDS:
            while waiting and waiting[0][0] <= time.time() < begins + SECONDS:
                _, number, clerk = heapq.heappop(waiting)
                if not clerk.began:
                    clerk.sock.connect(("127.0.0.1", port))
                clerk.ask()
                answers.register(clerk.sock, selectors.EVENT_READ, (number, clerk))
                asking += 1
            for key, _ in answers.select(0.005):
                number, clerk = key.data
                if (said := clerk.read()) is None:
                    continue
                status, later = said
                answers.unregister(clerk.sock)
                asking -= 1
                seen.append((clerk.began, status, time.time() - clerk.began))
                if status != 200:
                    heapq.heappush(waiting, (time.time() + later + random.random(), number, clerk))
    return seen


def look_on(
    port: int, path: str, token: str, begins: float, clients: int, pause: float, seconds: float = SECONDS
) -> Answers:
    """Ask for a path again and again, `pause` seconds after each answer."""
    asked = request("GET", path, token)

    def look(seen: Answers) -> None:
        clerk = _Clerk(asked)
        clerk.sock.settimeout(30)
        clerk.sock.connect(("127.0.0.1", port))
        time.sleep(max(0.0, begins - time.time()))  # all begin at one moment
        while time.time() < begins + seconds:
            clerk.ask()
            while (said := clerk.read()) is None:
                pass  # more of it is to come
            seen.append((clerk.began, said[0], time.time() - clerk.began))
            time.sleep(pause)  # as a clerk does before the next question

    seen: Answers = []
    running = [threading.Thread(target=look, args=(seen,)) for _ in range(clients)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    return seen

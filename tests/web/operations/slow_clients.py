"""Clients that keep a server waiting, each kind in its way, many at a time in one thread."""

import contextlib
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.accounts.auth.sign_in_flood import Answers, request

LOOK = 0.05  # seconds between two looks at what came back
DRIP = 1.0  # seconds between two bytes
ANSWERS = 40  # of the largest page, which no buffers hold


@dataclass(frozen=True, slots=True)
class Kind:
    """What one kind of client says at once, what it says further, a byte a second, and what it takes of answers.

    `ends` is the status with which the server ends it: 0 is a cut, None that it may stay. `stays` is for how many
    seconds it goes on all the same.
    """

    first: bytes = b""
    drip: bytes = b""
    takes: int = 2**16
    ends: int | None = 408
    stays: float = 0.0


def kinds(token: str) -> dict[str, Kind]:
    """Return all kinds; the token is of one who may create customers."""

    def post(path: str, *more: str, signed: bool = False) -> bytes:
        lines = [f"POST {path} HTTP/1.1", "Host: here", "Content-Type: application/json", *more]
        return "\r\n".join([*lines, f"Authorization: Bearer {token}"] if signed else lines).encode() + b"\r\n\r\n"

    sized, chunked, large = "Content-Length: 5000", "Transfer-Encoding: chunked", "Content-Length: 5000000"
    page = request("GET", "/openapi.json")
    taking = {"signed": True}
    return {
        "says nothing": Kind(ends=None),
        "half a line": Kind(b"GET /hea"),
        "half a head": Kind(b"GET /health HTTP/1.1\r\nHost: here\r\n"),
        "head by bytes": Kind(drip=b"GET /health HTTP/1.1\r\nX-Slow: " + b"x" * 500),
        "no body": Kind(post("/api/customers", sized, **taking)),
        "half a body": Kind(post("/api/customers", sized, **taking) + b" " * 2500),
        "body by bytes": Kind(post("/api/customers", sized, **taking), drip=b" " * 500),
        "no chunk": Kind(post("/api/customers", chunked, **taking)),
        "half a chunk": Kind(post("/api/customers", chunked, **taking) + b"1000\r\n" + b" " * 2500),
        "chunk by bytes": Kind(post("/api/customers", chunked, **taking), drip=b"1\r\n \r\n" * 100),
        "waits for 100": Kind(post("/api/customers", sized, "Expect: 100-continue", **taking)),
        "refused, by bytes (401)": Kind(post("/api/customers", sized), drip=b" " * 500),
        "refused, chunks by bytes (401)": Kind(post("/api/customers", chunked), drip=b"1\r\n \r\n" * 100),
        "refused, by bytes (404)": Kind(post("/nowhere", sized), drip=b" " * 500),
        "too large, by bytes (413)": Kind(post("/api/auth/login", large), drip=b" " * 500, ends=413, stays=5.0),
        "too large a chunk (413)": Kind(
            post("/api/auth/login", chunked) + b"500000\r\n", drip=b" " * 500, ends=413, stays=5.0
        ),
        "takes nothing": Kind(page * ANSWERS, takes=0, ends=0, stays=20.0),
        "takes bytes": Kind(page * ANSWERS, takes=1, ends=0, stays=20.0),
        "stays idle": Kind(request("GET", "/health"), ends=None),
    }


@dataclass
class SlowClient:
    """One client of a kind. `heard` is what it took, `ended` when the server ended it (monotonic seconds)."""

    port: int
    kind: Kind
    heard: bytes = b""
    ended: float = 0.0
    sock: socket.socket = field(default_factory=socket.socket)
    began: float = 0.0
    said: int = 0
    took: float = 0.0

    def __post_init__(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.settimeout(10)
        self.sock.connect(("127.0.0.1", self.port))
        self.sock.setblocking(False)
        self.began = self.took = time.monotonic()
        self._say(self.kind.first)

    def look(self) -> None:
        """Say and take what it is time for."""
        now = time.monotonic()
        if self.said < min(len(self.kind.drip), int((now - self.began) / DRIP)):
            self._say(self.kind.drip[self.said : self.said + 1])
            self.said += 1
        if self.ended:
            return
        if self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.ended = now
        elif self.kind.takes > 1 or (self.kind.takes and now > self.took + DRIP):
            self.took = now
            self._take(now)

    def _say(self, said: bytes) -> None:
        with contextlib.suppress(OSError):
            self.sock.send(said)

    def _take(self, now: float) -> None:
        try:
            piece = self.sock.recv(self.kind.takes)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        self.heard += piece
        if not piece:
            self.ended = now

    @property
    def status(self) -> int | None:
        """The status with which the server ended it: 0 without one, None if it has not."""
        if not self.ended:
            return None
        lines = [line for line in self.heard.split(b"\r\n") if line.startswith(b"HTTP/1.1 ") and b"100 " not in line]
        return int(lines[0].split()[1]) if lines and self.kind.takes > 1 else 0


def besiege(port: int, kind: Kind, count: int, begins: float, seconds: float) -> Counter[int | None]:
    """Have so many clients of a kind at a server; one that is ended comes again. Returns how often each end was."""
    clients = [SlowClient(port, kind) for _ in range(count)]
    ends: Counter[int | None] = Counter()
    while time.time() < begins + seconds:
        for number, client in enumerate(clients):
            client.look()
            if client.ended and time.monotonic() > client.began + kind.stays:
                ends[client.status] += 1
                client.sock.close()
                clients[number] = SlowClient(port, kind)
        time.sleep(LOOK)  # the pause between two looks
    ends.update(client.status for client in clients if client.ended)
    for client in clients:
        client.sock.close()
    return ends


def ask_anew(port: int, path: str, begins: float, seconds: float) -> Answers:
    """Ask for a path again and again, each time on a connection of its own; a status of 0 is no answer."""
    asked = request("GET", path).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    seen: Answers = []
    time.sleep(max(0.0, begins - time.time()))  # all begin at one moment
    while time.time() < begins + seconds:
        began, heard = time.time(), b""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
            sock.sendall(asked)
            while piece := sock.recv(2**16):
                heard += piece
        seen.append((began, int(heard.split()[1]) if heard else 0, time.time() - began))
        time.sleep(0.01)  # as a load balancer does before the next question
    return seen

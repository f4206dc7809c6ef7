"""Readers and writers that log what every request of theirs came to."""

import contextlib
import http.client
import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client saw of one request; times are monotonic seconds, `status` 0 means that no answer came."""

    began: float
    ended: float
    kind: str
    status: int
    degraded: str
    headers: dict[str, str]
    sent: bytes
    body: bytes

    @property
    def took(self) -> float:
        """Seconds until the answer."""
        return self.ended - self.began


class Client:
    """Somebody who is signed in, on a connection that is kept; not to be used by two threads."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(
        self, kind: str, method: str, path: str, body: bytes | None = None, more: dict[str, str] | None = None
    ) -> Seen:
        """Send one request and return what came of it."""
        began = time.monotonic()
        try:
            self._connection.request(method, path, body, {**self._headers, **(more or {})})
            answer = self._connection.getresponse()
            got, status, said = answer.read(), answer.status, dict(answer.getheaders())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            got, status, said = b"", 0, {}
        return Seen(began, time.monotonic(), kind, status, said.get("X-Degraded", ""), said, body or b"", got)


@dataclass
class Load:
    """A number of clients on kept connections, each asking, pausing a little, asking again, until stopped.

    `author` is the token of those who write, if that is somebody else: nobody is shown an answer of before his own
    change, so somebody who changes customers all the time has none from memory.
    """

    port: int
    token: str
    pause: float
    author: str = ""
    seen: list[Seen] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    codes: Iterator[int] = field(default_factory=itertools.count)
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def read(self) -> None:
        """List customers, again and again."""
        self.repeat("read", "GET", "/api/customers?limit=50", lambda: None)

    def write(self) -> None:
        """Create customers, again and again."""

        def customer() -> bytes:
            code = f"{self.run}-{next(self.codes)}"  # atomic
            body = {"customer_code": code, "customer_type": "BUSINESS", "business_name": f"Company {code}"}
            return json.dumps(body).encode()

        self.repeat("write", "POST", "/api/customers", customer)

    def repeat(self, kind: str, method: str, path: str, body: Callable[[], bytes | None]) -> None:
        """Ask for this, again and again."""
        client = Client(self.port, self.author if kind == "write" and self.author else self.token)
        while not self.stop.wait(self.pause):
            self.seen.append(client.ask(kind, method, path, body()))

    def between(self, start: float, end: float, kind: str = "") -> list[Seen]:
        """Return what was asked within a span of monotonic time."""
        return [each for each in self.seen if start <= each.began < end and kind in ("", each.kind)]


@contextlib.contextmanager
def load(port: int, token: str, *, readers: int, writers: int, pause: float = 0.01, author: str = "") -> Iterator[Load]:
    """Keep the clients asking within the block, `pause` seconds between an answer and the next question."""
    running = Load(port, token, pause, author)
    threads = [threading.Thread(target=running.read) for _ in range(readers)]
    threads += [threading.Thread(target=running.write) for _ in range(writers)]
    with at_work(threads, running.stop):
        yield running


@contextlib.contextmanager
def at_work(threads: list[threading.Thread], stop: threading.Event) -> Iterator[None]:
    """Have the threads run within the block; `stop` is what ends them."""
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def quantile(values: list[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

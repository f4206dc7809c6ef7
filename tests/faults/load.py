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


@dataclass
class Load:
    """A number of clients on kept connections, each asking, pausing a little, asking again, until stopped."""

    port: int
    token: str
    pause: float
    seen: list[Seen] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    codes: Iterator[int] = field(default_factory=itertools.count)
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def read(self) -> None:
        """List customers, again and again."""
        self._repeat("read", "GET", "/api/customers?limit=50", lambda: None)

    def write(self) -> None:
        """Create customers, again and again."""

        def customer() -> bytes:
            code = f"{self.run}-{next(self.codes)}"  # atomic
            body = {"customer_code": code, "customer_type": "BUSINESS", "business_name": f"Company {code}"}
            return json.dumps(body).encode()

        self._repeat("write", "POST", "/api/customers", customer)

    def _repeat(self, kind: str, method: str, path: str, body: Callable[[], bytes | None]) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.stop.wait(self.pause):
            sent = body()
            began = time.monotonic()
            try:
                client.request(method, path, sent, headers)
                answer = client.getresponse()
                got, status, said = answer.read(), answer.status, dict(answer.getheaders())
            except (OSError, http.client.HTTPException):
                client.close()
                got, status, said = b"", 0, {}
            ended = time.monotonic()
            self.seen.append(Seen(began, ended, kind, status, said.get("X-Degraded", ""), said, sent or b"", got))

    def between(self, start: float, end: float, kind: str = "") -> list[Seen]:
        """Return what was asked within a span of monotonic time."""
        return [each for each in self.seen if start <= each.began < end and kind in ("", each.kind)]


@contextlib.contextmanager
def load(port: int, token: str, *, readers: int, writers: int, pause: float = 0.01) -> Iterator[Load]:
    """Keep the clients asking within the block, `pause` seconds between an answer and the next question."""
    running = Load(port, token, pause)
    threads = [threading.Thread(target=running.read) for _ in range(readers)]
    threads += [threading.Thread(target=running.write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        running.stop.set()
        for thread in threads:
            thread.join()


def quantile(values: list[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

"""Asking the application itself, over HTTP, who it is and how it does."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from deploy.railway.exits import UsageError
from deploy.railway.transport import OPENER, on_this_machine

PATIENCE = 10.0
LARGEST = 8 * 2**20
SERVICE, NORMAL = "rental_backend", "normal"


@dataclass(frozen=True)
class Answer:
    """What came back: `status` 0 when nothing did, and then `fault` says why. `seconds` is how long it took."""

    status: int
    headers: Message = field(default_factory=Message)
    body: bytes = b""
    fault: str = ""
    seconds: float = 0.0

    @property
    def json(self) -> Any:
        """Its body as JSON, None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def from_application(self) -> bool:
        """Whether the application answered, and not the edge in its place: it names each of its answers."""
        return self.status > 0 and "X-Request-ID" in self.headers

    def __str__(self) -> str:
        return f"status {self.status}" if self.status else f"no answer ({self.fault})"


@dataclass(frozen=True)
class Health:
    """Who answered, which of its dependencies it finds down, and in which mode it is.

    `deployment` is None when it did not say.
    """

    answer: Answer
    deployment: str | None = None
    commit: str | None = None
    down: frozenset[str] = frozenset()
    mode: str = NORMAL

    @property
    def good(self) -> bool:
        """Whether the application answered as it should, be it degraded."""
        return self.answer.status == 200 and self.answer.from_application

    @property
    def bad(self) -> bool:
        """Whether something answered, and that it does not work. No answer at all may be our own network's fault."""
        return self.answer.status > 0 and not self.good


def origin_of(domain: str) -> str:
    """The URL of a domain; only this machine is spoken to in clear text."""
    return f"http://{domain}" if on_this_machine(f"http://{domain}") else f"https://{domain}"


class Probe:
    """Asks the application at `base`, with `headers` in every request."""

    def __init__(self, base: str, headers: Mapping[str, str] | None = None) -> None:
        if urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).netloc:
            raise UsageError(f"{base!r} is not a URL of an application")
        self.base, self._headers = base.rstrip("/"), dict(headers or {})

    def ask(self, path: str, *, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """Send one request; whatever goes wrong is an `Answer`, too. Underscores in header names mean hyphens."""
        given = {"Accept": "application/json", "Cache-Control": "no-cache", **self._headers}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            given["Content-Type"] = "application/json"
        request = urllib.request.Request(self.base + path, data, given, method=method)  # noqa: S310 - http(s), see above
        began = time.monotonic()
        try:
            with OPENER.open(request, timeout=PATIENCE) as reply:
                return _answer(reply.status, reply.headers, reply.read(LARGEST), began)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.headers, error.read(LARGEST), began)
        except urllib.error.URLError as error:
            return Answer(0, fault=type(error.reason).__name__, seconds=time.monotonic() - began)
        except (OSError, HTTPException) as error:
            return Answer(0, fault=type(error).__name__, seconds=time.monotonic() - began)

    def health(self) -> Health:
        """Ask who answers, and what it finds down."""
        answer = self.ask("/api/health")
        told = answer.json
        if answer.status != 200 or not isinstance(told, dict) or told.get("service") != SERVICE:
            return Health(answer)
        states = told.get("dependencies")
        states = states if isinstance(states, dict) else {}
        down = frozenset(str(name) for name, state in states.items() if state != "closed")
        return Health(answer, told.get("deployment"), told.get("commit"), down, str(told.get("mode", NORMAL)))

    def causes(self) -> dict[str, str]:
        """Why each breaker that is not closed is so, as far as the application tells."""
        return {
            str(row.get("name")): f"{row.get('state')}, cause {row.get('cause')}, for {row.get('for_seconds')} s"
            for row in self._breakers()
            if row.get("state") != "closed"
        }

    def reached(self) -> frozenset[str]:
        """The dependencies that this build has reached at some time: their breakers were closed, and begin open."""
        return frozenset(
            str(row.get("name"))
            for row in self._breakers()
            if any("closed" in (event.get("from"), event.get("to")) for event in row.get("events") or ())
        )

    def _breakers(self) -> list[dict[str, Any]]:
        told = self.ask("/health/breakers").json
        rows = told.get("breakers") if isinstance(told, dict) else None
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _answer(status: int, headers: Message, body: bytes, began: float) -> Answer:
    return Answer(status, headers, body, seconds=time.monotonic() - began)

"""The application with a fault in each of its layers, which a request asks for in `X-Fault`.

Each fault says all that it can get hold of: what was sent, and by whom. What the database says is for triggers to say.
"""

import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Response, has_request_context, request

import wsgi
from rental_backend.actor import Actor
from rental_backend.infra.audit_outbox import SecurityEvent
from rental_backend.infra.identity.identity import Identity
from rental_backend.infra.postgres import database
from rental_backend.infra.redis.cache import Cache
from rental_backend.parties.customers import service
from rental_backend.web.endpoint import degraded, idempotency, pipeline, rate_limits, replies
from rental_backend.web.resource import import_export

app = wsgi.app
HEADER = "X-Fault"
PLACES: dict[str, tuple[Any, str]] = {
    "admission": (rate_limits, "admit"),
    "authentication": (pipeline, "authenticate"),
    "identity": (Identity, "standing"),
    "parsing": (pipeline, "read_body"),
    "unit of work": (pipeline, "run"),
    "service": (service, "_require_name"),
    "encoding": (pipeline, "encode"),
    "repeats": (idempotency, "once"),
    "stale answers": (degraded, "shared"),
    "commit": (database, "_commit"),
    "redis": (Cache, "run"),
    "response": (replies.Reply, "response"),
}
waiting: list[str] = []  # what the background is to fail on


def _all_there_is() -> str:
    return f"cannot take {request.get_data()!r} of {dict(request.headers)!r}, {request.query_string!r}"


def _fail(said: str) -> None:
    raise ValueError(said)


def _faulty(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def faulty(*args: Any, **kwargs: Any) -> Any:
        if has_request_context() and request.headers.get(HEADER) == name:
            _fail(f"{_all_there_is()}: {args!r} {kwargs!r}")
        return function(*args, **kwargs)

    return faulty


for name, (owner, attribute) in PLACES.items():
    setattr(owner, attribute, _faulty(name, getattr(owner, attribute)))


def _chunks(chunks: Callable[..., Iterator[Any]], *args: Any) -> Iterator[Any]:
    asked, said = request.headers.get(HEADER), _all_there_is()
    yield from chunks(*args)
    if asked == "stream":
        _fail(said)


import_export._chunks = functools.partial(_chunks, import_export._chunks)  # type: ignore[assignment]


def _fail_waiting() -> None:
    if waiting:
        _fail(waiting.pop())


class Finalized:
    """Fails as it is deleted."""

    def __init__(self, said: str) -> None:
        self.said = said

    def __del__(self) -> None:
        _fail(self.said)


@app.after_request
def behind(response: Response) -> Response:
    """Fail after the view, or begin what fails on its own."""
    said, services = _all_there_is(), app.extensions["services"]
    match request.headers.get(HEADER):
        case "after the view":
            _fail(said)
        case "thread":
            threading.Thread(target=_fail, args=(said,), name="a thread").start()
        case "finalizer":
            Finalized(said)
        case "background":
            waiting.append(said)
        case "audit outbox":
            about = SecurityEvent(
                actor=Actor(None, said[:100]), action="LEAK", resource="users", details={"said": said}
            )
            services.audit_outbox.write(about)
    return response


@app.teardown_request
def at_the_end(_: BaseException | None) -> None:
    """Fail when all is done."""
    if request.headers.get(HEADER) == "teardown":
        _fail(_all_there_is())


inner = app.wsgi_app


def _outermost(environ: Any, start_response: Any) -> Iterable[bytes]:
    if environ.get("HTTP_X_FAULT") == "server":
        _fail(f"cannot take {environ!r}")
    return inner(environ, start_response)


app.wsgi_app = _outermost  # type: ignore[method-assign]
services = app.extensions["services"]
services.scheduler.every(0.2, _fail_waiting)
services.warmup.steps.append(lambda: _fail(os.environ["PLANTED"]))

"""What every request gets: an id, a clock, a line in the log; and the limits every request is held to."""

import contextlib
import random
import re
import time
from typing import TYPE_CHECKING, Any

from flask import Request, Response, g, request

from ...config import Config
from ...infra.runtime.modes import Mode
from ..endpoint.application import Application
from ..endpoint.context import current_services
from .logs import write_access

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
DRAIN_BYTES = 32 * 2**20
DRAIN_SECONDS = 5.0


def register(app: Application, config: Config) -> None:
    """Number and log every request, and bound its body."""
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes
    app.wsgi_app = _drained(app.wsgi_app)  # type: ignore[method-assign, assignment]

    @app.before_request
    def begin() -> None:
        given, kept = request.environ.get("HTTP_X_REQUEST_ID"), g._get_current_object()
        kept.began = time.perf_counter()
        kept.request_id = given if given and ACCEPTABLE_ID.fullmatch(given) else _new_id()

    @app.finish
    def end(response: Response, asked: Request, kept: Any) -> None:
        response.headers.add("X-Request-ID", kept.request_id)
        services = current_services()
        mode = services.modes.current
        if mode is not Mode.NORMAL:
            response.headers["X-Mode"] = mode.value
        services.log_level.apply()
        if asked.endpoint != "health.alive":
            write_access(
                request_id=kept.request_id,
                trace_id=kept.get("trace_id"),
                method=asked.method,
                path=asked.path,
                route=asked.url_rule.rule if asked.url_rule else None,
                status=response.status_code,
                ms=round((time.perf_counter() - kept.began) * 1000, 2),
                user=kept.get("username"),
                degraded=kept.get("degraded"),
                code=kept.get("code"),
                cause=kept.get("cause"),
                edge_id=asked.environ.get("HTTP_X_RAILWAY_REQUEST_ID"),
            )


def _new_id() -> str:
    """Return a random UUID (version 4). It keeps no secret, so that it need not cost a system call."""
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _drained(inner: "WSGIApplication") -> "WSGIApplication":
    """Read on what a refusal left of the body: a connection closed on it is reset before the client knows why."""

    def drained(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        answer = inner(environ, start_response)
        if environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING"):
            with contextlib.suppress(Exception):  # whatever is wrong with the rest, the answer stands
                _drain(environ["wsgi.input"])
        return answer

    return drained


def _drain(body: Any) -> None:
    """Read to the end, but not for long: a client that goes on sending is cut off after all."""
    left, ends = DRAIN_BYTES, time.monotonic() + DRAIN_SECONDS
    while left > 0 and time.monotonic() < ends:
        data = body.read(min(left, 2**16))
        if not data:
            return
        left -= len(data)

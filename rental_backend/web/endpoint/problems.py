"""The one place that renders errors: `application/problem+json` (RFC 9457), whatever went wrong."""

from typing import Any

import orjson
import structlog
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ...errors import AppError, Busy

log = structlog.get_logger("rental_backend.problems")
MEDIA_TYPE = "application/problem+json"
NOWHERE = "no-store"
NUMBERED = orjson.OPT_NON_STR_KEYS  # messages about a list bear the numbers of its elements


def problem(status: int, code: str, title: str, detail: str, **members: Any) -> Response:
    """Return a problem document; further keywords become its members."""
    body = {
        "type": f"/problems/{code.replace('_', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": g.get("request_id"),
        **({"trace_id": g.trace_id} if "trace_id" in g else {}),
        **members,
    }
    made = Response(orjson.dumps(body, default=str, option=NUMBERED), status, content_type=MEDIA_TYPE)
    made.headers.add("Cache-Control", NOWHERE)  # a 404 would be kept otherwise (RFC 9110, 15.1), with its request's id
    return made


def register(app: Flask) -> None:
    """Have every error of the application rendered here."""
    app.register_error_handler(AppError, expected)
    app.register_error_handler(HTTPException, raised)
    app.register_error_handler(MemoryError, _short_of_memory)
    app.register_error_handler(Exception, _unexpected)


def expected(error: AppError) -> Response:
    """Render one of our own errors."""
    members = dict(error.members)
    response = problem(error.status, members.pop("code", error.code), error.title, error.detail, **members)
    response.headers.update(error.headers)
    if error.status >= 500:  # an outage is expected: the request's line in the log says so, without a traceback
        g.code = error.code
        g.cause = type(error.__cause__).__name__ if error.__cause__ else None
    return response


def raised(error: HTTPException) -> Response:
    """Render what Flask itself raises (404, 405, 413 and the like), keeping its headers."""
    status = error.code or 500
    name = error.name or "Error"
    response = problem(status, name.lower().replace(" ", "_").replace("'", ""), name, error.description or name)
    response.headers.extend(
        (key, value) for key, value in error.get_headers() if key.lower() not in ("content-type", "content-length")
    )
    if isinstance(error, RequestEntityTooLarge):
        response.headers["Connection"] = "close"
    return response


def _short_of_memory(error: MemoryError) -> Response:
    """Render a want of memory: what was asked is neither wrong nor done."""
    refused = Busy("memory", 5)
    refused.__cause__ = error
    return expected(refused)


def _unexpected(error: Exception) -> Response:
    log.exception("unexpected error", error=type(error).__name__)
    return problem(500, "internal_error", "Internal error", "Something went wrong here. It was written down.")

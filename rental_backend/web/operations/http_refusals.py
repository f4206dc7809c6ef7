"""What is refused before the application is asked: problem documents, too, which repeat nothing that was sent."""

import http
import json
from typing import NamedTuple

from gunicorn.http import errors


class TooSlow(Exception):
    """A client sends a request more slowly than it may."""


class TooMuch(Exception):
    """More bodies of requests wait for a thread than there is memory for."""


class Refusal(NamedTuple):
    """How a request is refused that cannot be read."""

    status: int
    code: str
    detail: str


NOT_HTTP = Refusal(400, "bad_request", "This is not a request of HTTP/1.1.")
BROKEN = Refusal(500, "internal_error", "Something went wrong here. It was written down.")
REFUSALS: dict[type[Exception], Refusal] = {  # the first that fits; what is raised is told by its kind only
    TooSlow: Refusal(408, "request_timeout", "The request came too slowly. Nothing was done."),
    TooMuch: Refusal(503, "overloaded", "Too many requests wait here. Nothing was done; try again in 1 s."),
    errors.InvalidResponseHeader: BROKEN,
    errors.InvalidResponseHeaderName: BROKEN,
    errors.ConfigurationProblem: BROKEN,
    errors.LimitRequestLine: Refusal(414, "uri_too_long", "The path with its query is too long."),
    errors.LimitRequestHeaders: Refusal(431, "headers_too_large", "There are too many headers, or one is too long."),
    errors.ExpectationFailed: Refusal(417, "expectation_failed", "No expectation but 100-continue is met."),
    errors.UnsupportedTransferCoding: Refusal(501, "not_implemented", "This transfer coding is not read."),
    errors.ForbiddenProxyRequest: Refusal(403, "forbidden", "This address is no proxy."),
    errors.ParseException: NOT_HTTP,
}


def refusal(error: BaseException) -> Refusal:
    """Return how a request is refused that ended with an error."""
    return next((said for kind, said in REFUSALS.items() if isinstance(error, kind)), BROKEN)


def page(said: Refusal, name: str) -> bytes:
    """Return the whole answer of a refusal, whose request is called by a name."""
    title = http.HTTPStatus(said.status).phrase
    members = {"type": f"/problems/{said.code.replace('_', '-')}", "title": title, "status": said.status}
    body = json.dumps({**members, "detail": said.detail, "code": said.code, "request_id": name}, separators=(",", ":"))
    headers = {
        "Connection": "close",
        "Content-Type": "application/problem+json",
        "Content-Length": len(body),
        "Cache-Control": "no-store",
        "X-Request-ID": name,
        **({"Retry-After": 1} if said.status == 503 else {}),
    }
    told = "".join(f"{header}: {value}\r\n" for header, value in headers.items())
    return f"HTTP/1.1 {said.status} {title}\r\n{told}\r\n{body}".encode()

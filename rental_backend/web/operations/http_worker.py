"""gunicorn's worker of threads, whose own refusals are problem documents, too, and whose log repeats nothing sent."""

import http
import json
from typing import NamedTuple

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from ..middleware.request_ids import request_id


class Refusal(NamedTuple):
    """How a request is refused that cannot be read."""

    status: int
    code: str
    detail: str


NOT_HTTP = Refusal(400, "bad_request", "This is not a request of HTTP/1.1.")
BROKEN = Refusal(500, "internal_error", "Something went wrong here. It was written down.")
REFUSALS: dict[type[Exception], Refusal] = {  # the first that fits; what is raised is told by its kind only
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
    }
    told = "".join(f"{header}: {value}\r\n" for header, value in headers.items())
    return f"HTTP/1.1 {said.status} {title}\r\n{told}\r\n{body}".encode()


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker of threads."""

    def handle_error(self, req: object, client: object, addr: object, exc: BaseException) -> None:  # noqa: ARG002
        """Refuse a request that cannot be read, or on which the application failed. What was sent is not logged."""
        said, given = refusal(exc), dict(getattr(req, "headers", None) or ())
        name = request_id(given.get("X-REQUEST-ID"))
        if said is BROKEN:
            asked = f"{getattr(req, 'method', None) or 'a request'} {getattr(req, 'path', '')}".rstrip()
            self.log.error("request %s failed outside of the application: %s", name, asked, exc_info=exc)
        else:
            self.log.warning("request %s refused as %s (%s)", name, said.status, type(exc).__name__)
        try:
            util.write_nonblock(client, page(said, name))
        except Exception:  # they have gone
            self.log.debug("the refusal of request %s was not sent", name)

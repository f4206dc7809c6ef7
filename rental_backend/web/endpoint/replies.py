"""What a view returns, encoded once: for the caller, for who asks the same just now, and for the stale store."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import Request, Response, g, request
from werkzeug.datastructures import Headers

from .etags import unchanged

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

READS = ("GET", "HEAD")
JSON = "application/json"


class Sent(Response):
    """A response that was given its body and all its headers: it is sent as it is, and there is nothing to close."""

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Send it; whoever asks by HEAD is told only how long it would be."""
        start_response(self.status, self.headers.to_wsgi_list())
        return () if environ["REQUEST_METHOD"] == "HEAD" else self.response  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Reply:
    """An encoded answer."""

    body: bytes | Iterable[bytes]
    status: int
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, degraded: Iterable[str] = ()) -> Response:
        """Return it as Flask's response, which says how it is degraded; what the caller has is not sent again."""
        made, kept = self._plain(request._get_current_object()), g._get_current_object()  # type: ignore[attr-defined]
        marks = list(dict.fromkeys([*degraded, *kept.get("degraded", ())]))  # the view may have said so too
        if marks:
            made.headers["X-Degraded"] = ", ".join(marks)
            kept.degraded = marks
        return made

    def _plain(self, asked: Request) -> Response:
        etag = self.headers.get("ETag")
        if etag and self.status == 200 and asked.method in READS and unchanged(asked, etag):
            return Response(status=304, headers=self.headers)
        if isinstance(self.body, bytes) and self.body:
            headers = Headers()  # which takes a whole mapping in twice the time
            for named in {"Content-Type": JSON, "Content-Length": str(len(self.body)), **self.headers}.items():
                headers.add(*named)
            return Sent([self.body], self.status, headers)
        return Response(self.body, self.status, self.headers)

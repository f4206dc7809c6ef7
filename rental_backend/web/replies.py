"""What a view returns, encoded once: for the caller, for who asks the same just now, and for the stale store."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flask import Response, g, request
from werkzeug.datastructures import Headers

from .conditional import unchanged

READS = ("GET", "HEAD")
JSON = "application/json"


class Sent(Response):
    """A response that was given all its headers: nothing is worked out and nothing copied when it is sent."""

    def get_wsgi_headers(self, _: Any) -> Headers:
        """Return the headers as they are."""
        return self.headers


@dataclass(frozen=True, slots=True)
class Reply:
    """An encoded answer."""

    body: bytes | Iterable[bytes]
    status: int
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, degraded: Iterable[str] = ()) -> Response:
        """Return it as Flask's response, which says how it is degraded; what the caller has is not sent again."""
        made, kept = self._plain(), g._get_current_object()
        marks = list(dict.fromkeys([*degraded, *kept.get("degraded", ())]))  # the view may have said so too
        if marks:
            made.headers["X-Degraded"] = ", ".join(marks)
            kept.degraded = marks
        return made

    def _plain(self) -> Response:
        etag = self.headers.get("ETag")
        if etag and self.status == 200 and request.method in READS and unchanged(etag):
            return Response(status=304, headers=self.headers)
        if isinstance(self.body, bytes) and self.body:
            headers = {"Content-Type": JSON, "Content-Length": str(len(self.body)), **self.headers}
            return Sent([self.body], self.status, Headers(headers))
        return Response(self.body, self.status, self.headers)

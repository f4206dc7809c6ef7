"""What a view returns, encoded once: for the caller, for who asks the same just now, and for the stale store."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from flask import Response, g, request

from .conditional import unchanged

READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Reply:
    """An encoded answer."""

    body: bytes | Iterable[bytes]
    status: int
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, degraded: Iterable[str] = ()) -> Response:
        """Return it as Flask's response, which says how it is degraded; what the caller has is not sent again."""
        made = self._plain()
        marks = list(dict.fromkeys([*degraded, *g.get("degraded", ())]))  # the view may have said so too
        if marks:
            made.headers["X-Degraded"] = ", ".join(marks)
            g.degraded = marks
        return made

    def _plain(self) -> Response:
        etag = self.headers.get("ETag")
        if etag and self.status == 200 and request.method in READS and unchanged(etag):
            return Response(status=304, headers=self.headers)
        if isinstance(self.body, bytes):
            kind = self.headers.get("Content-Type", "application/json") if self.body else None
            return Response(self.body, self.status, self.headers, content_type=kind)
        return Response(self.body, self.status, self.headers)

"""What a view returns, encoded once: for the caller, for who asks the same just now, and for the stale store."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from flask import Response, g


@dataclass(frozen=True, slots=True)
class Reply:
    """An encoded answer."""

    body: bytes
    status: int
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, degraded: Iterable[str] = ()) -> Response:
        """Return it as Flask's response, which says how it is degraded, if it is."""
        made = Response(self.body, self.status, self.headers, content_type="application/json" if self.body else None)
        if degraded:
            made.headers["X-Degraded"] = ", ".join(degraded)
            g.degraded = list(degraded)
        return made

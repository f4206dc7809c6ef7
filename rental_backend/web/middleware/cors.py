"""Which browsers' pages may call, and the headers that say so: on every answer, errors and preflights included."""

import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from flask import Flask
from flask_cors.core import get_cors_headers, get_cors_options
from werkzeug.datastructures import Headers

from ...config import Config
from ..endpoint.contracts import METHODS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ALLOWED_HEADERS = (
    *("Authorization", "Content-Type", "X-Request-ID", "Idempotency-Key", "If-Match", "If-None-Match"),
    *("traceparent", "tracestate"),
)
EXPOSED_HEADERS = (
    *("X-Request-ID", "X-Total-Count", "X-Total-Count-Relation", "X-Degraded", "X-Mode", "Age", "Retry-After"),
    *("X-Replica-Lag", "Location", "ETag", "Content-Disposition", "Idempotency-Replayed"),
    *("RateLimit", "RateLimit-Policy", "traceresponse"),
)
LOOK_EVERY = 1.0


class AllowList:
    """The origins that may call: exact ones, origins of a file or of settings, and localhost ports outside production.

    Origins added at run time, and other ports, are settings of the business, which all workers follow. The file (an
    origin a line, `#` starts a comment) is read again when it changes, looked at once a second at most, so that all
    workers follow it without a restart. A file that cannot be read leaves the last list in force.
    """

    def __init__(self, config: Config, edited: Callable[[], Mapping[str, str]]) -> None:
        self.configured = frozenset(config.cors_origins)
        self._edited = edited
        self._production = config.production
        self._file = Path(config.cors_origins_file) if config.cors_origins_file else None
        self._usual_ports = config.cors_localhost
        self._filed: frozenset[str] = frozenset()
        self._stamp = (0, 0)
        self._look_at = 0.0

    def allows(self, origin: str) -> bool:
        """Tell whether pages of this origin may call."""
        if origin in self.configured or origin in self.filed or origin in self.added:
            return True
        local = re.fullmatch(r"http://(?:localhost|127\.0\.0\.1):(\d{1,5})", origin)
        return local is not None and int(local[1]) in self.ports

    @property
    def filed(self) -> frozenset[str]:
        """The origins of the file."""
        self._reread()
        return self._filed

    @property
    def added(self) -> frozenset[str]:
        """The origins added at run time."""
        return _listed(self._edited().get("cors_origins", "[]"))

    @property
    def ports(self) -> range:
        """The ports of localhost whose pages may call; none in production."""
        return range(0) if self._production else _ports(self._edited().get("cors_localhost") or self._usual_ports)

    @property
    def origins(self) -> frozenset[str]:
        """All origins, the ports of localhost aside."""
        return self.configured | self.filed | self.added

    def told(self) -> dict[str, Any]:
        """Return the list for people, by where each origin comes from."""
        ports = self.ports
        return {
            "configured": sorted(self.configured),
            "file": sorted(self.filed),
            "added": sorted(self.added),
            "localhost_range_enabled": bool(ports),
            "localhost_start_port": ports.start,
            "localhost_end_port": max(ports.start, ports.stop - 1),
        }

    def _reread(self) -> None:
        if self._file is None or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_EVERY
        try:
            seen = self._file.stat()
            if (seen.st_mtime_ns, seen.st_size) == self._stamp:
                return
            lines = (line.partition("#")[0].strip() for line in self._file.read_text("utf-8").splitlines())
        except (OSError, UnicodeDecodeError):
            return
        self._filed = frozenset(line for line in lines if line)
        self._stamp = (seen.st_mtime_ns, seen.st_size)


@lru_cache(maxsize=8)
def _listed(text: str) -> frozenset[str]:
    try:
        return frozenset(orjson.loads(text))
    except (ValueError, TypeError):  # not our doing; nobody is let in by it
        return frozenset()


@lru_cache(maxsize=8)
def _ports(text: str) -> range:
    found = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    return range(int(found[1]), int(found[2]) + 1) if found else range(0)


class CrossOrigin:
    """The headers by which browsers let pages of allowed origins read an answer (Fetch standard, CORS protocol)."""

    def __init__(self, app: Flask, allowed: AllowList) -> None:
        self._allowed = allowed
        self._options = get_cors_options(
            app,
            {
                "origins": [re.compile(".*")],  # asked only after our own list has allowed the origin
                "allow_headers": list(ALLOWED_HEADERS),
                "expose_headers": list(EXPOSED_HEADERS),
                "methods": list(METHODS),
                "max_age": 600,
            },
        )
        self._headers = lru_cache(maxsize=256)(self._computed)

    def allow(self, headers: Headers, environ: "WSGIEnvironment") -> None:
        """Add these headers to an answer, if the origin of the request is allowed."""
        origin = environ["HTTP_ORIGIN"]
        if origin and self._allowed.allows(origin):
            method, wanted = (environ.get(f"HTTP_ACCESS_CONTROL_REQUEST_{part}") for part in ("METHOD", "HEADERS"))
            headers.update(self._headers(origin, environ["REQUEST_METHOD"], method, wanted))

    def _computed(self, origin: str, method: str, wanted_method: str | None, wanted_headers: str | None) -> Headers:
        asked = Headers({"Origin": origin})
        if wanted_method:
            asked["Access-Control-Request-Method"] = wanted_method
        if wanted_headers:
            asked["Access-Control-Request-Headers"] = wanted_headers
        found = get_cors_headers(self._options, asked, method)
        found.pop("Vary", None)
        return Headers((name, str(value)) for name, value in found.items())

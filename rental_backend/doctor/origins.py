"""Checks of CORS_ORIGINS: whether each entry is a valid origin."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from .findings import Finding, failed, warned

LOCAL = ("localhost", "127.0.0.1", "::1", "")
PLAIN = "http://"


def origins(listed: Iterable[str]) -> Iterator[Finding]:
    """Check the entries of CORS_ORIGINS."""
    for origin in listed:
        parts = urlsplit(origin)
        if parts.path or not parts.netloc or origin == "*":
            message = f"{origin} in CORS_ORIGINS is no origin, so it allows nobody"
            yield failed("cors-setting", message, "scheme and host only, without a path or final slash")
        elif origin.startswith(PLAIN) and parts.hostname not in LOCAL:
            yield warned("cors-setting", f"{origin} in CORS_ORIGINS is not encrypted", "https://")

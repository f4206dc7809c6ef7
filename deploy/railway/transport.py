"""What all our HTTP requests have in common: no redirect is followed, only this machine is spoken to in clear."""

import ipaddress
import urllib.request
from typing import Any
from urllib.parse import urlsplit


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: following it would turn a POST into a GET, and carry tokens to wherever it points."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


OPENER = urllib.request.build_opener(_NoRedirect)


def on_this_machine(url: str) -> bool:
    """Whether a URL leads to this machine only."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

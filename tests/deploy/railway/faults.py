"""What can go wrong with a request to the API."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Fault:
    """What goes wrong with an operation, for some times; first it is well `skip` times.

    A kind that ends in `after` comes when the work was done. `meanwhile` is what somebody else does at that moment.
    """

    operation: str
    kind: str = ""
    times: int = 1
    skip: int = 0
    meanwhile: Callable[[], object] | None = None


Reply = tuple[int, bytes, dict[str, str]]
DROP = None


def as_json(value: Any, status: int = 200) -> Reply:
    """An answer in JSON."""
    return status, json.dumps(value).encode(), {}


PROBLEM = {"errors": [{"message": "Problem processing request"}], "data": None}
REPLIES: dict[str, Callable[[], Reply | None]] = {
    "error": lambda: as_json(PROBLEM),
    "status 500": lambda: (500, b"oops", {}),
    "status 502": lambda: (502, b"<html>bad gateway</html>", {}),
    "garbage": lambda: (200, b"<html>we are down for maintenance</html>", {}),
    "no data": lambda: as_json({"data": None}),
    "torn": lambda: (200, b'{"data": {"deploy', {"Content-Length": "9999"}),
    "dropped": lambda: DROP,
    "denied": lambda: as_json({"errors": [{"message": "Not Authorized"}], "data": None}),
    "too many": lambda: (429, b"slow down", {"Retry-After": "7"}),
}

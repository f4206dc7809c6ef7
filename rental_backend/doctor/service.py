"""Whether the service runs on this host, and how it does."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from .findings import Finding, failed, passed, skipped, warned

PATIENCE = 1.0  # seconds


def service(port: int) -> Iterator[Finding]:
    """Check the service that runs on this host, if one does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/breakers", timeout=PATIENCE) as response:
            report: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        yield failed("service", f"it answers {error.code} on port {port}", "look at its log; is it ours?")
        return
    except (OSError, ValueError):
        yield skipped("service", f"nobody answers on port {port} of this host", "start it, or set PORT to its port")
        return
    not_closed = [breaker["name"] for breaker in report["breakers"] if breaker["state"] != "closed"]
    if not_closed:
        mend = "see the findings of these; `flask breakers` tells since when, and when they are tried again"
        yield failed("service", f"it runs, and does not call {', '.join(not_closed)}", mend)
    elif report["mode"] != "normal":
        message = f"it runs in the mode {report['mode']}"
        yield warned("service", message, "`flask mode` says why; `flask mode normal --reason …` ends it")
    else:
        yield passed("service", f"it runs on port {port}, and calls all it depends on")

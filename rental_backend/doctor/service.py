"""Whether the service runs on this host, and how it does."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from .findings import Finding, failed, passed, skipped, warned

PATIENCE = 1.0  # seconds


def service(port: int) -> Iterator[Finding]:
    """Look at the service that runs on this host, if one does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/breakers", timeout=PATIENCE) as answer:
            report: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        yield failed("service", f"it answers {error.code} on port {port}", "look at its log; is it ours?")
        return
    except (OSError, ValueError):
        yield skipped("service", f"nobody answers on port {port} of this host", "start it, or set PORT to its port")
        return
    away = [each["name"] for each in report["breakers"] if each["state"] != "closed"]
    if away:
        mend = "see the findings of these; `flask breakers` tells since when, and when they are tried again"
        yield failed("service", f"it runs, and does not call {', '.join(away)}", mend)
    elif report["mode"] != "normal":
        said_mode = f"it runs in the mode {report['mode']}"
        yield warned("service", said_mode, "`flask mode` says why; `flask mode normal --reason …` ends it")
    else:
        yield passed("service", f"it runs on port {port}, and calls all it depends on")

"""Makes the checks of the list, as each view wants them. A check that hangs or fails is a finding."""

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from .checks import CHECKS, Installation
from .findings import Finding, failed
from .variables import Variables

PATIENCE = 1.5  # seconds for all checks together; the longest deadline is that of a connection

Look = Callable[[], Iterable[Finding]]


# D92: around the breakers.
def examine(here: Installation) -> list[Finding]:
    """Return the findings of all checks, in their order: what `flask doctor` shows."""
    from . import databases  # noqa: F401 - imports Alembic before the time for answers begins

    return run({check.name: partial(check.here, here) for check in CHECKS}, PATIENCE)


def at_once(here: Installation) -> list[Finding]:
    """Return the findings of the checks that wait for nothing: what the detailed health shows."""
    return [finding for check in CHECKS if not check.waits for finding in _made(check.name, partial(check.here, here))]


def of_variables(variables: Variables) -> list[Finding]:
    """Return the findings of the checks that need a service's variables only: what the tool for Railway shows."""
    return [
        finding
        for check in CHECKS
        if check.of_variables
        for finding in _made(check.name, partial(check.of_variables, variables))
    ]


def run(checks: dict[str, Look], patience: float) -> list[Finding]:
    """Return the findings of the checks within `patience` seconds. A check that takes longer is a finding, too."""
    findings: dict[str, list[Finding]] = {}

    def run_check(name: str, look: Look) -> None:
        findings[name] = _made(name, look)

    threads = [threading.Thread(target=run_check, args=item, daemon=True) for item in checks.items()]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    message, mend = f"no answer within {patience:g} s", "does its host name resolve, and does anybody answer there?"
    return [finding for name in checks for finding in findings.get(name, [failed(name, message, mend)])]


def _made(name: str, look: Look) -> list[Finding]:
    """Return the findings of one check. Its failure must not stop the others, and its text may contain a secret."""
    try:
        return list(look())
    except Exception as error:
        return [failed(name, f"the check itself failed ({type(error).__name__})", "tell the developers")]

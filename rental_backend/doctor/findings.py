"""Findings of checks: a severity, a code for scripts, a message, and a fix. The tool for Railway uses them, too."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """The severity of a finding. A skipped check could not be made here."""

    PASS = "PASS"  # noqa: S105 - no password
    WARN = "WARN"
    FAIL = "FAIL"
    SKIP = "SKIP"


@dataclass(frozen=True)
class Finding:
    """The result of one check; `mend` says what to do about it."""

    level: Severity
    code: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.level:4} {self.code}: {self.message}" + (f" -> {self.mend}" if self.mend else "")


def passed(code: str, message: str) -> Finding:
    """Return the finding of a check that found nothing wrong."""
    return Finding(Severity.PASS, code, message)


def warned(code: str, message: str, mend: str = "") -> Finding:
    """Return a finding about something that will hurt later."""
    return Finding(Severity.WARN, code, message, mend)


def failed(code: str, message: str, mend: str = "") -> Finding:
    """Return a finding about something that is wrong now."""
    return Finding(Severity.FAIL, code, message, mend)


def skipped(code: str, message: str, mend: str = "") -> Finding:
    """Return the finding of a check that could not be made."""
    return Finding(Severity.SKIP, code, message, mend)

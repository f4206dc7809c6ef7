"""What checks find: a level, a code for scripts, what is so, and what mends it. The tool for Railway uses the same."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How grave a finding is. A skipped check could not be made here."""

    PASS = "PASS"  # noqa: S105 - no password
    WARN = "WARN"
    FAIL = "FAIL"
    SKIP = "SKIP"


@dataclass(frozen=True)
class Finding:
    """The outcome of one check; `mend` says what to do about it."""

    level: Severity
    code: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.level:4} {self.code}: {self.message}" + (f" -> {self.mend}" if self.mend else "")


def passed(code: str, message: str) -> Finding:
    """A check that found nothing wrong."""
    return Finding(Severity.PASS, code, message)


def warned(code: str, message: str, mend: str = "") -> Finding:
    """Something that will hurt later."""
    return Finding(Severity.WARN, code, message, mend)


def failed(code: str, message: str, mend: str = "") -> Finding:
    """Something that is wrong now."""
    return Finding(Severity.FAIL, code, message, mend)


def skipped(code: str, message: str, mend: str = "") -> Finding:
    """A check that could not be made."""
    return Finding(Severity.SKIP, code, message, mend)

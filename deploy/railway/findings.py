"""What checks find, as the program's own doctor tells it, and the findings as the result of a command."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from deploy.railway.exits import Exit
from deploy.railway.report import Result
from rental_backend.doctor.findings import Finding, Severity, failed, passed, skipped, warned

__all__ = ["Finding", "Severity", "failed", "passed", "skipped", "summary", "warned"]


def summary(findings: Sequence[Finding], subject: str) -> Result:
    """The findings as the result of a command, which failed if one of them did."""
    counts = Counter(finding.level for finding in findings)
    wrong = [finding.code for finding in findings if finding.level is Severity.FAIL]
    said = ", ".join(f"{counts[level]} {level}" for level in Severity)
    code = Exit.FAILED if wrong else Exit.OK
    data = {"findings": [asdict(finding) for finding in findings], "failed": wrong}
    return Result(code, f"{subject}: {said}", tuple(map(str, findings)), data)

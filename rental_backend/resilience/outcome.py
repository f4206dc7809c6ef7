"""What one call says about the health of a dependency."""

import enum
from collections.abc import Callable


class Verdict(enum.Enum):
    """Success and failure count for or against the dependency; NONE says nothing about it."""

    SUCCESS = "success"
    FAILURE = "failure"
    NONE = "no verdict"


Judge = Callable[[BaseException], Verdict]


def every_exception_fails(error: BaseException) -> Verdict:
    """Judge as pybreaker does by default, except that only an `Exception` is judged (never `SystemExit`)."""
    return Verdict.FAILURE if isinstance(error, Exception) else Verdict.NONE

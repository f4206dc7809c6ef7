"""What one call says about the health of a dependency."""

import enum
from collections.abc import Callable


class Outcome(enum.Enum):
    """Success and failure count for or against the dependency; NONE says nothing about it."""

    SUCCESS = "success"
    FAILURE = "failure"
    NONE = "no verdict"


Classifier = Callable[[BaseException], Outcome]


def every_exception_fails(error: BaseException) -> Outcome:
    """Judge as pybreaker does by default, except that only an `Exception` is judged (never `SystemExit`)."""
    return Outcome.FAILURE if isinstance(error, Exception) else Outcome.NONE

"""What one call says about the health of a dependency."""

import enum
from collections.abc import Callable


class Outcome(enum.Enum):
    """SUCCESS counts for the dependency, FAILURE against it; NONE says nothing about it."""

    SUCCESS = "success"
    FAILURE = "failure"
    NONE = "none"


Classifier = Callable[[BaseException], Outcome]


def every_exception_fails(error: BaseException) -> Outcome:
    """Count every `Exception` as a failure, as pybreaker does by default, but never `SystemExit` and its like."""
    return Outcome.FAILURE if isinstance(error, Exception) else Outcome.NONE

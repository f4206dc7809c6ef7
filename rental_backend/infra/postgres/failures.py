"""Which errors of PostgreSQL speak against the server, which do not, and which of ours each becomes."""

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

import psycopg
import sqlalchemy.exc

from ...errors import Busy, Unavailable
from ...resilience import Outcome
from .connection import CommitLost, asks_again, plan_is_lost
from .constraint_errors import constraint_error
from .waits import BudgetSpent

# Classes of SQLSTATE (PostgreSQL manual, appendix A) for which the server, not the statement, is at fault.
SERVER_AT_FAULT = ("08", "53", "57P", "58", "XX", "F0", "25006")
# Where a message of the server begins to repeat a value: `invalid input syntax for type uuid: "x"`, `(id)=(x)`.
VALUE = re.compile(r""": ["']|=\(""")
# The server ended a connection or a transaction because we did not go on with it.
LEFT_IDLE = ("25P03", "25P04", "57P05")
# The errors by which an injected fault makes calls fail: failures of the server.
INJECTED_ERRORS: dict[str, Callable[[str], Exception]] = {
    "error": psycopg.errors.AdminShutdown,
    "refusal": psycopg.OperationalError,
}


def classify_database_error(error: BaseException) -> Outcome:
    """Classify an error raised while the database was used. Our full pool and our spent budget say nothing about it."""
    if isinstance(error, CommitLost):
        return Outcome.FAILURE
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        if error.connection_invalidated and not isinstance(error.orig, BudgetSpent) and not _left_idle(error.orig):
            return Outcome.FAILURE
        error = error.orig or error
    if isinstance(error, BudgetSpent) or _left_idle(error):
        return Outcome.NONE
    if not isinstance(error, psycopg.Error):
        return Outcome.FAILURE if isinstance(error, OSError) else Outcome.NONE
    if error.sqlstate is None:
        return Outcome.FAILURE if isinstance(error, psycopg.OperationalError) else Outcome.NONE
    if error.sqlstate.startswith("28"):  # the password was changed: no connection can be opened
        return Outcome.FAILURE
    return Outcome.FAILURE if error.sqlstate.startswith(SERVER_AT_FAULT) else Outcome.NONE


def translated(error: Exception, name: str, retry_after: float) -> Exception:
    """Return our error for a driver's error, whose text stays in the log. An unknown error is returned as it is."""
    if classify_database_error(error) is Outcome.FAILURE:
        return Unavailable(name, retry_after)
    cause: Any = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if isinstance(cause, BudgetSpent):
        return Busy(name)
    if asks_again(cause) or _left_idle(cause):
        return Busy(name)
    match getattr(cause, "sqlstate", None) or "":
        case state if state.startswith(("22", "23")):
            return constraint_error(cause) or error
        case "55P03" | "57014" | "25P02":
            return Busy(name)
        case "42P01" | "42703":
            return Unavailable(name, 5, "The database is not yet at the revision that this version needs.")
    return error


def without_values(message: str) -> str:
    """Return what a message of the server says before it repeats a value of a row."""
    return VALUE.split(message, maxsplit=1)[0]


class Condemned(Enum):
    """Which connections an error speaks against."""

    NONE = auto()
    ONE = auto()
    ALL = auto()


# D120: what speaks against the server speaks against the connection.
def condemned_by(error: BaseException) -> Condemned:
    """Return which connections are not used again after an error: all, if another server should have answered."""
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if isinstance(cause, psycopg.errors.ReadOnlySqlTransaction):
        return Condemned.ALL
    if plan_is_lost(cause) or _left_idle(cause) or classify_database_error(error) is Outcome.FAILURE:
        return Condemned.ONE
    return Condemned.NONE


def _left_idle(error: BaseException | None) -> bool:
    return isinstance(error, psycopg.Error) and error.sqlstate in LEFT_IDLE

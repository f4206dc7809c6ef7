"""Which errors of PostgreSQL and Redis speak against the server, and which do not."""

from collections.abc import Callable

import psycopg
import redis
import sqlalchemy.exc

from ...resilience import Verdict
from .connection import BudgetSpent, CommitLost

# Classes of SQLSTATE (PostgreSQL manual, appendix A) by which the server, not the statement, is at fault.
SERVER_AT_FAULT = ("08", "53", "57P", "58", "XX", "F0", "25006")
REDIS_AT_FAULT = (
    "READONLY",
    "LOADING",
    "OOM",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "MISCONF",
    "NOREPLICAS",
    "BUSY ",  # a script that does not end; BUSYGROUP is something else
    "NOAUTH",
    "WRONGPASS",
    "max number",
)


def database_verdict(error: BaseException) -> Verdict:
    """Judge an error raised while the database was in use; our full pool and our haste say nothing about it."""
    if isinstance(error, CommitLost):
        return Verdict.FAILURE
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        if error.connection_invalidated and not isinstance(error.orig, BudgetSpent):
            return Verdict.FAILURE
        error = error.orig or error
    if isinstance(error, BudgetSpent):
        return Verdict.NONE
    if not isinstance(error, psycopg.Error):
        return Verdict.FAILURE if isinstance(error, OSError) else Verdict.NONE
    if error.sqlstate is None:
        return Verdict.FAILURE if isinstance(error, psycopg.OperationalError) else Verdict.NONE
    if error.sqlstate.startswith("28"):  # the password was changed: nobody gets in
        return Verdict.FAILURE
    return Verdict.FAILURE if error.sqlstate.startswith(SERVER_AT_FAULT) else Verdict.NONE


def practised(name: str) -> dict[str, Callable[[str], Exception]]:
    """Return with which errors a drill lets the calls of a door fail: such as speak against the server."""
    if name == "redis":
        broken = redis.exceptions.ConnectionError
        return {"error": lambda said: broken(f"LOADING {said}"), "refusal": broken}
    return {"error": psycopg.errors.AdminShutdown, "refusal": psycopg.OperationalError}


def redis_verdict(error: BaseException) -> Verdict:
    """Judge an error raised by redis-py; our own exhausted pool says nothing about the server."""
    if isinstance(error, redis.exceptions.MaxConnectionsError):
        return Verdict.NONE
    if isinstance(error, redis.exceptions.ConnectionError | redis.exceptions.TimeoutError | OSError):
        return Verdict.FAILURE
    if isinstance(error, redis.exceptions.RedisError):
        code = getattr(error, "status_code", None) or str(error)  # redis-py takes the codes it knows off the message
        return Verdict.FAILURE if code.startswith(REDIS_AT_FAULT) else Verdict.NONE
    return Verdict.NONE

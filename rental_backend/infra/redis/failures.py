"""Which errors of Redis count as failures of the server, and which do not."""

import re
from collections.abc import Callable

import redis

from ...resilience import Outcome

REDIS_AT_FAULT = (
    "READONLY",
    "LOADING",
    "OOM",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "MISCONF",
    "NOREPLICAS",
    "BUSY ",  # a script that does not end; BUSYGROUP is another error
    "NOAUTH",
    "WRONGPASS",
    "max number",
)
# Another server should have answered, or the same one as it was: what we are connected to is given up.
ANOTHER_SERVER = ("READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOAUTH", "WRONGPASS")
IN_SCRIPT = re.compile(r": -([A-Z]+ )")  # before version 7 a script's error is told around that of its command
# The errors by which an injected fault makes calls fail: failures of the server.
INJECTED_ERRORS: dict[str, Callable[[str], Exception]] = {
    "error": lambda message: redis.exceptions.ConnectionError(f"LOADING {message}"),
    "refusal": redis.exceptions.ConnectionError,
}


def classify_redis_error(error: BaseException) -> Outcome:
    """Classify an error raised by redis-py; our own exhausted pool says nothing about the server."""
    if isinstance(error, redis.exceptions.MaxConnectionsError):
        return Outcome.NONE
    if isinstance(error, redis.exceptions.ConnectionError | redis.exceptions.TimeoutError | OSError):
        return Outcome.FAILURE
    if isinstance(error, redis.exceptions.RedisError):
        return Outcome.FAILURE if _code(error).startswith(REDIS_AT_FAULT) else Outcome.NONE
    return Outcome.NONE


# D120: what speaks against the server speaks against the connection.
def is_another_server(error: redis.exceptions.RedisError) -> bool:
    """Tell whether an error says that other connections, too, lead to a server that must not answer us."""
    return _code(error).startswith(ANOTHER_SERVER)


def _code(error: redis.exceptions.RedisError) -> str:
    """Return an error's text, which begins with its code."""
    code = getattr(error, "status_code", None) or str(error)  # redis-py strips the codes it knows from the message
    in_script = IN_SCRIPT.search(str(error))
    return in_script[1] if in_script else code

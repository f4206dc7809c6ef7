"""Which errors of Redis count as failures of the server, and which do not."""

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
        code = getattr(error, "status_code", None) or str(error)  # redis-py strips the codes it knows from the message
        return Outcome.FAILURE if code.startswith(REDIS_AT_FAULT) else Outcome.NONE
    return Outcome.NONE

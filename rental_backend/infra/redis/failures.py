"""Which errors of Redis speak against the server, and which do not."""

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
    "BUSY ",  # a script that does not end; BUSYGROUP is something else
    "NOAUTH",
    "WRONGPASS",
    "max number",
)
# With which errors a drill lets calls fail: such as speak against the server.
INJECTED_ERRORS: dict[str, Callable[[str], Exception]] = {
    "error": lambda said: redis.exceptions.ConnectionError(f"LOADING {said}"),
    "refusal": redis.exceptions.ConnectionError,
}


def classify_redis_error(error: BaseException) -> Outcome:
    """Judge an error raised by redis-py; our own exhausted pool says nothing about the server."""
    if isinstance(error, redis.exceptions.MaxConnectionsError):
        return Outcome.NONE
    if isinstance(error, redis.exceptions.ConnectionError | redis.exceptions.TimeoutError | OSError):
        return Outcome.FAILURE
    if isinstance(error, redis.exceptions.RedisError):
        code = getattr(error, "status_code", None) or str(error)  # redis-py takes the codes it knows off the message
        return Outcome.FAILURE if code.startswith(REDIS_AT_FAULT) else Outcome.NONE
    return Outcome.NONE

"""Which errors of Redis speak against the server, and which do not."""

from collections.abc import Callable

import redis

from ...resilience import Verdict

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
PRACTISED: dict[str, Callable[[str], Exception]] = {
    "error": lambda said: redis.exceptions.ConnectionError(f"LOADING {said}"),
    "refusal": redis.exceptions.ConnectionError,
}


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

"""What a Redis says of itself, looked at around its breaker, for whoever examines an installation."""

from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..server_check import ServerAway, ahead_of_us, latency_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisStatus:
    """A server. Times in seconds; `ahead` is its clock before ours, `maxmemory` its limit in bytes (0 for none).

    `persistent` is None where it does not say.
    """

    latency: float
    ahead: float
    version: tuple[int, ...]
    policy: str
    maxmemory: int
    persistent: bool | None
    replica: bool


def check_redis(url: str, deadline: float) -> RedisStatus:
    """Ask a server, after writing to it. Raises `ServerAway`."""
    retry = Retry(NoBackoff(), 0)
    try:
        with redis.Redis.from_url(url, socket_timeout=deadline, socket_connect_timeout=deadline, retry=retry) as client:
            latency = latency_of(lambda: client.set("rental:doctor", b"1", px=1000))
            ahead = ahead_of_us(lambda: _seconds(client.time()))
            said: Any = client.info()
            return RedisStatus(
                latency=latency,
                ahead=ahead,
                version=tuple(int(part) for part in str(said["redis_version"]).split(".")),
                policy=str(said.get("maxmemory_policy", "")),
                maxmemory=int(said.get("maxmemory", 0)),
                persistent=True if said.get("aof_enabled") else _saves(client),
                replica=said.get("role") != "master",
            )
    except (redis.RedisError, OSError) as error:
        raise ServerAway(_why(error)) from None


def _seconds(said: Any) -> float:
    return float(said[0]) + float(said[1]) / 1e6


def _saves(client: "redis.Redis") -> bool | None:
    """Tell whether it writes snapshots; None where it does not let itself be asked."""
    try:
        found: Any = client.config_get("save")
    except redis.ResponseError:
        return None
    return bool(found.get("save"))


def _why(error: Exception) -> str:
    if isinstance(error, redis.TimeoutError | TimeoutError):
        return "it does not answer"
    if isinstance(error, redis.AuthenticationError):
        return "it does not take our password"
    if isinstance(error, redis.ConnectionError | OSError):
        return "connection refused" if "refused" in str(error) else "the connection failed"
    return f"it refuses what we ask ({type(error).__name__})"

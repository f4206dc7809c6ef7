"""The check of a Redis server, bypassing its breaker, for `flask doctor` and detailed health."""

from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ...config import read_redis
from ..server_check import ServerAway, ahead_of_us, latency_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisStatus:
    """A Redis server. Times are in seconds; `ahead` is how far its clock is ahead of ours.

    `maxmemory` is its limit in bytes (0 for none). `persistent` is None if the server does not tell.
    """

    latency: float
    ahead: float
    version: tuple[int, ...]
    policy: str
    maxmemory: int
    persistent: bool | None
    replica: bool


def check_redis(url: str, deadline: float) -> RedisStatus:
    """Check a server by writing to it and reading its INFO. Raises `ServerAway`."""
    retry = Retry(NoBackoff(), 0)
    try:
        with redis.Redis.from_url(
            read_redis(url).url, socket_timeout=deadline, socket_connect_timeout=deadline, retry=retry
        ) as client:
            latency = latency_of(lambda: client.set("rental:doctor", b"1", px=1000))
            ahead = ahead_of_us(lambda: _seconds(client.time()))
            info: Any = client.info()
            return RedisStatus(
                latency=latency,
                ahead=ahead,
                version=tuple(int(part) for part in str(info["redis_version"]).split(".")),
                policy=str(info.get("maxmemory_policy", "")),
                maxmemory=int(info.get("maxmemory", 0)),
                persistent=True if info.get("aof_enabled") else _saves(client),
                replica=info.get("role") != "master",
            )
    except (redis.RedisError, OSError) as error:
        raise ServerAway(_why(error)) from None


def _seconds(answer: tuple[int, int]) -> float:
    return float(answer[0]) + float(answer[1]) / 1e6


def _saves(client: "redis.Redis") -> bool | None:
    """Tell whether the server writes snapshots; None if it refuses CONFIG GET."""
    try:
        setting: Any = client.config_get("save")
    except redis.ResponseError:
        return None
    return bool(setting.get("save"))


def _why(error: Exception) -> str:
    if isinstance(error, redis.TimeoutError | TimeoutError):
        return "it does not answer"
    if isinstance(error, redis.AuthenticationError):
        return "it does not take our password"
    if isinstance(error, redis.ConnectionError | OSError):
        return "connection refused" if "refused" in str(error) else "the connection failed"
    return f"it refuses what we ask ({type(error).__name__})"

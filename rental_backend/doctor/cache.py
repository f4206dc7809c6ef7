"""Checks of Redis: whether it answers in time, and is configured for what we store there."""

from collections.abc import Iterator

from ..config import Config
from ..infra.redis.server_check import RedisStatus, check_redis
from ..infra.server_check import ServerAway
from .databases import clock
from .findings import Finding, failed, passed, skipped, warned

OLDEST = (6, 2)


def cache(config: Config) -> Iterator[Finding]:
    """Check Redis."""
    if not config.redis_url:
        yield skipped("redis", "there is no REDIS_URL", "set it, or live without sharing answers")
        return
    deadline = config.redis_deadline
    try:
        status = check_redis(config.redis_url, deadline)
    except ServerAway as error:
        yield failed("redis", f"no answer within {deadline} s: {error}", "is the server up, and the URL right?")
        return
    message = f"answers in {status.latency * 1000:.1f} ms, of a deadline of {deadline * 1000:.0f} ms"
    late = status.latency > deadline / 2
    yield warned("redis", message, "is it far away, or busy?") if late else passed("redis", message)
    yield clock("redis", status.ahead)
    yield from setup(status)


def setup(status: RedisStatus) -> Iterator[Finding]:
    """Check the configuration of a server."""
    version = ".".join(map(str, status.version))
    if status.version < OLDEST:
        yield failed("redis-version", f"it is {version}", "use 6.2 or newer")
    if status.replica:
        yield failed("redis-replica", "it is a replica and takes no changes", "point REDIS_URL to the primary")
    if status.maxmemory and status.policy == "noeviction":
        message = f"its memory ends at {status.maxmemory >> 20} MB, and then it takes nothing more"
        yield warned("redis-eviction", message, "maxmemory-policy volatile-ttl: all we keep there has an end")
    elif status.policy.startswith("allkeys"):
        message = f"{status.policy} may forget who was signed out before it forgets old answers"
        yield warned("redis-eviction", message, "maxmemory-policy volatile-ttl: what ends first goes first")
    else:
        yield passed("redis-eviction", f"it is {version}, with {status.policy or 'no policy told'}")
    if status.persistent is None:
        yield skipped("redis-persistence", "it does not say whether it keeps anything", "allow CONFIG GET to the user")
    elif not status.persistent:
        message = "it keeps nothing over a restart: who was signed out meanwhile is known to the database alone"
        yield warned("redis-persistence", message, "appendonly yes, or snapshots (save)")
    else:
        yield passed("redis-persistence", "it keeps its content over a restart")

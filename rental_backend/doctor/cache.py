"""Whether Redis answers in time, and is set up for what we keep there."""

from collections.abc import Iterator

from ..config import Config
from ..infra.redis.server_check import Redis, look_at_redis
from ..infra.server_check import Away
from .databases import clock
from .findings import Finding, failed, passed, skipped, warned

OLDEST = (6, 2)


def cache(config: Config) -> Iterator[Finding]:
    """Diagnose Redis."""
    if not config.redis_url:
        yield skipped("redis", "there is no REDIS_URL", "set it, or live without sharing answers")
        return
    deadline = config.redis_deadline
    try:
        seen = look_at_redis(config.redis_url, deadline)
    except Away as error:
        yield failed("redis", f"no answer within {deadline} s: {error}", "is the server up, and the URL right?")
        return
    said = f"answers in {seen.latency * 1000:.1f} ms, of a deadline of {deadline * 1000:.0f} ms"
    late = seen.latency > deadline / 2
    yield warned("redis", said, "is it far away, or busy?") if late else passed("redis", said)
    yield clock("redis", seen.ahead)
    yield from setup(seen)


def setup(seen: Redis) -> Iterator[Finding]:
    """Diagnose how a server is set up."""
    version = ".".join(map(str, seen.version))
    if seen.version < OLDEST:
        yield failed("redis-version", f"it is {version}", "use 6.2 or newer")
    if seen.replica:
        yield failed("redis-replica", "it is a replica and takes no changes", "point REDIS_URL to the primary")
    if seen.maxmemory and seen.policy == "noeviction":
        said = f"its memory ends at {seen.maxmemory >> 20} MB, and then it takes nothing more"
        yield warned("redis-eviction", said, "maxmemory-policy volatile-ttl: all we keep there has an end")
    elif seen.policy.startswith("allkeys"):
        said = f"{seen.policy} may forget who was signed out before it forgets old answers"
        yield warned("redis-eviction", said, "maxmemory-policy volatile-ttl: what ends first goes first")
    else:
        yield passed("redis-eviction", f"it is {version}, with {seen.policy or 'no policy told'}")
    if seen.persistent is None:
        yield skipped("redis-persistence", "it does not say whether it keeps anything", "allow CONFIG GET to the user")
    elif not seen.persistent:
        said = "it keeps nothing over a restart: who was signed out meanwhile is known to the database alone"
        yield warned("redis-persistence", said, "appendonly yes, or snapshots (save)")
    else:
        yield passed("redis-persistence", "it keeps its content over a restart")

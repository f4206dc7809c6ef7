"""A Redis that is demoted behind one address while the old connections live on: nobody goes on using them."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from deploy.private.server import PrivateServer
from deploy.private.servers import RedisServer
from rental_backend.infra.redis.cache import Cache
from rental_backend.resilience import Prober
from tests.infra.conftest import OpenCache
from tests.proxy import Proxy
from tests.serving import until

pytestmark = pytest.mark.alone(waiting=True)

BACK = 5.0  # seconds
SET = "return redis.call('SET', KEYS[1], ARGV[1]) and 1"


@pytest.fixture
def successor(tmp_path: Path, frail_redis: RedisServer) -> Iterator[RedisServer]:
    """A second Redis, with the password of the first."""
    server = RedisServer(tmp_path / "successor", port=0, durable=False)
    server.folder.mkdir()
    (server.folder / "password").write_text(frail_redis.password)
    server.start()
    yield server
    server.stop()
    with closing(redis.Redis.from_url(frail_redis.url)) as connection:
        connection.replicaof("NO", "ONE")


@pytest.fixture
def cache(frail_redis: RedisServer, open_cache: OpenCache, proxy_to: Callable[[PrivateServer], Proxy]) -> Cache:
    """A cache at an address that leads to the first Redis, probed as the program does."""
    proxy = proxy_to(frail_redis)
    cache = open_cache(frail_redis.url.replace(f":{frail_redis.port}/", f":{proxy.port}/"), deadline=1)
    cache.proxy = proxy  # type: ignore[attr-defined]
    assert cache.put("who", b"before", seconds=60)
    return cache


def demote(cache: Cache, former: RedisServer, successor: RedisServer) -> None:
    """Have the address lead to the successor, of which the former server becomes a replica."""
    with closing(redis.Redis.from_url(successor.url)) as connection:
        connection.set("who", b"after")
    cache.proxy.target = successor.port  # type: ignore[attr-defined]
    with closing(redis.Redis.from_url(former.url)) as connection:
        connection.replicaof("127.0.0.1", 1)  # where nobody answers: it keeps what it has


def test_the_second_write_reaches_the_new_server(
    cache: Cache, frail_redis: RedisServer, successor: RedisServer
) -> None:
    """READONLY speaks against every connection of the pool."""
    demote(cache, frail_redis, successor)
    assert [cache.put("key", b"value", seconds=60) for _ in range(3)] == [False, True, True]
    assert cache.get("who") == b"after"


def test_a_script_that_is_refused_speaks_against_the_server_as_well(
    cache: Cache, frail_redis: RedisServer, successor: RedisServer
) -> None:
    """Redis 6 tells the error of a script around that of its command."""
    demote(cache, frail_redis, successor)
    assert [cache.run(SET, ["key"], ["value"]) for _ in range(3)] == [None, 1, 1]
    assert cache.breaker.counts().failures == 1


def test_reads_leave_the_demoted_server_without_a_write(
    cache: Cache, frail_redis: RedisServer, successor: RedisServer
) -> None:
    """With nothing but reads, the prober finds that another server answers at the address."""
    prober = Prober(cache.breaker, cache.probe, heartbeat=2.0, while_busy=True)
    prober.start()
    try:
        assert cache.get("who") == b"before"
        demote(cache, frail_redis, successor)
        began = time.monotonic()
        until(lambda: cache.get("who") == b"after", BACK)
        assert time.monotonic() - began < BACK
        assert {cache.get("who") for _ in range(50)} == {b"after"}
    finally:
        prober.stop()


def test_an_open_breaker_closes_when_the_new_server_answers(
    cache: Cache, frail_redis: RedisServer, successor: RedisServer
) -> None:
    """The probe does not take a connection of the pool, and nor do the calls after it."""
    demote(cache, frail_redis, successor)
    proxy: Proxy = cache.proxy  # type: ignore[attr-defined]
    proxy.target = int(frail_redis.port or 0)
    while cache.breaker.closed:
        assert not cache.put("key", b"value", seconds=60)
    proxy.target = int(successor.port or 0)
    until(lambda: cache.breaker.probe(cache.probe), BACK)
    assert cache.put("key", b"value", seconds=60)
    assert cache.get("who") == b"after"


def test_the_same_server_seen_again_costs_no_connection(frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """What is pooled stays, as long as every probe reaches the server of before."""
    cache = open_cache(frail_redis.url, deadline=1)
    epoch = cache.epoch.current()
    for _ in range(3):
        cache.probe()
        assert cache.get("who") is None or cache.put("who", b"", seconds=1)
    assert cache.epoch.current() == epoch

"""The door to Redis: whatever happens to it, an answer comes soon and no exception does."""

import socket
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import redis

from deploy.private.server import PrivateServer
from deploy.private.servers import RedisServer
from rental_backend.infra.redis.cache import Cache
from rental_backend.resilience import OPEN, Counts, Prober
from tests.infra.conftest import OpenCache, failures
from tests.infra.timing import within
from tests.proxy import Proxy
from tests.serving import until

pytestmark = pytest.mark.alone(waiting=True)

SOON = 0.3


@pytest.fixture
def around(frail_redis: RedisServer) -> Iterator[redis.Redis]:
    """A way to the server around the door."""
    with redis.Redis.from_url(frail_redis.url) as connection:
        yield connection


def away(cache: Cache) -> None:
    """Check both answers that are given while Redis is away."""
    with within(SOON):
        assert cache.get("key") is None
    with within(SOON):
        assert cache.put("key", b"value", seconds=60) is False


def test_what_is_put_is_got(frail_redis: RedisServer, open_cache: OpenCache, around: redis.Redis) -> None:
    """Bytes come back as they were, for as long as was said."""
    cache = open_cache(frail_redis.url)
    value = bytes(range(256))
    assert cache.put("key", value, seconds=60) is True
    assert cache.get("key") == value
    assert 0 < around.ttl("key") <= 60
    assert cache.get("another key") is None
    assert cache.breaker.counts() == Counts(successes=3)


def test_a_key_is_there_or_not(frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """Whether there is a key is told apart from not knowing it."""
    cache = open_cache(frail_redis.url)
    cache.put("here", b"1", seconds=60)
    assert (cache.has("here"), cache.has("not here")) == (True, False)
    frail_redis.kill()
    with within(SOON):
        assert cache.has("here") is None


def test_a_script_runs_as_a_whole(frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """It gets its keys and arguments and gives a number, also after the server has forgotten it; None while away."""
    cache = open_cache(frail_redis.url)
    script = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
    key = f"count-{uuid.uuid4()}"
    assert [cache.run(script, [key], [2]) for _ in range(2)] == [2, 4]
    assert cache._client is not None
    cache._client.script_flush()
    assert cache.run(script, [key], [1]) == 5
    assert cache.run("return redis.call('NONSENSE')", [], []) is None
    frail_redis.kill()
    with within(SOON):
        assert cache.run(script, [key], [1]) is None


def test_nothing_connects_before_the_first_probe(open_cache: OpenCache) -> None:
    """Making the door and asking through it touch no network."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        away(open_cache(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", probed=False))
        with pytest.raises(TimeoutError):
            listener.accept()


def test_without_a_url_it_is_never_available(open_cache: OpenCache) -> None:
    """A Redis that is not configured is away, even if somebody closes its breaker."""
    cache = open_cache("", probed=False)
    assert not cache.breaker.probe(cache.probe)
    away(cache)
    cache.breaker.close()
    away(cache)


def test_after_an_outage_few_meet_it_at_once(open_cache: OpenCache) -> None:
    """Two, until the second is over in which all who waited for it come."""
    cache = open_cache("", probed=False)
    for _ in range(2):
        cache.breaker.open()
        cache.breaker.close()
    assert cache.bulkhead.current_limit == 2 < cache.bulkhead.limit


@pytest.mark.parametrize("warm", [True, False], ids=["old connection", "new connection"])
def test_a_frozen_redis_is_not_waited_for(frail_redis: RedisServer, open_cache: OpenCache, warm: bool) -> None:
    """The deadline holds for an answer on an open connection and for making a new one."""
    cache = open_cache(frail_redis.url, probed=warm)
    cache.breaker.close()
    frail_redis.freeze()
    away(cache)
    assert failures(cache.breaker) == 2


def test_a_dead_redis_is_not_waited_for(frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """Cut connections and refused ports are answered at once."""
    cache = open_cache(frail_redis.url)
    frail_redis.kill()
    away(cache)
    assert failures(cache.breaker) == 2


@pytest.mark.parametrize("warm", [True, False], ids=["old connection", "new connection"])
def test_a_black_hole_is_not_waited_for(
    frail_redis: RedisServer, open_cache: OpenCache, proxy_to: Callable[[PrivateServer], Proxy], warm: bool
) -> None:
    """The deadline holds when the network swallows everything."""
    proxy = proxy_to(frail_redis)
    cache = open_cache(frail_redis.url.replace(f":{frail_redis.port}/", f":{proxy.port}/"), probed=warm)
    cache.breaker.close()
    proxy.black_hole()
    away(cache)
    assert failures(cache.breaker) == 2


def test_an_unknown_host_is_away(open_cache: OpenCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that cannot be resolved raises nothing."""

    def resolve(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    cache = open_cache("redis://nowhere.test:6379/0", probed=False)
    cache.breaker.close()
    away(cache)


def test_a_server_that_speaks_nonsense_is_away(open_cache: OpenCache) -> None:
    """Whoever answers in another protocol raises nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def babble() -> None:
            for _ in range(2):
                connection, _address = listener.accept()
                with connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        babbling = pool.submit(babble)
        cache = open_cache(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", probed=False)
        cache.breaker.close()
        away(cache)
        babbling.result(10)


def test_there_is_no_hidden_retry(open_cache: OpenCache) -> None:
    """Each call makes one connection and waits once for a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener, ExitStack() as held:
        cache = open_cache(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", probed=False)
        cache.breaker.close()
        with within(SOON, least=0.15):
            cache.get("key")
        listener.settimeout(0.05)
        held.enter_context(listener.accept()[0])
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_call_cut_by_the_server_is_not_made_again(open_cache: OpenCache) -> None:
    """A connection that is closed without an answer is one failure, not a reason to try ten times."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener, ThreadPoolExecutor(1) as pool:
        accepted: list[int] = []

        def cut() -> None:
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                accepted.append(1)
                connection.close()

        cutting = pool.submit(cut)
        cache = open_cache(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", probed=False)
        cache.breaker.close()
        try:
            away(cache)
            until(lambda: len(accepted) >= 2)
            assert (len(accepted), failures(cache.breaker)) == (2, 2)
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # or the pool waits for ever
        cutting.result(10)


def test_an_open_breaker_costs_nothing(frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """After six missed deadlines nobody waits any more."""
    cache = open_cache(frail_redis.url)
    frail_redis.freeze()
    for _ in range(6):
        assert cache.breaker.closed
        cache.get("key")
    assert cache.breaker.current_state == OPEN
    with within(0.1):
        for _ in range(50):
            cache.get("key")
            cache.put("key", b"value", seconds=1)


def test_a_restart_costs_at_most_the_connections_that_were_open(
    frail_redis: RedisServer, open_cache: OpenCache
) -> None:
    """When Redis is back it is used again, without anybody's help."""
    cache = open_cache(frail_redis.url)
    assert cache.put("key", b"value", seconds=60)
    frail_redis.kill()
    frail_redis.start()
    cache.get("key")
    assert cache.put("key", b"value", seconds=60)
    assert cache.breaker.closed


def test_a_full_pool_does_not_block_and_is_no_verdict(frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """When every connection is in use the next caller gets the answer for an absent Redis at once."""
    cache = open_cache(frail_redis.url, connections=1, deadline=1.0)
    with ThreadPoolExecutor(1) as pool:
        frail_redis.freeze()
        holding = pool.submit(cache.get, "key")
        until(lambda: not holding.done() and _used_up(cache))
        with within(SOON):
            assert cache.get("key") is None
        assert failures(cache.breaker) == 0
        assert holding.result(10) is None
    assert failures(cache.breaker) == 1


def test_too_many_calls_get_the_answer_for_an_absent_redis(frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """At once, and without a word against the server; then there is place again."""
    cache = open_cache(frail_redis.url, calls=1)
    assert cache.put("key", b"value", seconds=60)
    with cache.bulkhead:
        assert cache.get("key") is None
        assert not cache.put("key", b"other", seconds=60)
    assert cache.get("key") == b"value"
    assert (failures(cache.breaker), cache.breaker.closed) == (0, True)


def test_closing_does_not_disturb_a_call_under_way(frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """Who is still waiting for an answer when the program ends gets the usual one, and no error."""
    cache = open_cache(frail_redis.url)
    with ThreadPoolExecutor(4) as pool:
        frail_redis.freeze()
        waiting = [pool.submit(cache.get, "key") for _ in range(4)]
        until(lambda: cache._client and len(cache._client.connection_pool._in_use_connections) == 4, 0.1)
        cache.close()
        assert [each.result(10) for each in waiting] == [None] * 4


def _used_up(cache: Cache) -> bool:
    assert cache._client is not None
    return not cache._client.connection_pool._available_connections


def test_a_value_of_another_kind_is_none(frail_redis: RedisServer, open_cache: OpenCache, around: redis.Redis) -> None:
    """What somebody else stored under a key as a list raises nothing and is not held against the server."""
    cache = open_cache(frail_redis.url)
    around.delete("list")
    around.lpush("list", "a")
    for _ in range(5):
        assert cache.get("list") is None
    assert (cache.breaker.closed, failures(cache.breaker)) == (True, 0)


def test_a_redis_that_takes_no_writes_fails_the_probe(
    frail_redis: RedisServer, open_cache: OpenCache, around: redis.Redis
) -> None:
    """Reading alone is not what the cache is for."""
    cache = open_cache(frail_redis.url)
    around.replicaof("127.0.0.1", "1")
    try:
        cache.breaker.open()
        cache.breaker.half_open()
        assert not cache.breaker.probe(cache.probe)
        assert cache.breaker.cause == "the probe failed"
    finally:
        around.replicaof("NO", "ONE")
    cache.breaker.half_open()
    assert cache.breaker.probe(cache.probe)


def test_it_recovers_by_the_prober_alone(frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """Frozen, it opens without any user's call, and after the thaw it works again without one."""
    cache = open_cache(frail_redis.url)
    prober = Prober(cache.breaker, cache.probe, heartbeat=0.1)
    prober.start()
    frail_redis.freeze()
    until(lambda: not cache.breaker.closed)
    away(cache)
    frail_redis.thaw()
    until(lambda: cache.breaker.closed)
    prober.stop()
    assert cache.put("key", b"value", seconds=60)

"""How often somebody may ask: exact on one host, shared by Redis between hosts, and never waited for."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from deploy.private.servers import RedisServer
from rental_backend.infra.rate_limits import SETS, WAYS, Quota, RateLimiter
from rental_backend.infra.redis.cache import Cache
from rental_backend.infra.runtime.scheduler import Scheduler
from rental_backend.resilience import SharedMemory
from tests.infra.timing import within
from tests.proxy import Proxy
from tests.resilience.clock import Clock
from tests.resilience.workers import Worker

pytestmark = pytest.mark.alone

THREE = Quota("things", 3, 30)  # one comes back every 10 s


def host(url: str, clock: Callable[[], float] = time.monotonic) -> tuple[Cache, RateLimiter]:
    """Return the cache and the limiter of a host."""
    memory = SharedMemory()
    cache = Cache(url, deadline=0.15, connections=4, calls=8, memory=memory)
    cache.breaker.close()
    return cache, RateLimiter(cache, memory, clock)


@pytest.fixture
def alone() -> tuple[RateLimiter, Clock]:
    """A host without Redis, and its clock."""
    clock = Clock(1000.0)
    return host("", clock)[1], clock


@pytest.fixture
def kept(redis: RedisServer) -> Iterator[Redis]:
    """A way to Redis around the program; the buckets are emptied."""
    with Redis.from_url(redis.url) as connection:
        for key in connection.scan_iter("rate:*"):
            connection.delete(key)
        yield connection


def admitted(limiter: RateLimiter, quota: Quota, who: object, times: int) -> int:
    """Ask so often, and return how often that was granted."""
    return sum(not limiter.consume(quota, who).retry_after for _ in range(times))


def test_the_boundary_is_exact(alone: tuple[RateLimiter, Clock]) -> None:
    """Three pass, the fourth is told when to come, is refused a moment before that and passes then; one, not two."""
    limiter, clock = alone
    assert [limiter.consume(THREE, "ada").remaining for _ in range(3)] == [2, 1, 0]

    refused = limiter.consume(THREE, "ada")
    assert (refused.retry_after, refused.remaining, refused.reset_after) == (10, 0, 30)
    clock.now += 9.999
    assert limiter.consume(THREE, "ada").retry_after == pytest.approx(0.001)
    clock.now += 0.001
    assert (limiter.consume(THREE, "ada").retry_after, limiter.consume(THREE, "ada").retry_after) == (0, 10)
    clock.now += 1000
    assert admitted(limiter, THREE, "ada", 10) == 3, "an idle caller saves up no more than the bucket holds"


def test_who_asks_often_far_from_the_limit_is_counted_several_at_a_time(
    alone: tuple[RateLimiter, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left is told call by call; the bucket is opened for one in many; and in the end just the quota passed."""
    limiter, _ = alone
    quota, opened, take = Quota("many", 100_000, 3600), [], limiter._lock_set
    monkeypatch.setattr(limiter, "_lock_set", lambda number: (opened.append(number), take(number))[1])

    assert [limiter.consume(quota, "ada").remaining for _ in range(5000)] == [*range(99_999, 94_999, -1)]
    assert len(opened) < 200

    assert admitted(limiter, quota, "ada", 100_000) == 95_000
    assert admitted(limiter, quota, "bob", 1) == 1


def test_calls_taken_ahead_are_good_for_a_moment_only(alone: tuple[RateLimiter, Clock]) -> None:
    """Who comes slowly has one taken at a time: nothing is lost by waiting."""
    limiter, clock = alone
    quota = Quota("many", 100_000, 3600)
    for _ in range(100):
        limiter.consume(quota, "ada")
        clock.now += 0.3

    assert limiter.consume(quota, "ada").remaining == 100_000 - 1  # as many came back as were spent


def test_no_more_calls_remain_than_the_quota_has(alone: tuple[RateLimiter, Clock]) -> None:
    """Calls that a worker has taken ahead and not used yet do not add to those that have come back meanwhile."""
    limiter, clock = alone
    quota = Quota("many", 60_000, 300)  # one comes back every 5 ms
    for _ in range(10):
        limiter.consume(quota, "ada")
    clock.now += 0.2

    assert limiter.consume(quota, "ada")[1:] == (60_000, 0)


def test_callers_and_quotas_are_apart(alone: tuple[RateLimiter, Clock]) -> None:
    """Nobody uses up what is another's, nor one limit what is of another."""
    limiter, _ = alone

    assert admitted(limiter, THREE, "ada", 5) == 3
    assert admitted(limiter, THREE, "bob", 5) == 3
    assert admitted(limiter, Quota("others", 2, 30), "ada", 5) == 2


@pytest.mark.parametrize("calls", [1, 7, 60_000, 999_983])
def test_quotas_that_do_not_divide_their_window_are_exact(alone: tuple[RateLimiter, Clock], calls: int) -> None:
    """As many pass at once as were promised, however the microseconds fall."""
    limiter, _ = alone
    quota = Quota("odd", calls, 60)
    assert limiter.consume(quota, "ada").remaining == calls - 1
    assert quota.window == quota.interval * calls <= 60_000_000


def test_what_passes_is_exact_over_workers_and_threads() -> None:
    """Four workers of four threads each ask for one caller until none is left: exactly the quota passes.

    Each goes on until it is refused, so that none keeps calls for itself that it has taken and not made.
    """
    _, limiter = host("", Clock())
    quota = Quota("many", 20_000, 3600)

    def until_refused() -> int:
        passed = 0
        while not limiter.consume(quota, "ada").retry_after:
            passed += 1
        return passed

    def crowd() -> int:
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(until_refused())) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return sum(found)

    workers = [Worker(crowd=crowd) for _ in range(4)]
    for each in workers:
        each.ask("crowd")
    passed = sum(each.answer() for each in workers)
    for each in workers:
        each.kill()

    assert passed == 20_000
    assert limiter.consume(quota, "ada").retry_after > 0, "the killed have spent it"


def test_a_stopped_worker_holds_up_nobody() -> None:
    """While a worker is stopped that holds a lock, another waits for it once, briefly, and then asks on at once."""
    _, limiter = host("")

    def hold() -> None:
        limiter._lock_set(0)
        os.kill(os.getpid(), signal.SIGSTOP)

    stopped = Worker(hold=hold)
    stopped.ask("hold")
    os.waitpid(stopped.pid, os.WUNTRACED)
    waits = []
    for _ in range(3):
        began = time.monotonic()
        limiter._unlock_set(0, limiter._lock_set(0))
        waits.append(time.monotonic() - began)
    stopped.kill()

    assert 0.25 < waits[0] < 1
    assert max(waits[1:]) < 0.1
    assert limiter._lock_set(0), "the kernel has freed it"


def test_many_callers_take_no_more_memory(alone: tuple[RateLimiter, Clock]) -> None:
    """More callers than there is room for are all served, and who has spent most is not forgotten for them."""
    limiter, _ = alone
    assert admitted(limiter, THREE, "ada", 4) == 3

    assert all(not limiter.consume(THREE, f"stranger {number}").retry_after for number in range(SETS * WAYS + 2000))
    assert limiter.consume(THREE, "ada").retry_after > 0


def test_hosts_share_by_redis(redis: RedisServer, kept: Redis) -> None:
    """What was spent on one host is spent on the other after an exchange, and after a restart; no name is in Redis."""
    (_, here), (_, there), (_, later) = host(redis.url), host(redis.url), host(redis.url)
    quota = Quota("shared", 10, 3600)
    assert admitted(here, quota, "ada", 7) == 7
    here.exchange()

    assert not there.consume(quota, "ada").retry_after
    there.exchange()
    assert admitted(there, quota, "ada", 10) == 2
    there.exchange()
    here.consume(quota, "ada")
    here.exchange()
    assert admitted(here, quota, "ada", 10) == 0, "over all, ten and the one that nobody had told of yet"
    later.consume(quota, "ada")
    later.exchange()
    assert later.consume(quota, "ada").retry_after > 300, "what was let through too much is owed"
    assert all(b"ada" not in key and kept.pttl(key) > 0 for key in kept.scan_iter("rate:*"))


def test_a_frozen_redis_is_waited_for_by_nobody_who_asks() -> None:
    """With Redis black-holed each host counts for itself, at once; when it is back nothing is counted twice."""
    proxy = Proxy(1)
    proxy.black_hole()
    limiter = host(f"redis://127.0.0.1:{proxy.port}")[1]
    sharing = threading.Thread(target=limiter.exchange)
    limiter.consume(THREE, "ada")
    sharing.start()
    with within(0.1):
        passed = admitted(limiter, THREE, "ada", 5)
    sharing.join()
    proxy.close()

    assert passed == 2
    assert [spent for spent, _ in limiter._unsent.values()] == [2 * THREE.interval]


def test_a_clock_that_is_set_back_locks_nobody_out(redis: RedisServer, kept: Redis) -> None:
    """A bucket that is full in a year by the clock of Redis is so in two windows at the most."""
    _, limiter = host(redis.url)
    assert not limiter.consume(THREE, "ada").retry_after
    limiter.exchange()
    (key,) = kept.scan_iter("rate:*")
    kept.set(key, int((time.time() + 365 * 86400) * 1e6))

    limiter.consume(THREE, "ada")
    limiter.exchange()

    assert 30 < limiter.consume(THREE, "ada").retry_after <= 40
    assert kept.pttl(key) <= 60_000


@pytest.mark.full
@pytest.mark.usefixtures("kept")
def test_hosts_together_hold_the_limit_but_for_an_exchange(redis: RedisServer) -> None:
    """Two hosts that are asked 200 times a second each for 4 s let through the quota and what half a second brings."""
    quota, each_second = Quota("together", 300, 60), 200
    hosts = [host(redis.url)[1] for _ in range(2)]
    passed: list[int] = []

    def ask(limiter: RateLimiter) -> None:
        began, granted, asked = time.monotonic(), 0, 0
        while (now := time.monotonic() - began) < 4:
            for _ in range(int(now * each_second) - asked):
                asked, granted = asked + 1, granted + (not limiter.consume(quota, "ada").retry_after)
            threading.Event().wait(0.002)
        passed.append(granted)

    background = [Scheduler() for _ in hosts]
    for each, limiter in zip(background, hosts, strict=True):
        each.every(0, limiter.exchange)
        each.start()
    threads = [threading.Thread(target=ask, args=(limiter,)) for limiter in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in background:
        each.stop()
    print(f"{sum(passed)} of 1600 calls passed two hosts, of a quota of 300 that gives back 20 meanwhile")

    assert 300 <= sum(passed) <= 320 + 2 * each_second * 0.5

"""A change is never hidden by an answer of before it: in all workers, in Redis, over restarts and between hosts."""

import multiprocessing
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis

from deploy.private.servers import RedisServer
from rental_backend.infra.cache import Cache
from rental_backend.infra.stale import Answer, StaleStore
from rental_backend.infra.writes import SKEW, UNKNOWN, Writes
from rental_backend.resilience import Board, Page
from tests.serving import until

from .conftest import OpenCache

FORK = multiprocessing.get_context("fork")


@dataclass
class Host:
    """One start of the program on one host: what its workers share, and the store of one of them."""

    writes: Writes
    stale: StaleStore
    rows: tuple[int, ...]

    def remember(self, key: str, body: bytes, *, ago: float = 0.0) -> None:
        """Remember an answer that was read then, with all changes known by now."""
        self.stale.remember(key, Answer(body, {}, time.time() - ago, self.writes.tag(self.rows)))

    def change(self) -> None:
        """Count a committed change."""
        self.stale.changed(self.rows, UNKNOWN)

    def found(self, key: str) -> bytes | None:
        """Return the body of what is found."""
        answer = self.stale.find(key, self.rows, within=300)
        return answer.body if answer else None

    def worker(self, cache: Cache) -> "Host":
        """Return another worker of this host, whose own memory is empty."""
        return Host(self.writes, StaleStore(cache, self.writes, capacity=2**20), self.rows)


def host(cache: Cache, *, started: bool = True) -> Host:
    """Start the program."""
    writes = Writes(Board(Page()), cache)
    made = Host(writes, StaleStore(cache, writes, capacity=2**20), writes.rows((f"customers-{RUN}",)))
    if started:
        made.stale.start()
    return made


RUN = uuid.uuid4().hex


@pytest.fixture
def key() -> str:
    """A key nobody has used."""
    return StaleStore.key("customers.list", uuid.uuid4().hex)


@pytest.fixture
def cache(frail_redis: RedisServer, open_cache: OpenCache) -> Cache:
    """A door to Redis."""
    return open_cache(frail_redis.url)


@pytest.fixture
def around(frail_redis: RedisServer) -> Iterator[redis.Redis]:
    """A way to Redis around the door; nothing of an earlier test is left there."""
    with redis.Redis.from_url(frail_redis.url) as connection:
        connection.flushall()
        yield connection


def test_a_change_makes_what_was_read_before_useless(cache: Cache, around: redis.Redis, key: str) -> None:
    """Not found any more here, nor through Redis by another worker; what is read afterwards is found by both."""
    mine = host(cache)
    other = mine.worker(cache)
    mine.remember(key, b"before", ago=5)
    until(lambda: around.exists(key))
    assert (mine.found(key), other.found(key)) == (b"before", b"before")
    other.change()
    assert (mine.found(key), mine.worker(cache).found(key), other.found(key)) == (None, None, None)
    assert mine.stale.counted.of("outdated") == 2, "of this worker and of the other; a third had known nothing"
    mine.remember(key, b"after")
    assert mine.found(key) == b"after"
    assert until(lambda: mine.worker(cache).found(key)) == b"after"


def test_only_what_shows_the_resource_is_useless(cache: Cache, around: redis.Redis, key: str) -> None:  # noqa: ARG001
    """Answers that show something else stay; one that shows several resources goes with any of them."""
    mine = host(cache)
    items, both = mine.writes.rows(("items",)), mine.writes.rows((f"customers-{RUN}", "items"))
    mine.stale.remember(key, Answer(b"items", {}, time.time(), mine.writes.tag(items)))
    mine.stale.remember(key + "both", Answer(b"both", {}, time.time(), mine.writes.tag(both)))
    mine.change()
    assert mine.stale.find(key, items, within=60) is not None
    assert mine.stale.find(key + "both", both, within=60) is None


def test_a_read_that_began_before_the_change_is_no_answer(cache: Cache, around: redis.Redis, key: str) -> None:  # noqa: ARG001
    """It may not have seen the change, however late it ends, and it does not push out what was read since."""
    mine = host(cache)
    slow = mine.writes.tag(mine.rows)
    mine.change()
    mine.remember(key, b"after", ago=1)
    mine.stale.remember(key, Answer(b"slow", {}, time.time(), slow))
    assert mine.found(key) == b"after"


def test_a_change_counts_in_every_process(cache: Cache, key: str) -> None:
    """What a worker changes another one knows at once, without Redis."""
    cache.breaker.open()
    mine = host(cache, started=False)
    mine.remember(key, b"before")
    child = FORK.Process(target=mine.change)
    child.start()
    child.join()
    assert (child.exitcode, mine.found(key)) == (0, None)


def test_a_change_made_while_redis_is_away_counts_when_it_is_back(
    frail_redis: RedisServer, cache: Cache, around: redis.Redis, key: str
) -> None:
    """The old answer lies in Redis still; it is not found, and once the mark is there, not by another start either."""
    mine = host(cache)
    mine.remember(key, b"before", ago=5)
    until(lambda: around.exists(key))
    frail_redis.freeze()
    cache.breaker.open()
    mine.change()
    assert mine.found(key) is None
    frail_redis.thaw()
    cache.breaker.close()
    assert mine.worker(cache).found(key) is None
    until(lambda: around.exists(mine.writes.marks_of(mine.rows)[0]), 5, "the mark is sent later")
    assert host(cache, started=False).found(key) is None


def test_a_mark_is_sent_by_another_worker_if_its_own_dies(cache: Cache, around: redis.Redis) -> None:
    """It is on the shared board until Redis has it."""
    cache.breaker.open()
    mine = host(cache, started=False)
    child = FORK.Process(target=mine.change)
    child.start()
    child.join()
    cache.breaker.close()
    mark = mine.writes.marks_of(mine.rows)[0]
    assert not around.exists(mark)
    assert mine.worker(cache).writes.tell()
    assert around.get(mark)
    around.delete(mark)
    assert mine.writes.tell()
    assert not around.exists(mark)  # nothing new to be told


def test_after_a_restart_what_was_read_since_the_last_change_is_found(
    cache: Cache, around: redis.Redis, key: str
) -> None:
    """By the clock, with a second to spare: an answer of before the change, or just after it, is not."""
    mine = host(cache)
    mark = mine.writes.marks_of(mine.rows)[0]
    mine.change()
    until(lambda: around.exists(mark))
    for age, found in ((5.0, None), (-SKEW / 2, None), (-2 * SKEW, b"then")):
        around.set(key, Answer(b"then", {}, time.time() - age, (1,), "an earlier start").pack())
        assert host(cache, started=False).found(key) == found, age


def test_a_change_on_another_host_is_heard_of(cache: Cache, frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """Within about a second what is remembered here is useless, though this host changed nothing."""
    here, there = host(cache), host(open_cache(frail_redis.url))
    here.remember("a key of here", b"before")
    assert here.found("a key of here") == b"before"
    there.change()
    until(lambda: here.found("a key of here") is None, 5)
    here.remember("a key of here", b"after")
    assert here.found("a key of here") == b"after"
    here.writes.listen()
    assert here.found("a key of here") == b"after"


def test_a_mark_that_comes_late_does_not_push_out_a_newer_one(cache: Cache, around: redis.Redis) -> None:
    """Of two hosts whose marks arrive in the other order the later change is what others hear of."""
    early, late = host(cache, started=False), host(cache, started=False)
    mark = early.writes.marks_of(early.rows)[0]
    early.change()
    late.change()
    assert late.writes.tell()
    assert early.writes.tell()
    assert bytes(around.get(mark) or b"").decode().startswith(late.writes.boot)


@pytest.mark.parametrize("garbage", [b"", b"x", b"a b c", b"\xff 1 2", b"a 1", b"a 1 2 3"])
def test_garbage_for_a_mark_is_none(cache: Cache, around: redis.Redis, key: str, garbage: bytes) -> None:
    """Whatever lies in Redis under our key, nothing breaks."""
    mine = host(cache)
    mine.remember(key, b"mine")
    around.set(mine.writes.marks_of(mine.rows)[0], garbage)
    assert mine.found(key) == b"mine"
    assert mine.writes.last(mine.rows) == 0


def test_large_answers_are_small_in_redis(cache: Cache, around: redis.Redis, key: str) -> None:
    """Rows repeat themselves, so a list takes a fraction there; a small answer lies there as it is."""
    mine = host(cache)
    rows = b"[" + b",".join(b'{"customer_code":"C-%d","status":"ACTIVE"}' % number for number in range(200)) + b"]"
    mine.remember(key, rows)
    mine.remember(key + "small", b"[]")
    until(lambda: around.exists(key, key + "small") == 2)
    assert mine.worker(cache).found(key) == rows
    assert int(around.strlen(key)) < len(rows) / 4
    assert bytes(around.get(key + "small") or b"").endswith(b"\n[]")

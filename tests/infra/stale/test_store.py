"""Last good answers in two places, either of which may be lost."""

import time
import tracemalloc
import uuid
from collections.abc import Iterator

import pytest
import redis

from deploy.private.servers import RedisServer
from rental_backend.infra.redis.cache import Cache
from rental_backend.infra.stale.change_log import ChangeLog
from rental_backend.infra.stale.store import CachedResponse, ResponseCache
from rental_backend.resilience import SharedMemory, SharedState
from tests.infra.conftest import OpenCache
from tests.infra.timing import within
from tests.serving import until

pytestmark = pytest.mark.alone(waiting=True)

HEADERS = {"Content-Type": "application/json", "X-Total-Count": "3"}


@pytest.fixture
def key() -> str:
    """A key nobody has used."""
    return ResponseCache.key("customers.list", uuid.uuid4().hex)


@pytest.fixture
def cache(frail_redis: RedisServer, open_cache: OpenCache) -> Cache:
    """A door to Redis."""
    return open_cache(frail_redis.url)


@pytest.fixture
def around(frail_redis: RedisServer) -> Iterator[redis.Redis]:
    """A way to Redis around the door."""
    with redis.Redis.from_url(frail_redis.url) as connection:
        yield connection


@pytest.fixture
def nowhere() -> Cache:
    """A cache that is away for good."""
    return Cache("", deadline=0.1, connections=1, calls=1)


def store(cache: Cache, *, capacity: int = 2**20, writes: bool = True) -> ResponseCache:
    """Make a store; it sends to Redis if `writes`."""
    made = ResponseCache(cache, ChangeLog(SharedState(SharedMemory()), cache), capacity=capacity)
    if writes:
        made.start()
    return made


def answer(body: bytes, *, age: float = 0.0) -> CachedResponse:
    """Make an answer that was true `age` seconds ago."""
    return CachedResponse(body, HEADERS, time.time() - age)


def found(store: ResponseCache, key: str, within: float = 300) -> bytes | None:
    """Return the body of what a store finds."""
    it = store.find(key, within=within)
    return it.body if it else None


def test_keys_differ_by_every_part() -> None:
    """Endpoint, arguments and scope cannot be shifted into each other; equal parts give equal keys."""
    parts = [("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""), ("a", "b"), ("a", "b", "C")]
    assert len({ResponseCache.key(*each) for each in parts}) == len(parts)
    assert ResponseCache.key("a", "b") == ResponseCache.key("a", "b")


def test_an_answer_survives_packing() -> None:
    """Body, headers and time come back as they were, whatever bytes the body has."""
    packed = CachedResponse(b"\n\0[1]\n\xff", HEADERS, 1234.5)
    assert CachedResponse.unpack(packed.pack()) == packed


def test_an_answer_ages() -> None:
    """Its age is the time since it was true, and never below zero."""
    assert 0 <= CachedResponse(b"", {}, time.time()).age < 5
    assert 60 <= answer(b"", age=60).age < 65
    assert answer(b"", age=-60).age == 0


def test_what_is_remembered_is_found(nowhere: Cache, key: str) -> None:
    """Without Redis the process remembers alone."""
    mine = store(nowhere)
    given = answer(b"[]")
    mine.remember(key, given)
    assert mine.find(key, within=300) == given
    assert mine.find(key + "x", within=300) is None


def test_what_is_too_old_is_not_served(cache: Cache, key: str, around: redis.Redis) -> None:
    """An answer older than the endpoint allows is none, from memory and from Redis."""
    mine = store(cache)
    mine.remember(key, answer(b"old", age=100))
    until(lambda: around.exists(key))
    for each in (mine, store(cache)):
        assert found(each, key, within=99) is None
        assert found(each, key, within=200) == b"old"


def test_another_process_finds_it_through_redis(cache: Cache, frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """What one process learned serves all; headers and time come with it."""
    key = ResponseCache.key("shared", uuid.uuid4().hex)
    given = answer(b'{"a": 1}', age=3)
    store(cache).remember(key, given)
    theirs = store(open_cache(frail_redis.url))
    assert until(lambda: theirs.find(key, within=300)) == given


def test_the_newer_of_the_two_copies_wins(cache: Cache, key: str, around: redis.Redis) -> None:
    """A process serves what another has learned since its own last answer; a newer one of its own stays."""
    mine, theirs = store(cache, writes=False), store(cache)
    mine.remember(key, answer(b"mine", age=20))
    theirs.remember(key, answer(b"theirs", age=10))
    until(lambda: around.exists(key))
    assert found(mine, key) == b"theirs"
    mine.remember(key, answer(b"newest"))
    later = store(cache, writes=False)
    later.remember(key, answer(b"newest"))
    assert (found(mine, key), found(later, key)) == (b"newest", b"newest")


def test_what_came_from_redis_is_kept_here(cache: Cache, key: str, around: redis.Redis) -> None:
    """Found once, it outlives the loss of Redis."""
    around.set(key, answer(b"theirs").pack())
    mine = store(cache, writes=False)
    assert found(mine, key) == b"theirs"
    cache.breaker.open()
    assert found(mine, key) == b"theirs"


def test_a_slow_request_does_not_replace_a_newer_answer(nowhere: Cache, key: str) -> None:
    """Of two requests that end in the other order the later truth stays."""
    mine = store(nowhere)
    mine.remember(key, answer(b"newer"))
    mine.remember(key, answer(b"older", age=5))
    assert found(mine, key) == b"newer"


@pytest.mark.parametrize("loss", ["freeze", "kill"])
def test_it_survives_the_loss_of_redis(frail_redis: RedisServer, cache: Cache, key: str, loss: str) -> None:
    """What this process remembers is served soon, whatever happened to Redis."""
    mine = store(cache)
    mine.remember(key, answer(b"kept"))
    getattr(frail_redis, loss)()
    with within(0.3):
        assert found(mine, key) == b"kept"
    with within(0.1):
        for _ in range(10):
            assert found(mine, key) == b"kept"


def test_it_survives_the_loss_of_the_process(cache: Cache, key: str, around: redis.Redis) -> None:
    """A process that just started serves what its predecessor left in Redis, for a day."""
    store(cache).remember(key, answer(b"left"))
    until(lambda: around.exists(key))
    assert found(store(cache), key) == b"left"
    assert 23 * 3600 < around.ttl(key) <= 24 * 3600


def test_memory_is_bounded_and_the_oldest_go_first(nowhere: Cache) -> None:
    """Beyond the capacity the answers that were remembered longest ago are forgotten; a renewed one counts as new."""
    mine = store(nowhere, capacity=100_000)
    for number in range(10):
        mine.remember(f"key {number}", answer(bytes(9_000)))
    assert found(mine, "key 0") is None
    assert found(mine, "key 1") is not None
    mine.remember("key 1", answer(bytes(9_000)))
    mine.remember("key 10", answer(bytes(9_000)))
    assert found(mine, "key 1") is not None
    assert found(mine, "key 2") is None


def test_an_answer_that_replaces_another_takes_its_place(nowhere: Cache) -> None:
    """What is reckoned is what is kept, though one answer is renewed for ever, grows, shrinks or comes too late."""
    mine = store(nowhere, capacity=100_000, writes=False)
    mine.remember("other", answer(b"kept"))
    for number in range(100):
        mine.remember("key", answer(bytes(9_000 - number)))
    mine.remember("key", answer(bytes(5_000), age=60))  # a slow request's
    mine.remember("key", answer(bytes(50_000)))  # too large to be kept

    assert found(mine, "other") == b"kept"
    assert mine._size == sum(each.weight for each in mine._responses.values())
    assert [len(each.body) for each in mine._responses.values()] == [4, 8_901]


def test_a_flood_of_tiny_answers_is_bounded_too(nowhere: Cache) -> None:
    """Empty lists for endless searches do not fill the memory: what an answer takes beside its body counts."""
    mine = store(nowhere, capacity=100 * 1024, writes=False)
    for number in range(1000):
        mine.remember(f"key {number}", answer(b"[]"))
    assert 90 <= len(mine._responses) <= 100
    assert found(mine, "key 999") == b"[]"


@pytest.mark.parametrize("size", [2, 10_000])
def test_an_answer_takes_no_more_memory_than_is_reckoned(nowhere: Cache, size: int) -> None:
    """The weight by which the memory is bounded is not less than what Python really takes, small answers and large."""
    mine = store(nowhere, writes=False)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(60):
            mine._keep(
                ResponseCache.key(str(number)),
                CachedResponse(bytes(size), {**HEADERS, "ETag": f'"{number}"'}, time.time()),
            )
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(mine._responses) == 60
    assert after - before <= mine._size


def test_an_answer_too_big_for_memory_is_found_in_redis(cache: Cache, key: str, around: redis.Redis) -> None:
    """One answer never takes more than an eighth of the memory."""
    mine = store(cache, capacity=80_000)
    mine.remember(key, answer(bytes(10_001)))
    until(lambda: around.exists(key))
    assert found(mine, key) == bytes(10_001)
    cache.breaker.open()
    assert found(mine, key) is None


@pytest.mark.parametrize(
    "garbage",
    [
        b"", b"garbage", b"\xff\xfe\n[]", b"[1]\nx", b"[1, 2]\nx", b"[1, 2, 3]\nx", b'["x", {}]\n', b"null\n",
        b'{"a": 1, "b": 2}\n', b"5\n", b"[null, {}]\n",
    ],
)  # fmt: skip
def test_garbage_in_redis_is_ignored(cache: Cache, key: str, around: redis.Redis, garbage: bytes) -> None:
    """What is not an answer of ours is none, and does not hide our own."""
    around.set(key, garbage)
    mine = store(cache, writes=False)
    assert found(mine, key, within=1e12) is None
    other = store(cache, writes=False)
    other.remember(key, answer(b"mine"))
    assert found(other, key) == b"mine"


def test_a_key_of_another_kind_is_ignored(cache: Cache, key: str, around: redis.Redis) -> None:
    """A list under our key is no answer and no outage."""
    around.lpush(key, "a")
    assert found(store(cache, writes=False), key) is None
    assert cache.breaker.closed


def test_remembering_never_waits_for_redis(frail_redis: RedisServer, cache: Cache) -> None:
    """While Redis is frozen a hundred answers are remembered in no time, and found."""
    mine = store(cache)
    frail_redis.freeze()
    with within(0.3):
        for number in range(100):
            mine.remember(f"key {number}", answer(b"[]"))
    cache.breaker.open()
    assert found(mine, "key 99") == b"[]"


def test_a_full_queue_is_harmless(cache: Cache, around: redis.Redis) -> None:
    """What finds no place in the queue is kept here, and sent with the next answer for its key."""
    unique = uuid.uuid4().hex
    keys = [f"{unique} {number}" for number in range(300)]
    mine = store(cache, writes=False)
    for each in keys:
        mine.remember(each, answer(b"first"))
    assert all(found(mine, each) == b"first" for each in (keys[0], keys[-1]))
    mine.start()
    until(lambda: around.exists(keys[0], keys[255]) == 2)
    assert not around.exists(keys[299])
    mine.remember(keys[299], answer(b"second"))
    until(lambda: around.exists(keys[299]))


def test_a_key_is_sent_to_redis_at_most_every_two_seconds(cache: Cache, key: str, around: redis.Redis) -> None:
    """A busy list costs Redis little: between two sendings it is renewed here only."""
    mine = store(cache)

    def sent() -> bytes:
        packed = around.get(key)
        assert isinstance(packed, bytes)
        return CachedResponse.unpack(packed).body

    mine.remember(key, answer(b"first", age=10))
    until(lambda: around.exists(key))
    mine.remember(key, answer(b"second", age=8.5))
    mine.remember(key + "marker", answer(b""))
    until(lambda: around.exists(key + "marker"))
    assert (found(mine, key), sent()) == (b"second", b"first")
    mine.remember(key, answer(b"third", age=7.9))
    until(lambda: sent() == b"third")


def test_redis_is_asked_once_a_second_for_what_is_here(cache: Cache, key: str, around: redis.Redis) -> None:
    """Answers from memory stay cheap: a newer copy is seen at the next look."""
    mine = store(cache, writes=False)
    mine.remember(key, answer(b"mine", age=10))
    assert found(mine, key) == b"mine"
    before = cache.breaker.counts()
    around.set(key, answer(b"theirs").pack())
    assert found(mine, key) == b"mine"
    assert cache.breaker.counts() == before
    until(lambda: found(mine, key) == b"theirs", 5)


def test_the_notes_about_keys_are_bounded(nowhere: Cache) -> None:
    """However many keys are asked for and remembered, what is noted about them stays small."""
    mine = store(nowhere, capacity=2**14)
    for number in range(11_000):
        mine.find(f"key {number}", within=1)
        mine.remember(f"key {number}", answer(b""))
    assert len(mine._looked) <= 10_001
    assert len(mine._sent) <= 10_001
    assert len(mine._responses) <= 16

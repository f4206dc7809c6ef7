"""Nobody's own change is hidden by an answer of before it: in all workers, in Redis, over restarts, between hosts."""

import json
import multiprocessing
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis

from deploy.private.servers import RedisServer
from rental_backend.infra.redis.cache import Cache
from rental_backend.infra.stale.change_authors import ANYBODY, ENTRIES, author_key
from rental_backend.infra.stale.change_log import SKEW, STARTS, UNKNOWN, ChangeLog
from rental_backend.infra.stale.store import CachedResponse, ResponseCache
from rental_backend.resilience import SharedMemory, SharedState
from tests.infra.conftest import OpenCache
from tests.serving import until

FORK = multiprocessing.get_context("fork")
ANN, BOB, CIA = (author_key(uuid.UUID(int=number)) for number in (1, 5, 9))


@dataclass
class Host:
    """One start of the program on one host: what its workers share, and the store of one of them."""

    change_log: ChangeLog
    response_cache: ResponseCache
    rows: tuple[int, ...]

    def remember(self, key: str, body: bytes, *, ago: float = 0.0) -> None:
        """Remember an answer that was read then, with all changes known by now."""
        self.response_cache.remember(
            key, CachedResponse(body, {}, time.time() - ago, self.change_log.version(self.rows))
        )

    def change(self, who: int = ANN) -> None:
        """Count a committed change of somebody."""
        self.change_log.record(self.rows, who, UNKNOWN)

    def found(self, key: str, who: int = ANN) -> bytes | None:
        """Return the body of what is found for somebody."""
        answer = self.response_cache.find(key, self.rows, within=300, who=who)
        return answer.body if answer else None

    def worker(self, cache: Cache) -> "Host":
        """Return another worker of this host, whose own memory is empty."""
        return Host(self.change_log, ResponseCache(cache, self.change_log, capacity=2**20), self.rows)


def host(cache: Cache, *, started: bool = True) -> Host:
    """Start the program."""
    change_log = ChangeLog(SharedState(SharedMemory()), cache)
    made = Host(change_log, ResponseCache(cache, change_log, capacity=2**20), change_log.rows((f"customers-{RUN}",)))
    if started:
        made.response_cache.start()
    return made


RUN = uuid.uuid4().hex


@pytest.fixture
def key() -> str:
    """A key nobody has used."""
    return ResponseCache.key("customers.list", uuid.uuid4().hex)


@pytest.fixture
def cache(frail_redis: RedisServer, open_cache: OpenCache) -> Cache:
    """A door to Redis."""
    return open_cache(frail_redis.url)


@pytest.fixture
def nowhere() -> Cache:
    """A cache that is away for good."""
    return Cache("", deadline=0.1, connections=1, calls=1)


@pytest.fixture
def around(frail_redis: RedisServer) -> Iterator[redis.Redis]:
    """A way to Redis around the door; nothing of an earlier test is left there."""
    with redis.Redis.from_url(frail_redis.url) as connection:
        connection.flushall()
        yield connection


def test_nobody_sees_an_answer_of_before_his_own_change(cache: Cache, around: redis.Redis, key: str) -> None:
    """Not found any more by him, here or through Redis by another worker; what is read afterwards is found by both."""
    mine = host(cache)
    other = mine.worker(cache)
    mine.remember(key, b"before", ago=5)
    until(lambda: around.exists(key))
    assert (mine.found(key), other.found(key)) == (b"before", b"before")
    other.change()
    assert (mine.found(key), mine.worker(cache).found(key), other.found(key)) == (None, None, None)
    assert mine.response_cache.lookups.value("outdated") == 2, (
        "of this worker and of the other; a third had known nothing"
    )
    mine.remember(key, b"after")
    assert mine.found(key) == b"after"
    assert until(lambda: mine.worker(cache).found(key)) == b"after"


def test_others_see_it_still(cache: Cache, around: redis.Redis, key: str) -> None:
    """An answer says how old it is, so whoever has changed nothing may see it, however often somebody else has."""
    mine = host(cache)
    mine.remember(key, b"before", ago=5)
    until(lambda: around.exists(key))
    for _ in range(3):
        mine.change(ANN)
    assert (mine.found(key, ANN), mine.found(key, BOB), mine.worker(cache).found(key, BOB)) == (None, *[b"before"] * 2)
    mine.change(BOB)
    assert (mine.found(key, BOB), mine.found(key, CIA)) == (None, b"before")


def test_a_change_by_nobody_knows_whom_concerns_everybody(nowhere: Cache, key: str) -> None:
    """And to whom nobody knows every change may be his own."""
    mine = host(nowhere, started=False)
    mine.remember(key, b"before")
    mine.change(ANN)
    assert (mine.found(key, BOB), mine.found(key, ANYBODY)) == (b"before", None)
    mine.remember(key, b"after")
    mine.change(ANYBODY)
    assert (mine.found(key, ANN), mine.found(key, BOB), mine.found(key, ANYBODY)) == (None, None, None)


def test_only_what_shows_the_resource_is_useless(cache: Cache, around: redis.Redis, key: str) -> None:  # noqa: ARG001
    """Answers that show something else stay; one that shows several resources goes with any of them."""
    mine = host(cache)
    items, both = mine.change_log.rows(("items",)), mine.change_log.rows((f"customers-{RUN}", "items"))
    mine.response_cache.remember(key, CachedResponse(b"items", {}, time.time(), mine.change_log.version(items)))
    mine.response_cache.remember(key + "both", CachedResponse(b"both", {}, time.time(), mine.change_log.version(both)))
    mine.change()
    assert mine.response_cache.find(key, items, within=60) is not None
    assert mine.response_cache.find(key + "both", both, within=60) is None


def test_a_read_that_began_before_the_change_is_no_answer(cache: Cache, around: redis.Redis, key: str) -> None:  # noqa: ARG001
    """It may not have seen the change, however late it ends, and it does not push out what was read since."""
    mine = host(cache)
    slow = mine.change_log.version(mine.rows)
    mine.change()
    mine.remember(key, b"after", ago=1)
    mine.response_cache.remember(key, CachedResponse(b"slow", {}, time.time(), slow))
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
    until(lambda: around.exists(mine.change_log.mark_keys(mine.rows)[0]), 5, "the mark is sent later")
    assert host(cache, started=False).found(key) is None


def test_a_mark_is_sent_by_another_worker_if_its_own_dies(cache: Cache, around: redis.Redis) -> None:
    """It is on the shared board until Redis has it."""
    cache.breaker.open()
    mine = host(cache, started=False)
    child = FORK.Process(target=mine.change)
    child.start()
    child.join()
    cache.breaker.close()
    mark = mine.change_log.mark_keys(mine.rows)[0]
    assert not around.exists(mark)
    assert mine.worker(cache).change_log.publish()
    assert around.get(mark)
    around.delete(mark)
    assert mine.change_log.publish()
    assert not around.exists(mark)  # nothing new to be told


def test_after_a_restart_what_was_read_since_ones_last_change_is_found(
    cache: Cache, around: redis.Redis, key: str
) -> None:
    """By the clock, with a second to spare: one of before the change, or just after it, is not; for others it is."""
    mine = host(cache)
    mark = mine.change_log.mark_keys(mine.rows)[0]
    mine.change()
    until(lambda: around.exists(mark))
    for age, found in ((5.0, None), (-SKEW / 2, None), (-2 * SKEW, b"then")):
        around.set(key, CachedResponse(b"then", {}, time.time() - age, (1,), "an earlier start").pack())
        again = host(cache, started=False)
        assert (again.found(key), again.found(key, BOB)) == (found, b"then"), age


@pytest.mark.usefixtures("around")
def test_a_change_on_another_host_is_heard_of(cache: Cache, frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """Within about a second what is remembered here is useless to its author, though this host changed nothing."""
    here, there = host(cache), host(open_cache(frail_redis.url))
    here.remember("a key of here", b"before", ago=SKEW)
    assert here.found("a key of here") == b"before"
    there.change()
    until(lambda: here.found("a key of here") is None, 5)
    assert here.found("a key of here", BOB) == b"before"
    here.remember("a key of here", b"after")  # what is read after hearing of it has seen it, whatever the clocks say
    assert here.found("a key of here") == b"after"
    here.change_log.poll()
    assert here.found("a key of here") == b"after"


def test_what_is_read_after_hearing_of_a_change_has_seen_it(cache: Cache, around: redis.Redis, key: str) -> None:  # noqa: ARG001
    """Whatever the clocks say, by which it was just now."""
    there, here = host(cache, started=False), host(cache, started=False)
    there.change()
    assert there.change_log.publish()
    here.change_log.poll()
    here.remember(key, b"after", ago=SKEW / 2)
    here.change(BOB)
    assert here.found(key) == b"after"


def test_a_change_here_hides_what_another_start_has_read_before(cache: Cache, around: redis.Redis, key: str) -> None:
    """Its counters are not ours, so clocks decide; nobody else is concerned."""
    mine = host(cache, started=False)
    around.set(key, CachedResponse(b"before", {}, time.time() - 5, (1,), "an earlier start").pack())
    mine.change()
    assert (mine.found(key, ANN), mine.found(key, BOB)) == (None, b"before")


def test_an_answer_of_ours_is_not_given_up_for_one_that_is_for_fewer(
    cache: Cache, around: redis.Redis, key: str
) -> None:
    """Another host's that is hardly newer is shown to whom it may be, and ours stays for who has just made a change."""
    mine = host(cache, started=False)
    mine.change(BOB)
    mine.remember(key, b"mine")
    around.set(key, CachedResponse(b"theirs", {}, time.time() + SKEW / 2, (1,), "another start").pack())
    assert (mine.found(key, ANN), mine.found(key, BOB)) == (b"theirs", b"mine")


def test_what_another_worker_has_read_is_kept_here(cache: Cache, around: redis.Redis, key: str) -> None:
    """It is of the same host, so it is for the same people, and outlives the loss of Redis."""
    mine = host(cache)
    mine.remember(key, b"older", ago=SKEW / 2)
    until(lambda: around.exists(key))
    around.set(
        key, CachedResponse(b"newer", {}, time.time(), mine.change_log.version(mine.rows), mine.change_log.boot).pack()
    )
    assert mine.found(key) == b"newer"
    cache.breaker.open()
    assert mine.found(key) == b"newer"


def test_hearing_late_of_a_change_costs_no_answer_that_has_seen_it(cache: Cache, around: redis.Redis, key: str) -> None:
    """Whatever was read here since is found under every key, also when another start's mark is heard only then."""
    there, here = host(cache, started=False), host(cache, started=False)
    there.change_log.record(there.rows, ANN, UNKNOWN)
    there.change_log.record(there.rows, ANYBODY, UNKNOWN)
    for each in (key, key + "another", key + "third"):
        here.remember(each, b"since", ago=-2 * SKEW)
    assert there.change_log.publish()
    assert [here.found(each) for each in (key, key + "another", key + "third")] == [b"since"] * 3
    assert around.exists(*here.change_log.mark_keys(here.rows))


def test_marks_of_several_hosts_stand_side_by_side(cache: Cache, around: redis.Redis, key: str) -> None:  # noqa: ARG001
    """In whichever order they arrive, and though one is older, each author's own change is heard of."""
    early, late, here = (host(cache, started=False) for _ in range(3))
    here.remember(key, b"before", ago=SKEW)
    early.change(ANN)
    late.change(BOB)
    assert late.change_log.publish()
    assert early.change_log.publish()
    assert (here.found(key, ANN), here.found(key, BOB), here.found(key, CIA)) == (None, None, b"before")


def test_the_marks_of_many_starts_are_bounded(cache: Cache, around: redis.Redis, key: str) -> None:
    """Of the oldest of too many nobody knows any more who they were: they concern everybody, and are not lost."""
    here, starts = host(cache, started=False), [host(cache, started=False) for _ in range(STARTS + 3)]
    mark = here.change_log.mark_keys(here.rows)[0]
    here.remember(key, b"before", ago=2 * SKEW)

    def of_everybody() -> int:
        return max(said["who"].get("0", 0) for said in json.loads(bytes(around.get(mark) or b"")).values())

    for each in starts:
        each.change()
        assert each.change_log.publish()
    assert len(json.loads(bytes(around.get(mark) or b""))) == STARTS
    folded = of_everybody()
    assert folded > 0
    for each in starts[-STARTS:]:
        each.change()
        assert each.change_log.publish()
        assert of_everybody() == folded
    assert here.found(key, BOB) is None


def test_who_has_no_seat_any_more_is_heard_of_too(cache: Cache, around: redis.Redis, key: str) -> None:  # noqa: ARG001
    """A host where more people make changes than it can name tells of the others, and of itself no less."""
    there, here = host(cache, started=False), host(cache, started=False)
    here.remember(key, b"before", ago=2 * SKEW)
    for number in range(ENTRIES):
        there.change(author_key(uuid.UUID(int=100 + 4 * number)))
    assert there.change_log.publish()
    assert here.found(key, author_key(uuid.UUID(int=100))) is None
    assert there.found(key, BOB) is None


@pytest.mark.parametrize("garbage", [
    b"", b"x", b"a b c", b"\xff 1 2", b"[1]", b"7", b'{"a":1}', b'{"a":{"at":1}}', b'{"a":{"at":1,"who":{"x":1}}}',
    b'{"a":{"at":"x","position":"1","who":{}}}', b'{"a":{"at":1,"position":"1","who":[]}}',
        b'{"a":{"at":1,"position":"1","who":{"-9":1}}}',
        b'{"a":{"at":1,"position":"1","who":{"7":Infinity}}}',
        b'{"a":{"at":1,"position":"99999999999999999999","who":{}}}',
])  # fmt: skip
def test_garbage_for_a_mark_is_none(cache: Cache, around: redis.Redis, key: str, garbage: bytes) -> None:
    """Whatever lies in Redis under our key, nothing breaks, and the next mark is told all the same."""
    mine, other = host(cache, started=False), host(cache, started=False)
    mark = mine.change_log.mark_keys(mine.rows)[0]
    mine.remember(key, b"mine", ago=SKEW)
    around.set(mark, garbage)
    assert mine.found(key) == b"mine"
    other.change()
    assert other.change_log.publish()
    assert mine.worker(cache).found(key) is None
    assert mine.found(key, BOB) == b"mine"
    assert other.change_log.boot.encode() in bytes(around.get(mark) or b"")


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

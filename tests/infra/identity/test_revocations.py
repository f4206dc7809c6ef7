"""What workers and hosts know of endings and changed rights, with the accounts and Redis away in every order."""

import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis import Redis

from deploy.private.servers import PostgresServer, RedisServer
from rental_backend.errors import AppError
from rental_backend.infra.identity import host_revocations
from rental_backend.infra.identity import revocations as module
from rental_backend.infra.identity.account import Account
from rental_backend.infra.identity.revocation_store import ENTRIES, ORDER
from rental_backend.infra.identity.revocations import Knowledge, Revocations
from tests.infra.conftest import OpenCache, OpenDatabase
from tests.infra.identity.lists import Host, Ledger, ended
from tests.infra.timing import within
from tests.resilience.clock import Clock

pytestmark = pytest.mark.alone(waiting=True)

Hosts = Callable[[str], Host]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which knowledge grows old."""
    clock = Clock()
    for each in (module, host_revocations):
        monkeypatch.setattr(each, "time", SimpleNamespace(monotonic=clock, time=each.time.time))
    return clock


@pytest.fixture
def ledger() -> Ledger:
    """The changes that the database keeps."""
    return Ledger()


@pytest.fixture
def host(
    frail_postgres: PostgresServer,
    frail_redis: RedisServer,
    open_database: OpenDatabase,
    open_cache: OpenCache,
    tmp_path: Path,
    ledger: Ledger,
    clock: Clock,
) -> Hosts:
    """Make a host by the name of its folder, with doors of its own; Redis is empty to begin with."""
    assert clock() == 1000
    flush(frail_redis)

    def make(name: str = "here") -> Host:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return Host(folder, open_database(frail_postgres.url), open_cache(frail_redis.url), ledger)

    return make


def flush(server: RedisServer) -> None:
    """Empty Redis."""
    with Redis.from_url(server.url) as client:
        client.flushall()


def close(*lists: Revocations) -> None:
    """Close the breakers of Redis, as the prober would have done by now."""
    for each in lists:
        each._store._cache.breaker.close()


def refreshed(clock: Clock, *lists: Revocations) -> None:
    """Let each look again, a moment later."""
    for each in lists:
        clock.advance(0.1)
        each.refresh()


def test_a_worker_that_looked_knows_all_of_a_while(host: Hosts, ledger: Ledger, clock: Clock) -> None:
    """Before its first look it knows nothing; when it is cut off it knows that others may have ended something."""
    old, new = uuid.uuid4(), uuid.uuid4()
    ledger.changes.append(old)
    worker = host("here").worker()
    assert (worker.knowledge(), worker.has_ended(old)) == (Knowledge.UNKNOWN, False)
    refreshed(clock, worker)
    assert (worker.knowledge(), ended(worker, [old, new])) == (Knowledge.COMPLETE, [True, False])
    ledger.changes.append(new)
    refreshed(clock, worker)
    assert ended(worker, [old, new]) == [True, True]


def test_an_ending_is_in_force_in_all_workers_at_once(host: Hosts, clock: Clock) -> None:
    """Without a look and without Redis, by the memory they share; however many sessions end."""
    here = host("here")
    one, other = here.worker(0), here.worker(1)
    refreshed(clock, one, other)
    for number in (1, 600):
        sessions = [uuid.uuid4() for _ in range(number)]
        one.announce(sessions)
        assert all(ended(other, sessions))
    one.announce([])
    assert not other.has_ended(uuid.uuid4())


def test_a_worker_that_starts_in_an_outage_hears_redis(
    host: Hosts, ledger: Ledger, clock: Clock, frail_postgres: PostgresServer
) -> None:
    """It knows as much as the others: what they read, and what they ended."""
    here, gone, demoted = host("here"), uuid.uuid4(), Account(uuid.uuid4(), "ann", True, False, frozenset({"A"}))
    one, sessions = here.worker(0), [uuid.uuid4(), uuid.uuid4()]
    ledger.changes += [sessions[0], (demoted.id, demoted), (gone, None)]
    refreshed(clock, one)
    one.announce(sessions[1:])
    frail_postgres.stop()
    clock.advance(100)
    other = here.worker(1)
    other.refresh()
    assert (other.knowledge(), ended(other, sessions)) == (Knowledge.COMPLETE, [True, True])
    for user, account in ((demoted.id, demoted), (gone, None)):
        known = other.known(user)
        assert known and known.account == account
    assert other.known(uuid.uuid4()) is None


def test_what_ends_while_redis_is_away_is_sent_later(
    host: Hosts, clock: Clock, frail_postgres: PostgresServer, frail_redis: RedisServer
) -> None:
    """Until then a worker that starts knows of it by the journal, and knows that it may lack more."""
    here, session = host("here"), uuid.uuid4()
    one = here.worker(0)
    refreshed(clock, one)
    frail_redis.freeze()
    with within(0.8):
        one.announce([session])
    frail_postgres.stop()
    frail_redis.thaw()
    close(one)
    clock.advance(100)
    other = here.worker(1)
    other.refresh()
    assert (other.knowledge(), other.has_ended(session)) == (Knowledge.UNKNOWN, True)
    clock.advance(1)
    one.refresh()
    clock.advance(1)
    assert (one.knowledge(), other.knowledge()) == (Knowledge.COMPLETE, Knowledge.COMPLETE)
    third = here.worker(2)
    third.refresh()
    assert (third.knowledge(), third.has_ended(session)) == (Knowledge.COMPLETE, True)


@pytest.mark.parametrize("loss", ["flushed", "an older copy"])
def test_a_redis_that_lost_its_data_says_nothing(
    host: Hosts, ledger: Ledger, clock: Clock, frail_postgres: PostgresServer, frail_redis: RedisServer, loss: str
) -> None:
    """What is missing there may have ended. The next look at the accounts begins a new list, which is whole."""
    here, sessions = host("here"), [uuid.uuid4() for _ in range(4)]
    one = here.worker(0)
    ledger.changes.append(sessions[0])
    refreshed(clock, one)
    with Redis.from_url(frail_redis.url) as client:
        copy = [(key, client.dump(key)) for key in (ORDER, ENTRIES)]
        one.announce(sessions[1:3])
        client.flushall()
        for key, value in copy if loss == "an older copy" else ():
            client.restore(key, 0, value)  # type: ignore[arg-type]
    frail_postgres.stop()
    clock.advance(100)
    other = here.worker(1)
    other.refresh()
    assert (one.knowledge(), other.knowledge()) == (Knowledge.CUT_OFF, Knowledge.UNKNOWN)
    assert ended(one, sessions) == [True, True, True, False]
    frail_postgres.start()
    one._database.breaker.close()
    ledger.changes += sessions[3:]
    refreshed(clock, one)
    frail_postgres.stop()
    clock.advance(100)
    third = here.worker(2)
    third.refresh()
    assert (one.knowledge(), third.knowledge()) == (Knowledge.COMPLETE, Knowledge.COMPLETE)
    assert all(ended(third, sessions))


def test_without_redis_a_worker_knows_of_its_own_host(
    host: Hosts, clock: Clock, frail_postgres: PostgresServer, frail_redis: RedisServer
) -> None:
    """Others may have ended something that it cannot hear of."""
    worker = host("here").worker()
    refreshed(clock, worker)
    frail_postgres.stop()
    frail_redis.freeze()
    assert worker.knowledge() is Knowledge.COMPLETE
    clock.advance(module.CURRENT + 0.1)
    with within(0.8):
        assert worker.knowledge() is Knowledge.CUT_OFF
    frail_redis.thaw()
    close(worker)
    clock.advance(1)
    assert worker.knowledge() is Knowledge.COMPLETE


@pytest.mark.parametrize("journal", ["kept", "lost"])
def test_a_host_that_restarts_in_an_outage(
    host: Hosts, ledger: Ledger, clock: Clock, frail_postgres: PostgresServer, journal: str
) -> None:
    """With its journal it hears Redis as before; without it nobody says whether Redis had everything."""
    here, anew, session = host("here"), host("here" if journal == "kept" else "elsewhere"), uuid.uuid4()
    one = here.worker()
    ledger.changes.append(session)
    refreshed(clock, one)
    frail_postgres.stop()
    anew.restart()
    clock.advance(100)
    worker = anew.worker()
    worker.refresh()
    assert worker.knowledge() is (Knowledge.COMPLETE if journal == "kept" else Knowledge.UNKNOWN)
    assert worker.has_ended(session) is (journal == "kept")


def test_a_host_that_restarts_with_something_unsent_trusts_redis_no_more(
    host: Hosts, clock: Clock, frail_postgres: PostgresServer, frail_redis: RedisServer
) -> None:
    """The sessions that ended here are in its journal, but others' that it had read are lost."""
    here, session = host("here"), uuid.uuid4()
    one = here.worker()
    refreshed(clock, one)
    frail_redis.freeze()
    one.announce([session])
    frail_postgres.stop()
    frail_redis.thaw()
    here.restart()
    clock.advance(100)
    worker = here.worker()
    close(worker)
    worker.refresh()
    assert (worker.knowledge(), worker.has_ended(session)) == (Knowledge.UNKNOWN, True)


def test_another_host_hears_of_an_ending(
    host: Hosts, ledger: Ledger, clock: Clock, frail_postgres: PostgresServer
) -> None:
    """By the accounts while they answer, by Redis in an outage."""
    here, there = host("here").worker(), host("there").worker()
    refreshed(clock, here, there)
    by_accounts, by_redis = uuid.uuid4(), uuid.uuid4()
    ledger.changes.append(by_accounts)
    refreshed(clock, there)
    assert there.has_ended(by_accounts)
    frail_postgres.stop()
    here.announce([by_redis])
    clock.advance(100)
    assert (there.knowledge(), there.has_ended(by_redis)) == (Knowledge.COMPLETE, True)


def test_rights_that_changed_are_read_before_any_are_trusted(
    host: Hosts, ledger: Ledger, clock: Clock, frail_postgres: PostgresServer
) -> None:
    """By all workers of the host: what they looked at before the change does not say what became of it."""
    here = host("here")
    one, other = here.worker(0), here.worker(1)
    refreshed(clock, one, other)
    clock.advance(0.1)
    one.note_changed_rights()
    assert (one.knowledge(), other.knowledge()) == (Knowledge.UNKNOWN, Knowledge.UNKNOWN)
    ann = Account(uuid.uuid4(), "ann", True, False, frozenset())
    ledger.changes.append((ann.id, ann))
    refreshed(clock, one)
    assert one.knowledge() is Knowledge.COMPLETE
    frail_postgres.stop()
    clock.advance(1)
    assert other.knowledge() is Knowledge.COMPLETE
    known = other.known(ann.id)
    assert known and known.account == ann


def test_nothing_that_ended_comes_back(
    host: Hosts, ledger: Ledger, clock: Clock, frail_postgres: PostgresServer
) -> None:
    """Another server that lacks the last changes may answer next; newer rights replace older ones, and no others."""
    worker, session = host("here").worker(), uuid.uuid4()
    ann = Account(uuid.uuid4(), "ann", True, False, frozenset())
    ledger.changes += [(ann.id, ann), session]
    refreshed(clock, worker)
    frail_postgres.stop()
    with pytest.raises(AppError):
        worker._look()
    worker.refresh()
    ledger.changes[:] = [(ann.id, Account(ann.id, "ann", True, True, frozenset()))]
    frail_postgres.start()
    worker._database.breaker.close()
    refreshed(clock, worker)
    known = worker.known(ann.id)
    assert worker.has_ended(session)
    assert known and known.account == ann


def test_what_is_not_ours_in_redis_is_no_list(
    host: Hosts, clock: Clock, frail_postgres: PostgresServer, frail_redis: RedisServer
) -> None:
    """Not an error either."""
    here = host("here")
    one = here.worker(0)
    refreshed(clock, one)
    one.announce([uuid.uuid4()])
    with Redis.from_url(frail_redis.url) as client:
        for member in client.zrange(ORDER, 1, -1):
            client.hset(ENTRIES, member, "1 2 nonsense")  # type: ignore[arg-type]
        client.zadd(ORDER, {"u:nobody": 7})
        client.hset(ENTRIES, "u:nobody", "x")
    frail_postgres.stop()
    clock.advance(100)
    other = here.worker(1)
    other.refresh()
    assert (one.knowledge(), other.knowledge()) == (Knowledge.CUT_OFF, Knowledge.UNKNOWN)


def test_what_expired_is_forgotten(
    host: Hosts, ledger: Ledger, clock: Clock, frail_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In memory and in Redis, when no token is left that it concerns."""
    worker = host("here").worker()
    ledger.changes += [uuid.uuid4() for _ in range(5)]
    refreshed(clock, worker)
    with Redis.from_url(frail_redis.url) as client:
        assert (len(worker.ended), client.zcard(ORDER)) == (5, 6)
    ledger.changes.clear()
    later = module.time.time() + 700
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock, time=lambda: later))
    clock.advance(module.WHOLE_EVERY + 1)
    ledger.changes.append(uuid.uuid4())
    refreshed(clock, worker)
    with Redis.from_url(frail_redis.url) as client:
        assert (len(worker.ended), client.zcard(ORDER)) == (0, 1)

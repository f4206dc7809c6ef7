"""The door to who somebody is, with accounts of a toy table behind it."""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.private.servers import PostgresServer, RedisServer
from rental_backend.errors import Unauthenticated
from rental_backend.infra.identity import host_revocations, revocations
from rental_backend.infra.identity import identity as module
from rental_backend.infra.identity.account import Account
from rental_backend.infra.identity.identity import Identity
from rental_backend.infra.identity.login_throttle import LoginThrottle
from rental_backend.infra.identity.offline import Offline
from rental_backend.infra.identity.passwords import Passwords
from rental_backend.infra.identity.tokens import Claims, Tokens
from rental_backend.infra.postgres.database import Database
from rental_backend.infra.redis.cache import Cache
from rental_backend.resilience import SharedMemory
from tests.infra.conftest import OpenCache, OpenDatabase, failures
from tests.infra.identity.lists import Ledger, a_list
from tests.infra.timing import within
from tests.resilience.clock import Clock

pytestmark = pytest.mark.alone(waiting=True)

FRESH = 15.0
QUERY = text("SELECT username, active, permissions FROM people WHERE id = :id")


class Accounts:
    """How accounts are read: from the table, counted, and held up on request."""

    def __init__(self) -> None:
        self.read = 0
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def load(self, session: Session, claims: Claims) -> Account | None:
        """Read one account."""
        self.read += 1
        self.reached.set()
        assert self.go_on.wait(10)
        row = session.execute(QUERY, {"id": claims.user_id}).one_or_none()
        return Account(claims.user_id, row.username, row.active, False, frozenset(row.permissions)) if row else None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which knowledge grows old."""
    clock = Clock()
    for each in (module, revocations, host_revocations):
        monkeypatch.setattr(each, "time", SimpleNamespace(monotonic=clock, time=time.time))
    return clock


def adapter(database: Database, cache: Cache, folder: Path) -> Identity:
    """Make the door."""
    offline = Offline(
        revocations=a_list(database, cache, folder),
        breaker=database.breaker,
        horizon=900,
        refreshing=3600,
        access=300,
    )
    return Identity(
        database,
        Tokens("a key for tests that is long enough", access_seconds=60, refresh_seconds=600),
        Passwords(SharedMemory(), slots=1),
        throttle=LoginThrottle(cache, by_name=10, by_address=50, window=900),
        offline=offline,
        fresh=FRESH,
    )


@pytest.fixture
def accounts() -> Accounts:
    """How accounts are read."""
    return Accounts()


@pytest.fixture
def identity(
    frail_postgres: PostgresServer,
    open_database: OpenDatabase,
    redis: RedisServer,
    open_cache: OpenCache,
    accounts: Accounts,
    clock: Clock,
    tmp_path: Path,
) -> Identity:
    """The door, with its accounts in reach, a moment after a look at what has changed."""
    assert clock() == 1000
    identity = adapter(open_database(frail_postgres.url), open_cache(redis.url), tmp_path)
    identity.load_accounts_with(accounts.load)
    identity.revocations.load_with(Ledger().load)
    identity.revocations.refresh()
    clock.advance(0.1)
    return identity


Person = Callable[..., Claims]


@pytest.fixture
def person(frail_postgres: PostgresServer) -> Person:
    """Store somebody who may see customers; return what his token says, which is something else."""

    def store(*, active: bool = True) -> Claims:
        ann = uuid.uuid4()
        with psycopg.connect(frail_postgres.url) as connection:
            connection.execute("INSERT INTO people VALUES (%s, 'ann', %s, '{CUSTOMER_VIEW}')", [ann, active])
        return claims(ann)

    return store


def claims(id: uuid.UUID, *, superuser: bool = False, session: uuid.UUID | None = None) -> Claims:
    """Return what a token says of somebody."""
    now = time.time()
    return Claims(
        id, session or uuid.uuid4(), "ann by token", "access", frozenset({"FROM_TOKEN"}), superuser, now + 60, now
    )


def change(server: PostgresServer, claims: Claims, **values: Any) -> None:
    """Change somebody's account around the door."""
    with psycopg.connect(server.url) as connection:
        for name, value in values.items():
            connection.execute(f"UPDATE people SET {name} = %s WHERE id = %s", [value, claims.user_id])


def refused(identity: Identity, claims: Claims) -> str:
    """Return the reason why somebody is not let in."""
    with pytest.raises(Unauthenticated) as caught:
        identity.standing(claims)
    return str(caught.value.members["reason"])


def test_an_account_is_as_the_database_says(identity: Identity, person: Person) -> None:
    """With the accounts in reach the token proves only who one is."""
    ann = person()
    standing = identity.standing(ann)
    assert standing.account == Account(ann.user_id, "ann", True, False, frozenset({"CUSTOMER_VIEW"}))
    assert not standing.offline


def test_what_is_known_is_trusted_for_a_while(
    identity: Identity, person: Person, accounts: Accounts, clock: Clock, frail_postgres: PostgresServer
) -> None:
    """An account is read once in so many seconds; a change is seen after that, and not before."""
    ann = person()
    identity.standing(ann)
    change(frail_postgres, ann, username="anna")
    clock.advance(FRESH)
    assert identity.standing(ann).account.username == "ann"
    assert accounts.read == 1
    clock.advance(0.1)
    assert identity.standing(ann).account.username == "anna"
    assert accounts.read == 2


def test_a_forgotten_account_is_read_anew(
    identity: Identity, person: Person, accounts: Accounts, frail_postgres: PostgresServer
) -> None:
    """Who changes an account need not wait until it is seen; forgetting a stranger is no error."""
    ann = person()
    identity.standing(ann)
    change(frail_postgres, ann, username="anna")
    identity.forget(ann.user_id)
    identity.forget(uuid.uuid4())
    assert identity.standing(ann).account.username == "anna"
    assert accounts.read == 2


def test_an_ended_session_lets_nobody_in(identity: Identity, person: Person, accounts: Accounts, clock: Clock) -> None:
    """Once ended it stays so, without another look; the user's other sessions go on."""
    ann = person()
    other = claims(ann.user_id, session=uuid.uuid4())
    for each in (ann, other):
        identity.standing(each)
    identity.end_sessions([ann.session])
    identity.forget(ann.user_id)
    for _ in range(3):
        clock.advance(FRESH + 1)
        assert refused(identity, ann) == "inactive"
        assert not identity.standing(other).offline
    assert accounts.read == 5


def test_a_session_that_ends_while_it_is_looked_up_has_ended(
    identity: Identity, person: Person, accounts: Accounts
) -> None:
    """An answer from before the end does not bring the session back."""
    ann = person()
    accounts.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(identity.standing, ann)
        assert accounts.reached.wait(10)
        identity.end_sessions([ann.session])
        accounts.go_on.set()
        assert isinstance(first.exception(10), Unauthenticated)
    assert refused(identity, ann) == "inactive"


def test_an_ended_session_stays_ended_while_the_accounts_are_away(
    identity: Identity, person: Person, clock: Clock, frail_postgres: PostgresServer
) -> None:
    """An outage brings no session back that this process knows to have ended."""
    ann = person()
    identity.standing(ann)
    identity.end_sessions([ann.session])
    frail_postgres.stop()
    clock.advance(3600)
    assert refused(identity, ann) == "inactive"


def test_when_everybody_is_forgotten_a_look_under_way_does_not_count(
    identity: Identity, person: Person, accounts: Accounts, frail_postgres: PostgresServer
) -> None:
    """What is read while it is being changed is old: it is read again, for its reader and for who waited for him."""
    ann, bob = person(), person()
    identity.standing(bob)
    with psycopg.connect(frail_postgres.url, autocommit=True) as connection:
        connection.execute("UPDATE people SET username = 'old'")
    accounts.go_on.clear()
    accounts.reached.clear()
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(identity.standing, ann)
        assert accounts.reached.wait(10)
        identity.forget_everybody()
        accounts.go_on.set()
        early.result()
    for each in (ann, bob):
        change(frail_postgres, each, username="new")
        assert identity.standing(each).account.username == "new"


def test_nobody_comes_in_without_an_account(identity: Identity, accounts: Accounts) -> None:
    """A token whose account is gone is of no use, and that is remembered too."""
    nobody = claims(uuid.uuid4())
    assert refused(identity, nobody) == "inactive"
    assert refused(identity, nobody) == "inactive"
    assert accounts.read == 1


def test_a_disabled_account_does_not_come_in(identity: Identity, person: Person) -> None:
    """Whatever the token says."""
    assert refused(identity, person(active=False)) == "inactive"


def test_a_disabled_account_stays_out_while_the_accounts_are_away(
    identity: Identity, person: Person, clock: Clock, frail_postgres: PostgresServer
) -> None:
    """Who was seen disabled does not come back in by an outage, however long it lasts."""
    ann, gone = person(), claims(uuid.uuid4())
    identity.standing(ann)
    change(frail_postgres, ann, active=False)
    clock.advance(FRESH + 1)
    for each in (ann, gone):
        assert refused(identity, each) == "inactive"
    frail_postgres.stop()
    for _ in range(5):
        clock.advance(3600)
        for each in (ann, gone):
            assert refused(identity, each) == "inactive"


def test_a_stranger_is_as_his_token_says_while_the_accounts_are_away(
    identity: Identity, frail_postgres: PostgresServer
) -> None:
    """A valid signature still proves who one is; the standing says that nobody was asked."""
    frail_postgres.stop()
    for superuser in (False, True):
        stranger = claims(uuid.uuid4(), superuser=superuser)
        standing = identity.standing(stranger)
        expected = Account(stranger.user_id, "ann by token", True, superuser, frozenset({"FROM_TOKEN"}))
        assert (standing.account, standing.offline) == (expected, True)


def test_an_account_is_as_last_seen_while_the_accounts_are_away(
    identity: Identity, person: Person, clock: Clock, frail_postgres: PostgresServer
) -> None:
    """What was read counts more than the token; it is marked once it is no longer fresh."""
    ann = person()
    identity.standing(ann)
    frail_postgres.stop()
    assert not identity.standing(ann).offline
    clock.advance(FRESH + 1)
    for _ in range(4):
        standing = identity.standing(ann)
        assert (standing.account.username, standing.offline) == ("ann", True)


def test_requests_of_somebody_unknown_ask_once(identity: Identity, person: Person, accounts: Accounts) -> None:
    """Those that come while the account is being read wait for that answer; the pool would not hold them all."""
    ann = person()
    accounts.go_on.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(identity.standing, ann)
        assert accounts.reached.wait(10)
        others = [pool.submit(identity.standing, ann) for _ in range(7)]
        accounts.go_on.set()
        standings = [each.result(10) for each in (first, *others)]
    assert {(each.account.username, each.offline) for each in standings} == {("ann", False)}
    assert accounts.read == 1


def test_who_waited_for_an_answer_in_vain_is_as_his_token_says(
    identity: Identity, person: Person, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the one who asks gets no answer in time, the others ask nobody else."""
    monkeypatch.setattr(module, "PENDING_WAIT", 0.01)
    ann = person()
    accounts.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(identity.standing, ann)
        assert accounts.reached.wait(10)
        standing = identity.standing(ann)
        accounts.go_on.set()
        assert not first.result(10).offline
    assert (standing.account.username, standing.offline, accounts.read) == ("ann by token", True, 1)


def test_frozen_accounts_are_waited_for_no_longer_than_their_deadline(
    identity: Identity, frail_postgres: PostgresServer
) -> None:
    """Nobody hangs at the door, and after six have waited nobody waits any more."""
    frail_postgres.freeze()
    for _ in range(6):
        assert identity.breaker.closed
        with within(0.8):
            assert identity.standing(claims(uuid.uuid4())).offline
    with within(0.3):  # to wait once is 0.4 s
        for _ in range(10):
            assert identity.standing(claims(uuid.uuid4())).offline


def test_when_the_accounts_are_back_they_are_asked_again(
    identity: Identity, person: Person, clock: Clock, frail_postgres: PostgresServer
) -> None:
    """An outage leaves nothing behind: the next look is at the database."""
    ann = person()
    identity.standing(ann)
    frail_postgres.stop()
    clock.advance(FRESH + 1)
    assert identity.standing(ann).offline
    frail_postgres.start()
    change(frail_postgres, ann, username="anna")
    identity.breaker.close()
    standing = identity.standing(ann)
    assert (standing.account.username, standing.offline) == ("anna", False)


def test_a_full_pool_is_no_reason_to_keep_anybody_out(identity: Identity, person: Person) -> None:
    """When all connections for accounts are in use, the token has to do for this once."""
    ann = person()
    with identity.database.reading() as one, identity.database.reading() as two:
        for each in (one, two):
            each.execute(text("SELECT 1"))
        assert identity.standing(ann).offline
    assert not identity.standing(ann).offline
    assert failures(identity.breaker) == 0


def test_one_refreshes_while_the_others_go_on(
    identity: Identity, person: Person, accounts: Accounts, clock: Clock, frail_postgres: PostgresServer
) -> None:
    """When knowledge is no longer fresh one thread asks; all others use what is known and do not wait."""
    ann = person()
    identity.standing(ann)
    change(frail_postgres, ann, username="anna")
    clock.advance(FRESH + 1)
    accounts.reached.clear()
    accounts.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        refreshing = pool.submit(identity.standing, ann)
        assert accounts.reached.wait(10)
        with within(0.3):
            assert [identity.standing(ann).account.username for _ in range(20)] == ["ann"] * 20
        accounts.go_on.set()
        assert refreshing.result(10).account.username == "anna"
    assert accounts.read == 2
    assert identity.standing(ann).account.username == "anna"


def test_a_refresher_that_fails_leaves_the_way_to_the_next(
    identity: Identity, person: Person, accounts: Accounts, clock: Clock
) -> None:
    """An error of our own while reading comes through, and the next request tries again."""
    ann = person()
    identity.standing(ann)
    clock.advance(FRESH + 1)

    def broken(session: Session, claims: Claims) -> Account | None:
        raise LookupError(session, claims)

    identity.load_accounts_with(broken)
    for _ in range(2):
        with pytest.raises(LookupError):
            identity.standing(ann)
    identity.load_accounts_with(accounts.load)
    assert not identity.standing(ann).offline
    assert accounts.read == 2


def test_memory_is_bounded(
    identity: Identity, person: Person, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The accounts read last are remembered, so many and no more."""
    monkeypatch.setattr(module, "REMEMBERED", 3)
    people = [person() for _ in range(4)]
    for each in people:
        identity.standing(each)
    assert accounts.read == 4
    identity.standing(people[-1])
    assert accounts.read == 4
    identity.standing(people[0])
    assert accounts.read == 5


def test_a_door_without_accounts_is_a_mistake_of_ours(identity: Identity, tmp_path: Path) -> None:
    """Nobody is let in, or kept out quietly, because the program was put together wrongly."""
    bare = adapter(identity.database, Cache("", deadline=0.1, connections=1, calls=1), tmp_path)
    with pytest.raises(RuntimeError, match="load_accounts_with"):
        bare.standing(claims(uuid.uuid4()))

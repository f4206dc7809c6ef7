"""What tokens are worth while the accounts cannot be asked."""

import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.private.servers import PostgresServer, RedisServer
from rental_backend.errors import Unauthenticated, Unavailable
from rental_backend.infra.identity import host_revocations, revocations
from rental_backend.infra.identity.account import Account
from rental_backend.infra.identity.offline import NEVER, Offline
from rental_backend.infra.identity.revocations import Revocations
from rental_backend.infra.identity.tokens import Claims
from rental_backend.resilience import Breaker
from tests.infra.conftest import OpenCache, OpenDatabase
from tests.infra.identity.lists import Host, Ledger
from tests.resilience.clock import Clock

HARMLESS = frozenset({"TOY_VIEW", "TOY_CREATE"})
LEDGER = Ledger()


def claims(*, superuser: bool = False, age: float = 0.0) -> Claims:
    """Return what a token says that was issued some seconds ago."""
    now = time.time() - age
    scopes = frozenset({"TOY_VIEW", "TOY_DELETE"})
    return Claims(uuid.uuid4(), uuid.uuid4(), "ann", "access", scopes, superuser, now + 1800, now)


@pytest.fixture
def clock() -> Clock:
    """The breaker's clock."""
    return Clock()


@pytest.fixture
def now() -> Clock:
    """The clock by which knowledge grows old."""
    return Clock()


@pytest.fixture
def worker(
    frail_postgres: PostgresServer,
    frail_redis: RedisServer,
    open_database: OpenDatabase,
    open_cache: OpenCache,
    tmp_path: Path,
    now: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> Revocations:
    """What a worker knows that looked at the accounts for the last time a while ago, and has Redis to ask."""
    for each in (revocations, host_revocations):
        monkeypatch.setattr(each, "time", SimpleNamespace(monotonic=now, time=time.time))
    host = Host(tmp_path, open_database(frail_postgres.url), open_cache(frail_redis.url), LEDGER)
    LEDGER.changes.clear()
    worker = host.worker()
    worker.refresh()
    now.advance(100)
    return worker


@pytest.fixture
def offline(worker: Revocations, clock: Clock) -> Offline:
    """The rules, with Redis in reach and an outage that begins now."""
    breaker = Breaker("auth", clock=clock, starts_closed=True)
    breaker.open()
    return Offline(revocations=worker, breaker=breaker, horizon=900, refreshing=3600, access=300, harmless=HARMLESS)


def refused(offline: Offline, token: Claims) -> str:
    """Return the reason why a token is refused."""
    with pytest.raises(Unauthenticated) as caught:
        offline.standing(token, None)
    return str(caught.value.members["reason"])


@pytest.mark.parametrize("superuser", [False, True])
def test_a_token_is_believed(offline: Offline, superuser: bool) -> None:
    """One of a session that was not ended has the permissions it says, also those that do damage."""
    ann = claims(superuser=superuser)
    assert offline.standing(ann, None) == Account(ann.user_id, "ann", True, superuser, ann.scopes)


def test_what_was_seen_counts_more_than_the_token(offline: Offline) -> None:
    """It is newer."""
    ann = claims()
    seen = Account(ann.user_id, "anna", True, False, frozenset({"TOY_VIEW"}))
    assert offline.standing(ann, seen) == seen
    assert offline.refreshed(ann, seen) == seen


def test_an_old_token_is_not_believed(offline: Offline) -> None:
    """It must have been issued within the horizon; a refresh token then gives another."""
    assert refused(offline, claims(age=901)) == "expired"
    assert offline.standing(claims(age=890), None).active
    assert offline.refreshed(claims(age=90_000), None).active


def test_an_account_seen_disabled_is_not_refreshed(offline: Offline) -> None:
    """However the outage began."""
    ann = claims()
    with pytest.raises(Unauthenticated):
        offline.refreshed(ann, Account(ann.user_id, "ann", False, False, ann.scopes))


def test_a_session_that_was_ended_stays_so(offline: Offline) -> None:
    """However the outage began; another session of the same user goes on."""
    ended, other = claims(), claims()
    offline.revocations.announce([ended.session])
    assert refused(offline, ended) == "revoked"
    with pytest.raises(Unauthenticated):
        offline.refreshed(ended, None)
    assert offline.standing(other, None).active


def test_rights_that_changed_count_more_than_the_token(offline: Offline, worker: Revocations, now: Clock) -> None:
    """Whoever saw the account: what was read last counts, and who is gone or disabled is out."""
    ann, bob, gone = claims(superuser=True), claims(), claims()
    demoted = Account(ann.user_id, "ann", True, False, frozenset({"TOY_VIEW"}))
    LEDGER.changes += [
        (ann.user_id, demoted),
        (bob.user_id, Account(bob.user_id, "bob", False, False, frozenset())),
        (gone.user_id, None),
    ]
    worker.refresh()
    before = Account(ann.user_id, "ann", True, True, frozenset())
    for seen, at in ((None, NEVER), (before, NEVER), (before, now() - 60)):
        assert offline.standing(ann, seen, at) == demoted
        assert offline.refreshed(ann, seen, at) == demoted
    later = Account(ann.user_id, "ann", True, False, frozenset())
    assert offline.standing(ann, later, now() + 1) == later
    assert [refused(offline, each) for each in (bob, gone)] == ["revoked", "revoked"]


def test_a_grant_for_a_time_ends_in_an_outage_too(offline: Offline) -> None:
    """Whoever was seen with it has it no longer than it lasts."""
    ann, now = claims(), time.time()
    seen = Account(
        ann.user_id,
        "ann",
        True,
        False,
        frozenset({"TOY_VIEW", "TOY_CREATE", "TOY_DELETE"}),
        ending=(("TOY_CREATE", now + 60), ("TOY_DELETE", now - 1)),
    )
    assert offline.standing(ann, seen).permissions == {"TOY_VIEW", "TOY_CREATE"}


def test_a_worker_that_lacks_a_change_gives_out_no_tokens(offline: Offline, now: Clock) -> None:
    """Access tokens are good for what does no harm, and nobody gets a new one."""
    assert offline.standing(claims(), None).permissions
    now.advance(0.1)
    offline.revocations.note_changed_rights()
    ann = claims(superuser=True)
    assert offline.standing(ann, None).permissions == HARMLESS
    with pytest.raises(Unavailable):
        offline.refreshed(ann, None)
    ended = claims()
    offline.revocations.announce([ended.session])
    with pytest.raises(Unauthenticated):
        offline.refreshed(ended, None)


@pytest.mark.parametrize("superuser", [False, True])
def test_who_may_have_been_signed_out_does_no_damage(
    offline: Offline, frail_redis: RedisServer, superuser: bool
) -> None:
    """Without Redis nobody knows, and a superuser is none; what he held before is not forgotten."""
    ann = claims(superuser=superuser)
    expected = HARMLESS if superuser else frozenset({"TOY_VIEW"})
    frail_redis.stop()
    for account in (offline.standing(ann, None), offline.refreshed(ann, None)):
        assert (account.superuser, account.permissions) == (False, expected)
        assert account.whole
        assert (account.whole.superuser, account.whole.permissions) == (superuser, ann.scopes)


def test_refresh_tokens_are_taken_for_a_while(offline: Offline, clock: Clock) -> None:
    """Counted from the beginning of the outage, whatever probes there were since; then a sign-in is needed."""
    ann = claims()
    clock.advance(3600)
    assert not offline.breaker.probe(_fail)
    assert offline.refreshed(ann, None).active
    clock.advance(1)
    with pytest.raises(Unavailable):
        offline.refreshed(ann, None)
    offline.breaker.close()
    assert offline.refreshed(ann, None).active


def _fail() -> None:
    raise OSError

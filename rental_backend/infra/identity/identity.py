"""The adapter of identity: tokens, passwords, and the accounts behind the breaker `auth`.

The accounts are in PostgreSQL, with a small connection pool of their own, so that neither a flood of sign-ins nor a
slow business report takes the other down.
"""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from sqlalchemy.orm import Session

from ...errors import ServiceUnavailable, Unauthenticated
from ...resilience import budget, limit
from ..postgres.database import Database
from . import break_glass
from .account import Account
from .login_throttle import LoginThrottle
from .offline import Offline
from .oidc import Issuer
from .passwords import Passwords
from .revocations import LoadChanges
from .tokens import Claims, Tokens

REMEMBERED = 10_000
PENDING_WAIT = 0.5  # seconds to wait for another thread's query of the same account
REFRESHING = 2.0  # seconds for which others go on with what was known, while one thread queries an account again
FINAL_TRANSACTION = 0.4  # seconds for the transaction that stores a hash
NEVER = float("-inf")
NOBODY = uuid.UUID(int=0)

Load = Callable[[Session, Claims], "Account | None"]
Key = tuple[uuid.UUID, uuid.UUID]  # ids of the user and of their session


class Standing(NamedTuple):
    """An account, current or `offline`: the accounts are unavailable, and it is as last seen or as its token says."""

    account: Account
    offline: bool


class Identity:
    """Finds the account of a token. What it reads of an account and its session is trusted for `fresh` seconds."""

    def __init__(
        self,
        database: Database,
        tokens: Tokens,
        passwords: Passwords,
        *,
        throttle: LoginThrottle,
        offline: Offline,
        fresh: float,
        issuer: Issuer | None = None,
    ) -> None:
        self.database = database
        self.offline = offline
        self.revocations = offline.revocations
        self.revocations.on_change = self.forget_users
        self.breaker = database.breaker
        self.tokens = tokens
        self.passwords = passwords
        self.throttle = throttle
        self.issuer = issuer
        ours: Callable[[str], Claims] = partial(tokens.verify, kind="access")
        self.claims = self._claims_of_either if issuer else ours
        """Returns the claims of an access token of ours, or of the trusted issuer if one is configured.

        Raises `Unauthenticated`, or `Unavailable` if the issuer's keys are needed and it is away.
        """
        self._fresh = fresh
        self._load: Load | None = None
        self._known: OrderedDict[Key, tuple[float, Account | None]] = OrderedDict()
        self._pending: dict[Key, threading.Event] = {}
        self._lock = threading.Lock()

    @contextmanager
    def final_transaction(self) -> Iterator[Session]:
        """Open the transaction that stores a hash.

        It has its own 0.4 s budget, because hashing may have used up the request's.
        """
        with budget(FINAL_TRANSACTION), self.database.transaction() as session:
            yield session

    def load_accounts_with(self, load: Load, changes: LoadChanges | None = None) -> None:
        """Set the functions that know the tables.

        `load` reads an account, None if it is gone or the session has ended; `changes` what changed of all accounts.
        """
        self._load = load
        if changes is not None:
            self.revocations.load_with(changes)

    def prewarm(self) -> None:
        """Read what has changed, and run the query of accounts once, for an id that nobody has.

        Raises `AppError` in an outage.
        """
        self.revocations.refresh()
        now = time.time()
        nobody = Claims(NOBODY, NOBODY, "", "access", frozenset(), superuser=False, expires=now, issued=now)
        if self._load is not None:
            with self.database.reading() as session:
                self._load(session, nobody)

    def limit_offline_to(self, harmless: frozenset[str]) -> None:
        """Set the permissions that remain while it cannot be known whether a session was revoked."""
        self.offline = replace(self.offline, harmless=harmless)

    def _claims_of_either(self, token: str) -> Claims:
        if self.issuer is not None and self.issuer.accepts(token):
            return self.issuer.verify(token)
        return self.tokens.verify(token, "access")

    def standing(self, claims: Claims) -> Standing:
        """Return the account of a verified token. Raises `Unauthenticated` if it is gone, disabled or signed out.

        An account last seen disabled stays so however long the accounts are unavailable; so does an ended session.
        """
        self._require_not_ended(claims)
        if claims.user_id == break_glass.ID:  # in no table, and its token is short-lived
            return Standing(Account(claims.user_id, claims.username, True, False, claims.scopes), offline=True)
        key = (claims.user_id, claims.session)
        known = self._known.get(key)
        if known is None or not self._trusted(known[0]):
            pending, ours = self._join_pending(key)
            if ours:
                try:
                    known = self._look_up(claims)
                except ServiceUnavailable:
                    known = None
                finally:
                    self._complete(key)
            elif known is None or not self._trusted(known[0], longer=REFRESHING):
                pending.wait(limit(PENDING_WAIT))
                known = self._known.get(key)
                known = known if known and self._trusted(known[0], longer=REFRESHING) else None
            self._require_not_ended(claims)  # meanwhile
        if known is None:
            return self._offline(claims)
        account = _require_active(known[1])
        return Standing(account.at(time.time()) if account.ending else account, offline=False)

    def _require_not_ended(self, claims: Claims) -> None:
        """Raise `Unauthenticated` for a session that has ended. Each request asks, so it calls nothing in between."""
        revocations = self.revocations
        if revocations.announced() != revocations.caught_up:
            revocations.catch_up()
        if claims.session.int in revocations.ended:
            raise Unauthenticated("This session has ended.", reason="inactive")

    def _offline(self, claims: Claims) -> Standing:
        return Standing(self.offline.standing(claims, *self._seen(claims)), offline=True)

    def refreshed_offline(self, claims: Claims) -> Account:
        """Return the account of a refresh token in an outage. Raises `Unauthenticated`, `Unavailable`."""
        return self.offline.refreshed(claims, *self._seen(claims))

    def _seen(self, claims: Claims) -> tuple[Account | None, float]:
        """Return an account as this process last saw it, and when; None if never. Raises `Unauthenticated` if gone."""
        known = self._known.get((claims.user_id, claims.session))
        return (_require_active(known[1]), known[0]) if known else (None, NEVER)

    def forget(self, user_id: uuid.UUID) -> None:
        """Query a changed account again next time. In an outage, what was last seen still counts."""
        self.forget_users([user_id])

    def forget_users(self, user_ids: Iterable[uuid.UUID]) -> None:
        """Query changed accounts again next time; see `forget`."""
        changed = frozenset(user_ids)
        with self._lock:
            for key, (_, account) in self._known.items():
                if key[0] in changed or (account and account.id in changed):
                    self._known[key] = (NEVER, account)

    def forget_everybody(self) -> None:
        """Query every account again next time, also one whose query is under way; on all workers of this host."""
        self.revocations.note_changed_rights()

    # D6: what is known of an account is trusted for a while.
    def _trusted(self, seen: float, *, longer: float = 0.0) -> bool:
        return seen * 1e6 > self.revocations.rights_changed() and time.monotonic() - seen <= self._fresh + longer

    def end_sessions(self, sessions: Iterable[uuid.UUID]) -> None:
        """Reject these sessions, which have ended, from now on, in all workers and after every restart."""
        self.revocations.announce(sessions)

    def _join_pending(self, key: Key) -> tuple[threading.Event, bool]:
        """Return the event that is set when the account was queried, and whether the caller has to run the query.

        Many requests of one user reach a new worker at once. They need one query, and the pool is small.
        """
        with self._lock:
            pending = self._pending.get(key)
            if pending is not None:
                return pending, False
            pending = self._pending[key] = threading.Event()
            return pending, True

    def _complete(self, key: Key) -> None:
        with self._lock:
            self._pending.pop(key).set()

    def _look_up(self, claims: Claims) -> tuple[float, Account | None]:
        if self._load is None:
            raise RuntimeError("load_accounts_with was not called")
        with self.database.reading() as session:
            seen = (time.monotonic(), self._load(session, claims))
        return self._remember((claims.user_id, claims.session), seen)

    def _remember(self, key: Key, seen: tuple[float, Account | None]) -> tuple[float, Account | None]:
        with self._lock:
            self._known[key] = seen
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return seen


def _require_active(account: Account | None) -> Account:
    if account is None or not account.active:
        raise Unauthenticated("This session has ended, or its account is not active.", reason="inactive")
    return account

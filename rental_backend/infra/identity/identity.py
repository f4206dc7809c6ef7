"""The door to who somebody is: tokens, passwords, and the accounts behind the breaker `auth`.

The accounts lie in PostgreSQL, reached by a small pool of their own, so that neither a storm of sign-ins nor a slow
report of the shop takes the other down.
"""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from ...errors import ServiceUnavailable, Unauthenticated
from ...resilience import budget, limit
from ..postgres.database import Database
from . import break_glass
from .login_throttle import LoginThrottle
from .offline import Account, Offline
from .oidc import Issuer
from .passwords import Passwords
from .tokens import Claims, Tokens

REMEMBERED = 10_000
PENDING_WAIT = 0.5  # seconds to wait for what another thread has asked about the same account
FINAL_TRANSACTION = 0.4  # seconds to store what was hashed for
FOREVER = float("inf")
NOBODY = uuid.UUID(int=0)

Load = Callable[[Session, Claims], "Account | None"]
Key = tuple[uuid.UUID, uuid.UUID]  # the user and his session


@dataclass(frozen=True, slots=True)
class Standing:
    """An account as of now; when `offline`, as last seen, or else as its token says: the accounts cannot be asked."""

    account: Account
    offline: bool


class Identity:
    """Answers who holds a token. What it learns of an account and its session it trusts for `fresh` seconds."""

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
        self.breaker = database.breaker
        self.tokens = tokens
        self.passwords = passwords
        self.throttle = throttle
        self.issuer = issuer
        self._fresh = fresh
        self._load: Load | None = None
        self._known: OrderedDict[Key, tuple[float, Account | None]] = OrderedDict()
        self._pending: dict[Key, threading.Event] = {}
        self._changed = -FOREVER  # when anybody's account last changed, as far as this process knows
        self._lock = threading.Lock()

    @contextmanager
    def final_transaction(self) -> Iterator[Session]:
        """Yield the transaction for which was hashed: it has its own time, hashing may have spent all."""
        with budget(FINAL_TRANSACTION), self.database.transaction() as session:
            yield session

    def load_accounts_with(self, load: Load) -> None:
        """Set how an account is read: None if it is gone, or the session has ended (this door knows no tables)."""
        self._load = load

    def prewarm(self) -> None:
        """Ask once, about nobody, as is asked about everybody. Raises our errors for an outage."""
        now = time.time()
        nobody = Claims(NOBODY, NOBODY, "", "access", frozenset(), superuser=False, expires=now, issued=now)
        if self._load is not None:
            with self.database.reading() as session:
                self._load(session, nobody)

    def limit_offline_to(self, harmless: frozenset[str]) -> None:
        """Set the permissions that are left to somebody who cannot be known not to be revoked."""
        self.offline = replace(self.offline, harmless=harmless)

    def claims(self, token: str) -> Claims:
        """Return the claims of an access token, ours or that of the issuer that is trusted, if one is.

        Raises `Unauthenticated`, or `Unavailable` if the issuer would have to be asked and is away.
        """
        if self.issuer is not None and self.issuer.accepts(token):
            return self.issuer.verify(token)
        return self.tokens.verify(token, "access")

    def standing(self, claims: Claims) -> Standing:
        """Return the account of a verified token. Raises `Unauthenticated` if it is gone or disabled, or signed out.

        A disabled account seen disabled stays so, however long the accounts are out of reach; an ended session too.
        """
        if claims.user_id == break_glass.ID:  # in no table; its token is short-lived
            return Standing(Account(claims.user_id, claims.username, True, False, claims.scopes), offline=True)
        key = (claims.user_id, claims.session)
        known = self._known.get(key)
        if known is None or not self._trusted(known[0]):
            asked, ours = self._join_pending(key)
            if ours:
                try:
                    known = self._look_up(claims)
                except ServiceUnavailable:
                    return self._offline(claims)
                finally:
                    self._complete(key)
            elif known is None or known[0] <= self._changed:
                asked.wait(limit(PENDING_WAIT))
                known = self._known.get(key)
        return Standing(_require_active(known[1]), offline=False) if known else self._offline(claims)

    def _offline(self, claims: Claims) -> Standing:
        return Standing(self.offline.standing(claims, self.seen(claims)), offline=True)

    def seen(self, claims: Claims) -> Account | None:
        """Return an account as this process last saw it, None if never; raises `Unauthenticated` if it was gone."""
        known = self._known.get((claims.user_id, claims.session))
        return _require_active(known[1]) if known else None

    def forget(self, user_id: uuid.UUID) -> None:
        """Ask anew about this account next time (it was just changed); in an outage what was last seen still counts."""
        with self._lock:
            for key, (at, account) in self._known.items():
                if user_id in (key[0], account and account.id) and at != FOREVER:
                    self._known[key] = (-FOREVER, account)

    def forget_everybody(self) -> None:
        """Ask anew about every account next time, also about one that is being asked about at this moment."""
        self._changed = time.monotonic()

    # D6: what is known of an account is trusted for a while.
    def _trusted(self, seen: float) -> bool:
        return seen > self._changed and time.monotonic() - seen <= self._fresh

    def end_sessions(self, user_id: uuid.UUID, sessions: list[uuid.UUID]) -> None:
        """Let nobody in any more by these sessions of a user (the database has just said so), and tell all workers."""
        for each in sessions:
            self._remember((user_id, each), (FOREVER, None))
        self.offline.revocations.announce(sessions)

    def _join_pending(self, key: Key) -> tuple[threading.Event, bool]:
        """Return what is set when the account has been asked for, and whether it is the caller who has to.

        Many requests of one user reach a new worker at once. They need one answer, and the pool is small.
        """
        with self._lock:
            asked = self._pending.get(key)
            if asked is not None:
                return asked, False
            asked = self._pending[key] = threading.Event()
            return asked, True

    def _complete(self, key: Key) -> None:
        with self._lock:
            self._pending.pop(key).set()

    def _look_up(self, claims: Claims) -> tuple[float, Account | None]:
        if self._load is None:
            raise RuntimeError("load_accounts_with was not called")
        with self.database.reading() as session:
            found = (time.monotonic(), self._load(session, claims))
        return self._remember((claims.user_id, claims.session), found)

    def _remember(self, key: Key, found: tuple[float, Account | None]) -> tuple[float, Account | None]:
        """Remember what was found, and return what is known now: a session that was ended meanwhile stays so."""
        with self._lock:
            known = self._known.get(key)
            if known is not None and known[0] == FOREVER:
                return known
            self._known[key] = found
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found


def _require_active(account: Account | None) -> Account:
    if account is None or not account.active:
        raise Unauthenticated("This session has ended, or its account is not active.", reason="inactive")
    return account

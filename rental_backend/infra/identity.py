"""The door to who somebody is: tokens, passwords, and the accounts behind the breaker `auth`.

The accounts lie in PostgreSQL, reached by a small pool of their own, so that neither a storm of sign-ins nor a slow
report of the shop takes the other down.
"""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from ..errors import Unauthenticated, Unavailable
from ..resilience import limit
from .database import Database
from .offline import Account, Offline
from .passwords import Passwords
from .tokens import Claims, Tokens

REMEMBERED = 10_000
ASKED = 0.5  # seconds to wait for what another thread has asked about the same account


@dataclass(frozen=True, slots=True)
class Standing:
    """An account as of now; when `offline`, as last seen, or else as its token says: the accounts cannot be asked."""

    account: Account
    offline: bool


class Identity:
    """Answers who holds a token. What it learns of an account it trusts for `fresh` seconds."""

    def __init__(
        self, database: Database, tokens: Tokens, passwords: Passwords, *, fresh: float, offline: Offline
    ) -> None:
        self.database = database
        self.offline = offline
        self.breaker = database.breaker
        self.tokens = tokens
        self.passwords = passwords
        self._fresh = fresh
        self._load: Callable[[Session, uuid.UUID], Account | None] | None = None
        self._known: OrderedDict[uuid.UUID, tuple[float, Account | None]] = OrderedDict()
        self._asked: dict[uuid.UUID, threading.Event] = {}
        self._lock = threading.Lock()

    def load_accounts_with(self, load: Callable[[Session, uuid.UUID], Account | None]) -> None:
        """Set how an account is read (the accounts domain knows its tables; this door does not)."""
        self._load = load

    def limit_offline_to(self, harmless: frozenset[str]) -> None:
        """Set the permissions that are left to somebody who cannot be known not to be revoked."""
        self.offline = replace(self.offline, harmless=harmless)

    def standing(self, claims: Claims) -> Standing:
        """Return the account of a verified token. Raises `Unauthenticated` if it is gone or disabled.

        A disabled account seen disabled stays so, however long the accounts are out of reach.
        """
        user_id = claims.user_id
        known = self._known.get(user_id)
        if known is None or time.monotonic() - known[0] > self._fresh:
            asked, ours = self._ask(user_id)
            if ours:
                try:
                    known = self._look_up(user_id)
                except Unavailable:
                    return self._offline(claims)
                finally:
                    self._answered(user_id)
            elif known is None:
                asked.wait(limit(ASKED))
                known = self._known.get(user_id)
        return Standing(_welcome(known[1]), offline=False) if known else self._offline(claims)

    def _offline(self, claims: Claims) -> Standing:
        return Standing(self.offline.standing(claims, self.seen(claims.user_id)), offline=True)

    def seen(self, user_id: uuid.UUID) -> Account | None:
        """Return an account as this process has last seen it; None if it never has. Raises if it was gone by then."""
        known = self._known.get(user_id)
        return _welcome(known[1]) if known else None

    def forget(self, user_id: uuid.UUID) -> None:
        """Ask anew about this account next time (it was just changed); in an outage what was last seen still counts."""
        known = self._known.get(user_id)
        if known is not None:
            self._known[user_id] = (float("-inf"), known[1])

    def _ask(self, user_id: uuid.UUID) -> tuple[threading.Event, bool]:
        """Return what is set when the account has been asked for, and whether it is the caller who has to.

        Many requests of one user reach a new worker at once. They need one answer, and the pool is small.
        """
        with self._lock:
            asked = self._asked.get(user_id)
            if asked is not None:
                return asked, False
            asked = self._asked[user_id] = threading.Event()
            return asked, True

    def _answered(self, user_id: uuid.UUID) -> None:
        with self._lock:
            self._asked.pop(user_id).set()

    def _look_up(self, user_id: uuid.UUID) -> tuple[float, Account | None]:
        if self._load is None:
            raise RuntimeError("load_accounts_with was not called")
        with self.database.reading() as session:
            found = (time.monotonic(), self._load(session, user_id))
        with self._lock:
            self._known[user_id] = found
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found


def _welcome(account: Account | None) -> Account:
    if account is None or not account.active:
        raise Unauthenticated("This account is not active.", reason="inactive")
    return account

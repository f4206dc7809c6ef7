"""The door to who somebody is: tokens, passwords, and the accounts behind the breaker `auth`.

The accounts lie in PostgreSQL, reached by a small pool of their own, so that neither a storm of sign-ins nor a slow
report of the shop takes the other down.
"""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ..errors import Unauthenticated, Unavailable
from .database import Database
from .passwords import Passwords
from .tokens import Claims, Tokens

REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of a user: whether he may come in, and his effective permissions."""

    id: uuid.UUID
    username: str
    active: bool
    superuser: bool
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """An account as of now; when `offline`, as last seen, or else as its token says: the accounts cannot be asked."""

    account: Account
    offline: bool


class Identity:
    """Answers who holds a token. What it learns of an account it trusts for `fresh` seconds."""

    def __init__(self, database: Database, tokens: Tokens, passwords: Passwords, *, fresh: float) -> None:
        self.database = database
        self.breaker = database.breaker
        self.tokens = tokens
        self.passwords = passwords
        self._fresh = fresh
        self._load: Callable[[Session, uuid.UUID], Account | None] | None = None
        self._known: OrderedDict[uuid.UUID, tuple[float, Account | None]] = OrderedDict()
        self._loading: set[uuid.UUID] = set()
        self._lock = threading.Lock()

    def load_accounts_with(self, load: Callable[[Session, uuid.UUID], Account | None]) -> None:
        """Set how an account is read (the accounts domain knows its tables; this door does not)."""
        self._load = load

    def standing(self, claims: Claims) -> Standing:
        """Return the account of a verified token. Raises `Unauthenticated` if it is gone or disabled.

        A disabled account seen disabled stays so, however long the accounts are out of reach.
        """
        known = self._known.get(claims.user_id)
        if known is None or (time.monotonic() - known[0] > self._fresh and self._claim(claims.user_id)):
            try:
                known = self._look_up(claims.user_id)
            except Unavailable:
                return Standing(_welcome(known[1]) if known else _granted(claims), offline=True)
            finally:
                self._loading.discard(claims.user_id)
        return Standing(_welcome(known[1]), offline=False)

    def forget(self, user_id: uuid.UUID) -> None:
        """Ask anew about this account next time (it was just changed); in an outage what was last seen still counts."""
        known = self._known.get(user_id)
        if known is not None:
            self._known[user_id] = (float("-inf"), known[1])

    def _claim(self, user_id: uuid.UUID) -> bool:
        """Let one thread refresh what is known of an account; the others go on with what is known."""
        with self._lock:
            if user_id in self._loading:
                return False
            self._loading.add(user_id)
            return True

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


def _granted(claims: Claims) -> Account:
    """Return the account as its token describes it."""
    return Account(claims.user_id, claims.username, True, claims.superuser, claims.scopes)

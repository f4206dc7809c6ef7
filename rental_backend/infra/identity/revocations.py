"""What this process knows to be withdrawn: sessions that ended, and accounts whose rights changed.

The database keeps every change of an account in order (`account_changes`, filled by triggers). While it answers, each
worker reads what is new and passes it on to Redis. In an outage a worker knows whether its list
is complete: then a token that is not on it is as good as it says.
"""

import enum
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace

from sqlalchemy.orm import Session

from ...errors import AppError
from ..postgres.database import Database
from .account import AccountChanges, KnownAccount
from .host_revocations import HostRevocations
from .revocation_journal import RevocationJournal
from .revocation_store import NONE, RevocationStore

CURRENT = 1.5  # seconds for which a look, or what Redis said, counts as the present
PAUSE = 0.5  # seconds between two tries of requests to ask Redis
WHOLE_EVERY = 60.0  # seconds after which all changes are read again, not only the new ones
NEVER = float("-inf")
EPOCHS = 2**52  # Redis counts with floating-point numbers

LoadChanges = Callable[[Session, str], AccountChanges]


class Knowledge(enum.Enum):
    """How much is known of endings and changed rights.

    COMPLETE: all of them. CUT_OFF: all up to the beginning of the outage, but other hosts cannot be heard. UNKNOWN:
    this worker has no list, or the list may lack something.
    """

    COMPLETE = enum.auto()
    CUT_OFF = enum.auto()
    UNKNOWN = enum.auto()


class Revocations:
    """The list in this process. Entries stay for `seconds`, the life of a refresh token, whatever is read later."""

    def __init__(
        self,
        database: Database,
        host: HostRevocations,
        *,
        store: RevocationStore,
        journal: RevocationJournal,
        seconds: int,
    ) -> None:
        self._database, self._host, self._store, self._journal = database, host, store, journal
        self._seconds = seconds
        self._load: LoadChanges | None = None
        self.on_change: Callable[[Iterable[uuid.UUID]], object] = list
        self.ended: dict[int, float] = {}  # by the numbers of the sessions' ids, which are quicker to look up
        self._accounts: dict[uuid.UUID, KnownAccount] = {}
        self._unsent = AccountChanges({}, {})
        self.announced, self.rights_changed = host.count, host.rights_changed
        self.caught_up = -1  # how many of the announced endings are on the list; -1 before the journal was read
        self._snapshot, self._looked, self._whole = "", NEVER, NEVER
        self._heard, self._asked, self._heard_list = NEVER, NEVER, NONE
        self._present = NEVER  # when the accounts or Redis last answered
        self._lock = threading.Lock()  # of what is in memory; nobody waits for a server while they hold it
        self._turn = threading.Lock()  # of who asks the accounts or Redis
        self.wake = threading.Event()  # set when there is something to pass on

    def load_with(self, load: LoadChanges) -> None:
        """Set the function that reads the changes after a snapshot, all for "". It knows the tables."""
        self._load = load

    def has_ended(self, session: uuid.UUID) -> bool:
        """Tell whether a session is known to have ended."""
        if self.announced() != self.caught_up:
            self.catch_up()
        return session.int in self.ended

    def known(self, user: uuid.UUID) -> KnownAccount | None:
        """Return the account of a user whose rights have changed since any valid token was issued, else None."""
        return self._accounts.get(user)

    # D111: an ending is on every store that can be reached before it is answered.
    def announce(self, sessions: Iterable[uuid.UUID]) -> None:
        """Refuse these sessions from now on, on this host at once, and keep that for every restart."""
        expires = time.time() + self._seconds
        ended = dict.fromkeys(sessions, expires)
        if not ended:
            return
        self._journal.append(ended)
        self._host.announce(ended)
        self._merge(AccountChanges(ended, {}))
        self._send()

    def note_changed_rights(self) -> None:
        """Have all workers of this host read every account anew, and pass on soon what it has become."""
        self._host.note_changed_rights()
        self.wake.set()

    # D112: to know that one does not know.
    def knowledge(self) -> Knowledge:
        """Return how much is known; asks Redis if what it last said is not of the present."""
        if self.caught_up < 0:
            self.catch_up()
        if not self._is_current():
            self._hear_at_most_every(PAUSE)
        if not self._has_list():
            return Knowledge.UNKNOWN
        return Knowledge.COMPLETE if self._is_current() else Knowledge.CUT_OFF

    def _has_list(self) -> bool:
        """Tell whether the list holds all that this host knew: what changed last was read, or was in Redis by then."""
        unsent, changed = self._host.unsent_since, self.rights_changed() / 1e6
        return self._looked > max(unsent, changed) or (self._heard > changed and unsent == NEVER)

    def _is_current(self) -> bool:
        return self._has_list() and time.monotonic() - self._present <= CURRENT

    def refresh(self) -> None:
        """Read what is new, from the accounts and else from Redis, and give Redis what it does not have."""
        with self._turn:
            if self.announced() != self.caught_up:
                self.catch_up()
            try:
                self._look()
            except AppError:
                self._hear()
            self._send()
            self._forget_expired()

    def _look(self) -> None:
        """Ask the accounts. Raises `AppError` in an outage."""
        if self._load is None:
            raise RuntimeError("load_with was not called")
        began, before = time.monotonic(), self._snapshot
        whole = not before or began > self._whole + WHOLE_EVERY
        self._snapshot = ""  # if this look fails, it may be another server that answers next
        with self._database.reading() as session:
            changes = self._load(session, "" if whole else before)
        self._merge(changes, read=began)
        self._snapshot, self._whole = changes.snapshot, began if whole else self._whole
        self._looked = self._present = began

    def _hear_at_most_every(self, seconds: float) -> None:
        if time.monotonic() > self._asked + seconds and self._turn.acquire(blocking=False):
            try:
                self._hear()
                self._send()
            finally:
                self._turn.release()

    def _hear(self) -> None:
        """Ask Redis for what is new; what another list says than the one this host knew counts for nothing."""
        self._asked = began = time.monotonic()
        epoch, last = self._host.redis_list
        if not epoch:
            return
        told = self._store.read(self._heard_list[1] if self._heard_list[0] == epoch else 0)
        if told is None or told.epoch != epoch or told.last < last:
            return
        self._merge(told.changes, read=began, unsent=False)
        self._heard = self._present = began
        self._heard_list = (told.epoch, told.last)

    def _send(self) -> None:
        """Give Redis what it does not have; all of it where it has no list, which only a recent look can fill."""
        with self._lock:
            unsent, self._unsent = self._unsent, AccountChanges({}, {})
        now, known, looked = time.time(), self._host.redis_list, self._looked
        looking = bool(self._snapshot)
        told = self._store.publish(unsent, known=known, now=now)
        if told is not None and looking and (told == NONE or told[0] != known[0]):
            begin = random.randrange(1, EPOCHS) if told == NONE else 0  # noqa: S311 - a name, no secret
            told = self._store.publish(self._whole_list(), known=known, begin=begin, now=now)
        if told is not None and told != NONE and (looking or told[0] == known[0]):
            self._host.note_sent(*told, looked=looked)
        elif unsent.ended or unsent.accounts:
            self._host.note_unsent()
            with self._lock:
                self._unsent = AccountChanges(
                    unsent.ended | self._unsent.ended, unsent.accounts | self._unsent.accounts
                )

    def _whole_list(self) -> AccountChanges:
        with self._lock:
            return AccountChanges({uuid.UUID(int=each): end for each, end in self.ended.items()}, dict(self._accounts))

    def _merge(self, changes: AccountChanges, *, read: float = NEVER, unsent: bool = True) -> None:
        """Add changes; what is new is to be sent, unless it comes from Redis. Nothing ever leaves but by its age."""
        with self._lock:
            ended = {session: end for session, end in changes.ended.items() if session.int not in self.ended}
            accounts = {
                user: replace(known, read=read)
                for user, known in changes.accounts.items()
                if user not in self._accounts or self._accounts[user].version < known.version
            }
            self.ended.update({session.int: end for session, end in ended.items()})
            self._accounts |= accounts
            if unsent:
                self._unsent.ended.update(ended)
                self._unsent.accounts.update(accounts)
        if accounts:
            self.on_change(accounts)

    def catch_up(self) -> None:
        """Add what other workers of this host announced, and before the first time what its journal holds."""
        with self._lock:
            after = self.caught_up
            count = self.announced()
            try:
                announced = dict(self._host.announced(max(after, 0)))
            except LookupError:
                announced, after = {}, -1
            if after < 0:
                announced |= self._journal.read()
            self.ended.update({session.int: end for session, end in announced.items()})
            self.caught_up = count

    def _forget_expired(self) -> None:
        now = time.time()
        if self._whole == self._looked:  # about once a minute
            with self._lock:
                for session in [session for session, end in self.ended.items() if end <= now]:
                    del self.ended[session]
                self._accounts = {user: known for user, known in self._accounts.items() if known.expires > now}

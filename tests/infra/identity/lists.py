"""Hosts with workers that share what they know of endings, over accounts whose changes a test writes."""

import copy
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from rental_backend.infra.identity.account import Account, AccountChanges, KnownAccount
from rental_backend.infra.identity.host_revocations import HostRevocations
from rental_backend.infra.identity.revocation_journal import RevocationJournal
from rental_backend.infra.identity.revocation_store import RevocationStore
from rental_backend.infra.identity.revocations import Revocations
from rental_backend.infra.postgres.database import Database
from rental_backend.infra.redis.cache import Cache
from rental_backend.resilience import SharedMemory

SECONDS = 600


@dataclass
class Ledger:
    """The changes of accounts that the database keeps, whose snapshots are the number of changes by then."""

    changes: list[tuple[uuid.UUID, Account | None] | uuid.UUID] = field(default_factory=list)

    def load(self, session: Session, before: str) -> AccountChanges:
        """Return what was written after a snapshot; fails if the database does."""
        session.execute(text("SELECT 1"))
        ended: dict[uuid.UUID, float] = {}
        accounts: dict[uuid.UUID, KnownAccount] = {}
        for number, change in enumerate(self.changes[int(before or 0) :], start=int(before or 0)):
            if isinstance(change, uuid.UUID):
                ended[change] = time.time() + SECONDS
            else:
                accounts[change[0]] = KnownAccount(number, change[1], time.time() + SECONDS)
        return AccountChanges(ended, accounts, str(len(self.changes)))


class Host:
    """A host, by the folder that survives it; `restart` it, or ask it for another `worker`."""

    def __init__(self, folder: Path, database: Database, cache: Cache, ledger: Ledger) -> None:
        self._folder, self._database, self._cache, self._ledger = folder, database, cache, ledger
        self.restart()

    def restart(self) -> None:
        """Forget what was in memory."""
        self.shared = HostRevocations(SharedMemory(), self._folder)

    def worker(self, slot: int = 0) -> Revocations:
        """Return what a worker that starts now knows, before it has looked at anything; `slot` is its place."""
        shared = copy.copy(self.shared)  # the same memory, at the place that a process of its own would have there
        shared._own_bit = lambda: 1 << slot  # type: ignore[method-assign]
        revocations = a_list(self._database, self._cache, self._folder, shared=shared)
        revocations.load_with(self._ledger.load)
        return revocations


def a_list(database: Database, cache: Cache, folder: Path, *, shared: HostRevocations | None = None) -> Revocations:
    """Return the list of a worker, of a host of its own if none is given."""
    return Revocations(
        database,
        shared or HostRevocations(SharedMemory(), folder),
        store=RevocationStore(cache, SECONDS),
        journal=RevocationJournal(folder),
        seconds=SECONDS,
    )


def ended(revocations: Revocations, sessions: Iterable[uuid.UUID]) -> list[bool]:
    """Return of each session whether it is known to have ended."""
    return [revocations.has_ended(each) for each in sessions]

"""An account as identity knows it, and the changes of accounts that it has to know in an outage."""

import uuid
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of a user: whether they may sign in, and their effective permissions.

    `whole` is the account before it was limited for an outage, if it was. `ending` tells when permissions end that were
    granted for a time: (name, seconds since the epoch).
    """

    id: uuid.UUID
    username: str
    active: bool
    superuser: bool
    permissions: frozenset[str]
    whole: "Account | None" = None
    ending: tuple[tuple[str, float], ...] = ()

    def within(self, harmless: frozenset[str]) -> "Account":
        """Return the account with at most these permissions."""
        kept = harmless if self.superuser else self.permissions & harmless
        return replace(self, superuser=False, permissions=kept, whole=self)

    def at(self, now: float) -> "Account":
        """Return the account without the grants that have ended by a time (seconds since the epoch)."""
        ended = {name for name, end in self.ending if end <= now}
        return replace(self, permissions=self.permissions - ended) if ended else self


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """A changed account, None once it is deleted, as it was after its change number `version`.

    It may be forgotten after `expires` (seconds since the epoch), when no token is left from before the change. `read`
    tells when this process read it (monotonic seconds).
    """

    version: int
    account: Account | None
    expires: float
    read: float = float("-inf")


@dataclass(frozen=True, slots=True)
class AccountChanges:
    """Sessions that ended, with the time after which they may be forgotten (seconds since the epoch), and accounts.

    `snapshot` says in the database's own words up to where they are complete.
    """

    ended: dict[uuid.UUID, float]
    accounts: dict[uuid.UUID, KnownAccount]
    snapshot: str = ""

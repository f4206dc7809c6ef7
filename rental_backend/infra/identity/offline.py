"""What a token is worth while the accounts are unavailable.

Nobody new can sign in. A token stays valid as it is, for a shorter time than usual, unless it is known to be revoked.
Where that cannot be known, only harmless permissions remain.
"""

import time
import uuid
from dataclasses import dataclass, replace

from ...errors import Unauthenticated, Unavailable
from ...resilience import Breaker
from .revocations import Revocations
from .tokens import Claims


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of a user: whether they may sign in, and their effective permissions.

    `whole` is the account before it was limited for an outage, if it was.
    """

    id: uuid.UUID
    username: str
    active: bool
    superuser: bool
    permissions: frozenset[str]
    whole: "Account | None" = None

    def within(self, harmless: frozenset[str]) -> "Account":
        """Return the account with at most these permissions."""
        kept = harmless if self.superuser else self.permissions & harmless
        return replace(self, superuser=False, permissions=kept, whole=self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offline:
    """How long and how far tokens are trusted in an outage of the accounts; times are in seconds.

    An access token is valid for `horizon` after its issue. A refresh token yields new ones, valid for `access`, until
    the outage has lasted for `refreshing`. While revocation cannot be checked, only `harmless` permissions remain.
    """

    revocations: Revocations
    breaker: Breaker
    horizon: float
    refreshing: float
    access: int
    harmless: frozenset[str] = frozenset()

    def standing(self, claims: Claims, seen: Account | None) -> Account:
        """Return the account of an access token, as last `seen` if it was. Raises `Unauthenticated`."""
        if claims.issued + self.horizon < time.time():
            raise Unauthenticated("The token is too old to be trusted without the accounts.", reason="expired")
        return self._without_database(claims, seen)

    def refreshed(self, claims: Claims, seen: Account | None) -> Account:
        """Return the account of a refresh token. Raises `Unavailable` when the outage has lasted too long."""
        since = self.breaker.down_since
        if since is not None and self.breaker.clock() > since + self.refreshing:
            raise Unavailable(self.breaker.name or "", self.breaker.retry_after)
        return self._without_database(claims, seen)

    def _without_database(self, claims: Claims, seen: Account | None) -> Account:
        if seen is None and claims.external is not None:  # not yet known which account that is
            raise Unavailable(self.breaker.name or "", self.breaker.retry_after)
        account = seen or Account(claims.user_id, claims.username, True, claims.superuser, claims.scopes)
        revoked = self.revocations.includes(claims.session)
        if revoked or not account.active:
            raise Unauthenticated(
                "This session was ended." if revoked else "This account is not active.", reason="revoked"
            )
        return account if revoked is False else account.within(self.harmless)

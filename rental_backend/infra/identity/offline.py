"""What a signature is worth while the accounts cannot be asked.

Nobody new is let in. Who holds a token goes on with what it says, for a shorter time than usual, unless it is known to
be revoked; where that cannot be known, without what would do damage.
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
    """What is known of a user: whether he may come in, and his effective permissions.

    `whole` is the account as it was before it was limited for an outage, if it was.
    """

    id: uuid.UUID
    username: str
    active: bool
    superuser: bool
    permissions: frozenset[str]
    whole: "Account | None" = None

    def within(self, harmless: frozenset[str]) -> "Account":
        """Return it with those permissions at the most."""
        kept = harmless if self.superuser else self.permissions & harmless
        return replace(self, superuser=False, permissions=kept, whole=self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offline:
    """How long and how far tokens are trusted in an outage of the accounts; times are in seconds.

    An access token is good for `horizon` after its issue. A refresh token gives new ones, that live for `access`, until
    the outage has lasted for `refreshing`. Whoever cannot be known not to be revoked keeps `harmless` permissions only.
    """

    revocations: Revocations
    breaker: Breaker
    horizon: float
    refreshing: float
    access: int
    harmless: frozenset[str] = frozenset()

    def standing(self, claims: Claims, seen: Account | None) -> Account:
        """Return the account of an access token, as last `seen` if it was; raises `Unauthenticated`."""
        if claims.issued + self.horizon < time.time():
            raise Unauthenticated("The token is too old to be trusted without the accounts.", reason="expired")
        return self._without_database(claims, seen)

    def refreshed(self, claims: Claims, seen: Account | None) -> Account:
        """Return the account of a refresh token; raises `Unavailable` when the outage has lasted too long."""
        since = self.breaker.down_since
        if since is not None and self.breaker.clock() > since + self.refreshing:
            raise Unavailable(self.breaker.name or "", self.breaker.retry_after)
        return self._without_database(claims, seen)

    def _without_database(self, claims: Claims, seen: Account | None) -> Account:
        if seen is None and claims.external is not None:  # nobody has said yet which account that is
            raise Unavailable(self.breaker.name or "", self.breaker.retry_after)
        account = seen or Account(claims.user_id, claims.username, True, claims.superuser, claims.scopes)
        revoked = self.revocations.includes(claims.session)
        if revoked or not account.active:
            raise Unauthenticated(
                "This session was ended." if revoked else "This account is not active.", reason="revoked"
            )
        return account if revoked is False else account.within(self.harmless)

"""What a token is worth while the accounts are unavailable.

Nobody new can sign in. A token is judged by what is known of endings and changed rights:

    known               access token               refresh token
    its session ended   401                        401
    all of them         as the account was last    a new access token with these rights
    all of this host's  the harmless permissions   a new access token with the harmless permissions
    not all             the harmless permissions   503
"""

import time
from dataclasses import dataclass

from ...errors import Unauthenticated, Unavailable
from ...resilience import Breaker
from .account import Account
from .revocations import Knowledge, Revocations
from .tokens import Claims

NEVER = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offline:
    """How long and how far tokens are trusted in an outage of the accounts; times are in seconds.

    An access token is valid for `horizon` after its issue. A refresh token yields new ones, valid for `access`, until
    the outage has lasted for `refreshing`. `harmless` are the permissions of somebody who may have been signed out.
    """

    revocations: Revocations
    breaker: Breaker
    horizon: float
    refreshing: float
    access: int
    harmless: frozenset[str] = frozenset()

    def standing(self, claims: Claims, seen: Account | None, at: float = NEVER) -> Account:
        """Return the account of an access token, if it was `seen` as it was `at` that time, if nothing newer is known.

        Raises `Unauthenticated`. `at` is in monotonic seconds.
        """
        if claims.issued + self.horizon < time.time():
            raise Unauthenticated("The token is too old to be trusted without the accounts.", reason="expired")
        account = self._last_known(claims, seen, at)
        if self.revocations.knowledge() is not Knowledge.COMPLETE:
            return account.within(self.harmless)
        return account

    def refreshed(self, claims: Claims, seen: Account | None, at: float = NEVER) -> Account:
        """Return the account of a refresh token; see `standing`.

        Raises `Unavailable` when the outage has lasted too long, and where too little is known.
        """
        since = self.breaker.down_since
        if since is not None and self.breaker.clock() > since + self.refreshing:
            raise self._unavailable()
        account = self._last_known(claims, seen, at)
        knowledge = self.revocations.knowledge()
        if knowledge is Knowledge.UNKNOWN:
            raise self._unavailable()
        return account if knowledge is Knowledge.COMPLETE else account.within(self.harmless)

    def _last_known(self, claims: Claims, seen: Account | None, at: float) -> Account:
        """Return the account as it was last read by anybody here, else as the token says."""
        if self.revocations.has_ended(claims.session):
            raise Unauthenticated("This session was ended.", reason="revoked")
        changed = self.revocations.known(seen.id if seen else claims.user_id)
        if changed is not None and (seen is None or changed.read >= at):
            if changed.account is None:
                raise Unauthenticated("This account is not active.", reason="revoked")
            seen = changed.account
        if seen is None and claims.external is not None:  # not yet known which account that is
            raise self._unavailable()
        account = seen or Account(claims.user_id, claims.username, True, claims.superuser, claims.scopes)
        if not account.active:
            raise Unauthenticated("This account is not active.", reason="revoked")
        return account.at(time.time())

    def _unavailable(self) -> Unavailable:
        return Unavailable(self.breaker.name or "", self.breaker.retry_after)

"""Revoked sessions, announced to all workers through Redis.

While the accounts are available, they have this information themselves; this is for outages of the accounts.
"""

import uuid

from ..redis.cache import Cache

MARK = "for _, key in ipairs(KEYS) do redis.call('SET', key, '1', 'EX', ARGV[1]) end return #KEYS"


class Revocations:
    """Remembers ended sessions for `seconds`, the lifetime of a refresh token: after that they have no valid token."""

    def __init__(self, cache: Cache, seconds: int) -> None:
        self._cache = cache
        self._seconds = seconds

    def announce(self, sessions: list[uuid.UUID]) -> bool:
        """Announce to all workers that sessions have ended; return False while Redis is away."""
        return not sessions or self._cache.run(MARK, list(map(_key, sessions)), [self._seconds]) is not None

    def includes(self, session: uuid.UUID) -> bool | None:
        """Tell whether a session was ended; None (unknown) while Redis is away."""
        return self._cache.has(_key(session))


def _key(session: uuid.UUID) -> str:
    return f"revoked:{session}"

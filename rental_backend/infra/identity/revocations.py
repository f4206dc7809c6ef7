"""Sessions that were ended before their time, told to all workers through Redis.

Where the accounts can be asked, they say so themselves; this is for when they cannot.
"""

import uuid

from ..redis.cache import Cache

MARK = "for _, key in ipairs(KEYS) do redis.call('SET', key, '1', 'EX', ARGV[1]) end return #KEYS"


class Revocations:
    """Remembers ended sessions for `seconds`, the life of a refresh token: after that none of theirs is left."""

    def __init__(self, cache: Cache, seconds: int) -> None:
        self._cache = cache
        self._seconds = seconds

    def announce(self, sessions: list[uuid.UUID]) -> bool:
        """Tell all workers that sessions have ended; return whether they can know (False while Redis is away)."""
        return not sessions or self._cache.run(MARK, list(map(_key, sessions)), [self._seconds]) is not None

    def includes(self, session: uuid.UUID) -> bool | None:
        """Tell whether a session was ended; None, which is no "no", while Redis is away."""
        return self._cache.has(_key(session))


def _key(session: uuid.UUID) -> str:
    return f"revoked:{session}"

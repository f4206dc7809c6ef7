"""Sessions that were ended before their time, told to all workers through Redis.

Where the accounts can be asked, they say so themselves; this is for when they cannot.
"""

import uuid

from .cache import Cache


class Revocations:
    """Remembers ended sessions for `seconds`, the life of an access token: after that none of theirs is left."""

    def __init__(self, cache: Cache, seconds: int) -> None:
        self._cache = cache
        self._seconds = seconds

    def announce(self, session: uuid.UUID) -> bool:
        """Tell all workers that a session has ended; return whether they can know (False while Redis is away)."""
        return self._cache.put(_key(session), b"1", seconds=self._seconds)

    def includes(self, session: uuid.UUID) -> bool | None:
        """Tell whether a session was ended; None, which is no "no", while Redis is away."""
        return self._cache.has(_key(session))


def _key(session: uuid.UUID) -> str:
    return f"revoked:{session}"

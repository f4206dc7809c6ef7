"""The one door to password hashing: argon2id, with the predecessor's bcrypt hashes still accepted."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import argon2
import bcrypt

from ..errors import Busy
from ..resilience import limit

WAIT = 2.0


class Passwords:
    """Hashes and verifies, at most `slots` at a time in this process so that a storm of sign-ins starves nobody."""

    def __init__(self, *, slots: int) -> None:
        self._hasher = argon2.PasswordHasher()  # RFC 9106, second recommended option
        self._slots = threading.BoundedSemaphore(slots)
        self._decoy: str | None = None

    def hash(self, password: str) -> str:
        """Return the argon2id hash. Raises `Busy` if no slot is free within two seconds, or the request's budget."""
        with self._slot():
            return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password fits. Without a stored hash it takes as long, and is False."""
        with self._slot():
            if stored:
                return self._matches(stored, password)
            self._decoy = self._decoy or self._hasher.hash("nobody has this password")
            self._matches(self._decoy, password)
            return False

    def outdated(self, stored: str) -> bool:
        """Tell whether the hash should be replaced at the next sign-in."""
        return stored.startswith("$2") or self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            if stored.startswith("$2"):
                return bcrypt.checkpw(password.encode()[:72], stored.encode())
            return self._hasher.verify(stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError, ValueError):
            return False

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=limit(WAIT)):
            raise Busy("auth")
        try:
            yield
        finally:
            self._slots.release()

"""The one door to password hashing: argon2id, with the predecessor's bcrypt hashes still accepted."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import argon2
import bcrypt

from ..errors import Busy
from ..resilience import limit

WAIT = 2.0
LONGEST_REST = 0.5
LANES = 1  # each is a thread, and four of a worker would take the processors from everybody else
BACK_AFTER = 5.0  # seconds, at the most


class Passwords:
    """Hashes and verifies, at most `slots` at a time in this process so that a storm of sign-ins starves nobody.

    `seats` are the threads that may be busy with passwords at all, those that wait for a slot included.
    """

    def __init__(self, *, slots: int, seats: int = 1000) -> None:
        self._hasher = argon2.PasswordHasher(parallelism=LANES)  # for the rest RFC 9106, second recommended option
        self._slots = threading.BoundedSemaphore(slots)
        self._seats = threading.BoundedSemaphore(seats)
        self._decoy: str | None = None
        self._took = 0.0

    @contextmanager
    def seat(self) -> Iterator[None]:
        """Hold a seat during the block, for whatever will hash there. Raises `Busy` at once if none is free."""
        if not self._seats.acquire(blocking=False):
            raise Busy("auth", random.uniform(1, BACK_AFTER))  # noqa: S311 - spreads those who come again
        try:
            yield
        finally:
            self._seats.release()

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
        queued = not self._slots.acquire(blocking=False)
        if queued and not self._slots.acquire(timeout=limit(WAIT)):
            raise Busy("auth")
        try:
            if queued:  # a storm hashes half of the time at most; the other half is for everybody else
                time.sleep(min(self._took, limit(LONGEST_REST)))
            began = time.monotonic()
            yield
            self._took = time.monotonic() - began
        finally:
            self._slots.release()

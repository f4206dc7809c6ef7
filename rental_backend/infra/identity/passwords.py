"""The one door to password hashing: argon2id, with the predecessor's bcrypt hashes still accepted."""

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import argon2
import bcrypt

from ...errors import Busy
from ...resilience import Bulkhead, BulkheadFull, SharedMemory, limit

WAIT = 2.0
LOOK = 0.01  # seconds between two looks for a free slot, which any worker may give back
PARALLELISM = 1  # each is a thread, and four of a worker would take the processors from everybody else
LONGEST = 1.0  # seconds that a wrong password takes at the most, the wait for a slot aside
SOON, LATE = 5.0, 30.0  # seconds in which somebody comes again at the latest: among few, among many
LATELY = 10.0  # seconds
PACE = 3.0  # sign-ins a second that one worker is good for in a storm
NICENESS = 5  # of the threads that hash: whoever else wants a processor gets three times as much of it

T = TypeVar("T")


# D33: sign-ins take at most a quarter of the threads.
class Passwords:
    """Hashes and verifies, at most `slots` at a time over all workers of the page, in threads of low priority.

    At most `concurrent_requests` threads of this process deal with passwords, those that wait for a slot included.
    """

    def __init__(self, memory: SharedMemory, *, slots: int, concurrent_requests: int = 1000) -> None:
        self._hasher = argon2.PasswordHasher(
            parallelism=PARALLELISM
        )  # for the rest RFC 9106, second recommended option
        self._slots = Bulkhead(memory, "passwords", slots)
        self._threads = ThreadPoolExecutor(
            slots, "hashing", initializer=_lower_priority
        )  # begins its threads when used
        self._free = concurrent_requests
        self._free_lock = threading.Lock()
        self._retry_after = RetryAfterEstimate()
        self._decoy: str | None = None
        self._longest = 0.0

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """Hold a seat during the block, for whatever will hash there. Raises `Busy` at once if none is free."""
        with self._free_lock:
            self.require_capacity()
            self._free -= 1
        try:
            yield
        finally:
            with self._free_lock:
                self._free += 1

    def require_capacity(self) -> None:
        """Raise `Busy` if no seat is free: before anything is spent on a request that will be refused."""
        if self._free < 1:
            raise Busy("auth", self._retry_after.next())

    def hash(self, password: str) -> str:
        """Return the argon2id hash. Raises `Busy` if no slot is free within two seconds, or the request's budget."""
        return self._in_thread(lambda: self._hasher.hash(password))

    # D74: a wrong password takes as long as the slowest kind of hash.
    def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password fits. Without a stored hash it takes as long, and is False.

        A wrong one takes as long as with the slowest kind of hash that was seen: the predecessor's take a quarter
        longer than ours, which would tell that there is such an account.
        """
        fits, cost = self._in_thread(lambda: self._timed(stored, password))
        if not fits:
            self._longest = min(max(self._longest, cost), LONGEST)
            time.sleep(limit(self._longest - cost))
        return fits

    def outdated(self, stored: str) -> bool:
        """Tell whether the hash should be replaced at the next sign-in."""
        return stored.startswith("$2") or self._hasher.check_needs_rehash(stored)

    def _timed(self, stored: str | None, password: str) -> tuple[bool, float]:
        """Return whether it fits, and for how many seconds a processor was at it, whoever else wanted one."""
        compared = stored or self._decoy_hash()
        began = time.thread_time()
        fits = self._matches(compared, password)
        return fits and bool(stored), time.thread_time() - began

    def _matches(self, stored: str, password: str) -> bool:
        try:
            if stored.startswith("$2"):
                return bcrypt.checkpw(password.encode()[:72], stored.encode())
            return self._hasher.verify(stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError, ValueError):
            return False

    def _decoy_hash(self) -> str:
        self._decoy = self._decoy or self._hasher.hash("nobody has this password")
        return self._decoy

    def _in_thread(self, work: Callable[[], T]) -> T:
        """Return what the work returns, done in a slot and by a thread that leaves the processors to others."""
        with self._slot():
            return self._threads.submit(work).result()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        ends = time.monotonic() + limit(WAIT)
        with ExitStack() as held:
            while not self._try_enter(held):
                if time.monotonic() >= ends:
                    raise Busy("auth", self._retry_after.next())
                time.sleep(LOOK)
            yield

    def _try_enter(self, held: ExitStack) -> bool:
        try:
            held.enter_context(self._slots)
        except BulkheadFull:
            return False
        return True


class RetryAfterEstimate:
    """Those who were turned away lately; each comes again at a time of his own, the more there are the later."""

    def __init__(self) -> None:
        self._lately, self._since = 0, 0.0

    def next(self) -> float:
        """Return in how many seconds somebody is to come again: 1 to 5, or up to 30 among many."""
        now = time.monotonic()
        if now > self._since + LATELY:
            self._lately, self._since = 0, now
        self._lately += 1
        latest = min(max(SOON, self._lately / PACE), LATE)
        return random.uniform(1, latest)  # noqa: S311 - spreads those who come again


def _lower_priority() -> None:
    """Lower the priority of this thread alone (on Linux each has its own). Where that is forbidden, it stays."""
    with contextlib.suppress(OSError):
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)

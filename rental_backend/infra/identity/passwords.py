"""The adapter of password hashing: argon2id, with the predecessor's bcrypt hashes still accepted."""

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

from ...errors import Busy, ServiceUnavailable
from ...resilience import Bulkhead, BulkheadFull, SharedMemory, limit

WAIT = 2.0
LOOK = 0.01  # seconds between two checks for a free slot, which any worker may release
PARALLELISM = 1  # threads of argon2: four in each worker would take the processors from all other work
HASHER = argon2.PasswordHasher(parallelism=PARALLELISM)  # other parameters: RFC 9106, second recommended option
LONGEST = 1.0  # seconds that a wrong password takes at most, not counting the wait for a slot
SOON, LATE = 5.0, 30.0  # longest retry-after in seconds: when few were refused, when many were
LATELY = 10.0  # seconds over which refusals are counted
PACE = 3.0  # sign-ins per second that one worker handles in a flood
NICENESS = 5  # of the hashing threads: other threads get three times as much of a processor

MARK = "$"  # every hash begins with it; what does not is the password of nobody
# What argon2 says without memory or threads (by the numbers of its errors); all else that it says is about the hash.
SHORT_OF = tuple(map(argon2.low_level.error_to_str, (-22, -33)))

T = TypeVar("T")


# D108: what cannot be verified is not wrong.
class HashUnreadable(ServiceUnavailable):
    """The stored hash is damaged, so no password can be compared with it (503)."""

    code = "password_not_verifiable"

    def __init__(self) -> None:
        super().__init__(
            "auth", 60, "The password of this account cannot be verified. An administrator can set another."
        )


# D33: sign-ins take at most a quarter of the threads.
class Passwords:
    """Hashes and verifies, at most `slots` at a time over all workers of the host, in threads of low priority.

    At most `concurrent_requests` threads of this process deal with passwords, including threads that wait for a slot.
    """

    def __init__(self, memory: SharedMemory, *, slots: int, concurrent_requests: int = 1000) -> None:
        self._hasher = HASHER
        self._slots = Bulkhead(memory, "passwords", slots)
        self._threads = ThreadPoolExecutor(
            slots, "hashing", initializer=_lower_priority
        )  # starts its threads when used
        self._free = concurrent_requests
        self._free_lock = threading.Lock()
        self._retry_after = RetryAfterEstimate()
        self._decoy: str | None = None
        self._longest = 0.0

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """Hold a place of the concurrency limit during the block, which will hash. Raises `Busy` if none is free."""
        with self._free_lock:
            self.require_capacity()
            self._free -= 1
        try:
            yield
        finally:
            with self._free_lock:
                self._free += 1

    def require_capacity(self) -> None:
        """Raise `Busy` if no place is free, before work is spent on a request that will be refused."""
        if self._free < 1:
            raise Busy("auth", self._retry_after.next())

    def hash(self, password: str) -> str:
        """Return the argon2id hash. Raises `Busy` without memory, or a slot within 2 s or the request's budget."""
        return self._in_thread(lambda: self._hasher.hash(password))

    # D74: a wrong password takes as long as the slowest kind of hash.
    def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password matches. Without a stored hash it takes as long, and returns False.

        Raises `Busy` for want of memory, or of a slot as `hash` does, and `HashUnreadable`: neither says it is wrong.
        A wrong password takes as long as with the slowest kind of hash seen so far: the predecessor's hashes take a
        quarter longer than ours, which would reveal that there is such an account.
        """
        fits, cost = self._in_thread(lambda: self._timed(stored, password))
        if not fits:
            self._longest = min(max(self._longest, cost), LONGEST)
            time.sleep(limit(self._longest - cost))
        return fits

    def outdated(self, stored: str) -> bool:
        """Tell whether the hash should be replaced at the next sign-in."""
        return stored.startswith("$2") or self._hasher.check_needs_rehash(stored)

    def upgraded(self, stored: str, password: str) -> str:
        """Return a hash as strong as ours of a password that fits; the same one where there is no memory to make it."""
        try:
            return self.hash(password) if self.outdated(stored) else stored
        except Busy:
            return stored

    def _timed(self, stored: str | None, password: str) -> tuple[bool, float]:
        """Return whether the password matches, and the seconds of processor time that took."""
        stored = stored if stored and stored.startswith(MARK) else None
        compared = stored or self._decoy_hash()
        began = time.thread_time()
        fits = self._matches(compared, password)
        return fits and bool(stored), time.thread_time() - began

    def _matches(self, stored: str, password: str) -> bool:
        try:
            said = password.encode()
        except UnicodeEncodeError:  # no text, so nobody has it as their password
            return False
        try:
            if stored.startswith("$2"):
                return bcrypt.checkpw(said[:72], stored.encode())
            return self._hasher.verify(stored, said)
        except argon2.exceptions.VerifyMismatchError:
            return False
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError, ValueError) as error:
            if str(error) in SHORT_OF:
                raise MemoryError from error
            raise HashUnreadable from error

    def _decoy_hash(self) -> str:
        self._decoy = self._decoy or self._hasher.hash("nobody has this password")
        return self._decoy

    def _in_thread(self, work: Callable[[], T]) -> T:
        """Run the work in a slot, in a thread of low priority, and return its result. Raises `Busy`."""
        with self._slot():
            try:
                return self._threads.submit(work).result()
            except (MemoryError, RuntimeError, argon2.exceptions.HashingError) as error:  # or no thread can be started
                raise Busy("auth", self._retry_after.next()) from error

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
    """Estimates when refused callers should retry: each at a random time, later the more were refused lately."""

    def __init__(self) -> None:
        self._lately, self._since = 0, 0.0

    def next(self) -> float:
        """Count a refusal and return the seconds after which to retry: 1 to 5, or up to 30 when many were refused."""
        now = time.monotonic()
        if now > self._since + LATELY:
            self._lately, self._since = 0, now
        self._lately += 1
        latest = min(max(SOON, self._lately / PACE), LATE)
        return random.uniform(1, latest)  # noqa: S311 - spreads the retries


def _lower_priority() -> None:
    """Lower the priority of this thread alone (Linux has one per thread). Where that is forbidden, it stays."""
    with contextlib.suppress(OSError, MemoryError):  # an error would have no thread hash any more
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)

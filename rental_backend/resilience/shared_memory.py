"""Shared memory of all workers of a host: the one state of every breaker, read without a lock or a system call.

It is allocated before the fork (in gunicorn's master) and inherited by the workers; without a master it serves its own
process. All of it is 8-byte words, each read and written atomically. A packed state is one word. Each worker counts in
a worker slot of its own, which nobody else writes. Only transitions take a lock. The kernel releases it when its holder
dies, and nobody waits longer than `PATIENCE`: a worker stopped in the middle of a transition blocks nobody.
"""

import contextlib
import fcntl
import mmap
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from .counters import Counters

MAGIC = 0x52425041_47450000  # "RBPAGE" and two bytes for the version
VERSION = 5
PATIENCE = 0.25

BREAKERS, WORKER_SLOTS, BUCKETS = 16, 64, 16
HEADER_WORDS, BREAKER_WORDS = 8, 72
WORKER_HEADER = 2  # whether the worker slot was ever claimed, and the process id of its owner
EVENTS, EVENT_WORDS = 64, 32  # kept for each breaker and each kind (state changes, probing)
TOTAL_WORDS = 6  # counts per breaker that never reset, kept in `Counters`
LOG_WORDS = 2 * (1 + EVENTS * EVENT_WORDS)  # per breaker and kind: the number of events, then the last ones
BUCKET_WORDS = 5  # second, successes, failures, slow, retries
COUNTER_WORDS = 2 + BUCKETS * BUCKET_WORDS  # generation, calls in flight, buckets
WORKER_WORDS = WORKER_HEADER + BREAKERS * COUNTER_WORDS

BREAKERS_AT = HEADER_WORDS
EVENTS_AT = BREAKERS_AT + BREAKERS * BREAKER_WORDS
WORKERS_AT = EVENTS_AT + BREAKERS * LOG_WORDS
WORDS = WORKERS_AT + WORKER_SLOTS * WORKER_WORDS

FORMAT, EVENT_COUNT, LOCK, ACQUISITIONS = range(4)
WORKER_LOCKS = 1 << 40  # file offset of the worker slots' locks, far beyond the locks of transitions

_instances: "weakref.WeakSet[SharedMemory]" = weakref.WeakSet()


# D16: the breakers' state lies in anonymous shared memory.
class SharedMemory:
    """The shared memory. What is built on it before a fork, all children share."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, WORDS * 8)
        self.words = memoryview(self._map).cast("q")
        self.bytes = memoryview(self._map)
        self.words[FORMAT] = MAGIC + VERSION
        self.names: list[str] = []
        self.worker_slot = -1
        self.locks = [threading.Lock() for _ in range(BREAKERS)]
        self.after_fork: list[Callable[[], None]] = []  # resets what objects cached of this process's worker slot
        self._thread_lock, self._claiming = threading.Lock(), threading.Lock()
        self._own_slots: set[int] = set()  # worker slots of this process
        self._file = os.memfd_create("rental-breakers", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self._file)
        self.counters = Counters(self, WORKER_SLOTS)
        self.totals = self.counters.reserve("breakers", BREAKERS * TOTAL_WORDS)
        _instances.add(self)

    def breaker_number(self, name: str) -> int:
        """Return the number of the breaker of that name, the same for every object that asks."""
        with self._thread_lock:
            if name not in self.names:
                if len(self.names) == BREAKERS:
                    raise ValueError(f"shared memory holds {BREAKERS} breakers at most")
                self.names.append(name)
            return self.names.index(name)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of transitions during the block."""
        held = self._thread_lock.acquire(timeout=4 * PATIENCE)
        lock = self._lock_file()
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, lock)
            if held:
                self._thread_lock.release()

    def _lock_file(self) -> int:
        """Lock the byte of the file that is the current lock, and return its number.

        A caller that loses patience with the holder makes the next byte the lock for everybody. So all of them wait
        only once for a stopped worker, and go on excluding each other without it.
        """
        held, ends = (self.words[LOCK], self.words[ACQUISITIONS]), time.monotonic() + PATIENCE
        while True:
            lock = held[0]
            with contextlib.suppress(BlockingIOError, PermissionError):
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, lock)
                if self.words[LOCK] == lock:
                    self.words[ACQUISITIONS] += 1
                    return lock
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, lock)
            if held != (
                self.words[LOCK],
                self.words[ACQUISITIONS],
            ):  # somebody else acquired it meanwhile: it is busy, not stuck
                held, ends = (self.words[LOCK], self.words[ACQUISITIONS]), time.monotonic() + PATIENCE
            elif time.monotonic() > ends:
                self.words[LOCK] = lock + 1
            time.sleep(0.0002)

    def own_counters(self, breaker: int) -> int:
        """Return the address of this process's counters for a breaker; claims a worker slot at the first call."""
        if self.worker_slot < 0:
            with self._claiming:
                if self.worker_slot < 0:
                    self.worker_slot = self._claim_slot()
        return WORKERS_AT + self.worker_slot * WORKER_WORDS + WORKER_HEADER + breaker * COUNTER_WORDS

    def _claim_slot(self) -> int:
        """Claim the first free worker slot for the life of this process. When all are claimed, the last is shared.

        Two processes that count in one worker slot may lose a count now and then.
        """
        free = (
            worker_slot
            for worker_slot in range(WORKER_SLOTS)
            if worker_slot not in self._own_slots and self._lock_slot(worker_slot)
        )
        worker_slot = next(free, None)
        if worker_slot is None:
            return WORKER_SLOTS - 1
        self._own_slots.add(worker_slot)
        at = WORKERS_AT + worker_slot * WORKER_WORDS
        for word in range(at + WORKER_HEADER, at + WORKER_WORDS):
            self.words[word] = 0
        for breaker in range(BREAKERS):
            self.words[at + WORKER_HEADER + breaker * COUNTER_WORDS] = -1  # of no generation yet
        self.words[at + 1] = os.getpid()
        for claimed in range(worker_slot + 1):  # earlier ones are claimed too, by processes about to write this word
            self.words[WORKERS_AT + claimed * WORKER_WORDS] = 1
        return worker_slot

    def _lock_slot(self, worker_slot: int) -> bool:
        """Lock a worker slot if nobody holds it. The kernel unlocks it when this process ends, however it ends."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, WORKER_LOCKS + worker_slot)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def counters_by_slot(self, breaker: int) -> Iterator[int]:
        """Yield the address of each process's counters for a breaker, dead ones included, by worker slot."""
        for at in range(WORKERS_AT, WORDS, WORKER_WORDS):
            if not self.words[at]:
                return
            yield at + WORKER_HEADER + breaker * COUNTER_WORDS

    def column(self, breaker: int, word: int) -> memoryview:
        """Return a word of the counters of every worker slot for a breaker, taken or not."""
        first = WORKERS_AT + WORKER_HEADER + breaker * COUNTER_WORDS + word
        return self.words[first:WORDS:WORKER_WORDS]

    def used_slots(self) -> range:
        """Return the numbers of the worker slots that any process has ever claimed."""
        return range(sum(1 for _ in self.counters_by_slot(0)))

    def live_slots(self) -> list[int]:
        """Return the numbers of the worker slots whose processes are alive."""
        with self._claiming:
            return [
                worker_slot
                for worker_slot in self.used_slots()
                if worker_slot in self._own_slots or not self._is_free(worker_slot)
            ]

    def _is_free(self, worker_slot: int) -> bool:
        """Tell whether no process holds a worker slot. It must not be one of ours."""
        if not self._lock_slot(worker_slot):
            return False
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, WORKER_LOCKS + worker_slot)
        return True

    @property
    def transition_count(self) -> int:
        """The number of transitions of all breakers so far; it changes with each transition."""
        return self.words[EVENT_COUNT]

    def live_workers(self, breaker: int) -> Iterator[tuple[int, int]]:
        """Yield, for each live worker, its process id and the address of its counters for a breaker."""
        for at in self.counters_by_slot(breaker):
            pid = self.words[at - breaker * COUNTER_WORDS - WORKER_HEADER + 1]
            if Path(f"/proc/{pid}").exists():
                yield pid, at

    def release_dead_workers(self, breaker: int) -> None:
        """Zero the calls in flight of workers that died."""
        with self._claiming:
            for worker_slot, at in enumerate(self.counters_by_slot(breaker)):
                if self.words[at + 1] and worker_slot not in self._own_slots and self._lock_slot(worker_slot):
                    self.words[at + 1] = 0
                    fcntl.lockf(self._file, fcntl.LOCK_UN, 1, WORKER_LOCKS + worker_slot)


def _reset_after_fork() -> None:
    """Let a forked child claim worker slots and create locks of its own."""
    for memory in list(_instances):
        memory.worker_slot = -1
        memory._thread_lock, memory._claiming = threading.Lock(), threading.Lock()
        memory._own_slots = set()
        memory.locks = [threading.Lock() for _ in range(BREAKERS)]
        for reset in memory.after_fork:
            reset()


os.register_at_fork(after_in_child=_reset_after_fork)

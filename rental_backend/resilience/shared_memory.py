"""One page of memory that all workers of a host share: the truth about every breaker, read without a lock or a call.

It is made before the fork (gunicorn's master with `preload_app`) and inherited; without a master it serves its own
process. All of it is 8-byte words, each read and written in one piece. A state is one word. What a worker counts goes
into a lane that is its own for life, and that nobody else writes. Only transitions take a lock, one that the kernel
frees when its holder dies, and that is not waited for longer than `PATIENCE`: a worker stopped in mid-transition holds
up nobody.
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

from .counters import Tally

MAGIC = 0x52425041_47450000  # "RBPAGE" and two bytes for the version
VERSION = 5
PATIENCE = 0.25

SLOTS, LANES, BUCKETS = 16, 64, 16
HEADER_WORDS, SLOT_WORDS = 8, 72
LANE_HEADER = 2  # whether it was ever taken, and the process that has it
EVENTS, EVENT_WORDS = 64, 32  # of each breaker and each kind: turns and probings
TOTAL_WORDS = 6  # what is counted of a slot for ever, in the tally
LOG_WORDS = 2 * (1 + EVENTS * EVENT_WORDS)  # of a breaker: how many there were, and the last ones, of each kind
BUCKET_WORDS = 5  # second, successes, failures, slow, retries
COUNTER_WORDS = 2 + BUCKETS * BUCKET_WORDS  # generation, calls in flight, buckets
LANE_WORDS = LANE_HEADER + SLOTS * COUNTER_WORDS

SLOTS_AT = HEADER_WORDS
EVENTS_AT = SLOTS_AT + SLOTS * SLOT_WORDS
LANES_AT = EVENTS_AT + SLOTS * LOG_WORDS
WORDS = LANES_AT + LANES * LANE_WORDS

FORMAT, EVENT_COUNT, LOCK, TURN = range(4)
LANE_LOCKS = 1 << 40  # where in the file the locks of the lanes are, far beyond those of transitions

_pages: "weakref.WeakSet[Page]" = weakref.WeakSet()


# D16: all state lies in one anonymous memory page.
class Page:
    """The shared page. Whatever is made of it before a fork, the children share."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, WORDS * 8)
        self.words = memoryview(self._map).cast("q")
        self.bytes = memoryview(self._map)
        self.words[FORMAT] = MAGIC + VERSION
        self.names: list[str] = []
        self.lane = -1
        self.locks = [threading.Lock() for _ in range(SLOTS)]
        self.forget: list[Callable[[], None]] = []  # what each slot remembers of this process's lane
        self._threads, self._taking = threading.Lock(), threading.Lock()
        self._own: set[int] = set()  # lanes of this process
        self._file = os.memfd_create("rental-breakers", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self._file)
        self.tally = Tally(self, LANES)
        self.totals = self.tally.reserve("slots", SLOTS * TOTAL_WORDS)
        _pages.add(self)

    def slot(self, name: str) -> int:
        """Return the number of the breaker of that name, the same for every object that asks."""
        with self._threads:
            if name not in self.names:
                if len(self.names) == SLOTS:
                    raise ValueError(f"a page holds {SLOTS} breakers at most")
                self.names.append(name)
            return self.names.index(name)

    @contextlib.contextmanager
    def locked(self) -> Iterator[int]:
        """Keep other threads and processes from making a transition within the block; `holds` what is yielded."""
        held = self._threads.acquire(timeout=4 * PATIENCE)
        lock = self._lock_file()
        try:
            yield lock
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, lock)
            if held:
                self._threads.release()

    def _lock_file(self) -> int:
        """Lock the byte of the file that is the lock now, and return it.

        Whoever loses patience with the holder makes the next byte the lock, for all: they wait only once for a worker
        that is stopped, and go on excluding each other without it.
        """
        held, ends = (self.words[LOCK], self.words[TURN]), time.monotonic() + PATIENCE
        while True:
            lock = held[0]
            with contextlib.suppress(BlockingIOError, PermissionError):
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, lock)
                if self.words[LOCK] == lock:
                    self.words[TURN] += 1
                    return lock
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, lock)
            if held != (self.words[LOCK], self.words[TURN]):  # somebody had his turn: it is busy, not stuck
                held, ends = (self.words[LOCK], self.words[TURN]), time.monotonic() + PATIENCE
            elif time.monotonic() > ends:
                self.words[LOCK] = lock + 1
            time.sleep(0.0002)

    def holds(self, lock: int) -> bool:
        """Tell whether that is the lock still: not if this worker was stopped so long that others went on without."""
        return self.words[LOCK] == lock

    def counters(self, slot: int) -> int:
        """Return where this process counts for a breaker; takes a lane at the first call in a process."""
        if self.lane < 0:
            with self._taking:
                if self.lane < 0:
                    self.lane = self._take_lane()
        return LANES_AT + self.lane * LANE_WORDS + LANE_HEADER + slot * COUNTER_WORDS

    def _take_lane(self) -> int:
        """Take the first lane that nobody has, for the life of this process. With all taken, the last is shared.

        Two processes that count in one lane may lose a count now and then.
        """
        free = (lane for lane in range(LANES) if lane not in self._own and self._lock_lane(lane))
        lane = next(free, None)
        if lane is None:
            return LANES - 1
        self._own.add(lane)
        at = LANES_AT + lane * LANE_WORDS
        for word in range(at + LANE_HEADER, at + LANE_WORDS):
            self.words[word] = 0
        for slot in range(SLOTS):
            self.words[at + LANE_HEADER + slot * COUNTER_WORDS] = -1  # of no generation yet
        self.words[at + 1] = os.getpid()
        for each in range(lane + 1):  # those before have been taken, too, by somebody who may be about to say so
            self.words[LANES_AT + each * LANE_WORDS] = 1
        return lane

    def _lock_lane(self, lane: int) -> bool:
        """Make a lane ours, if it is nobody's. The kernel takes it back when this process ends, however it does."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, LANE_LOCKS + lane)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def lanes(self, slot: int) -> Iterator[int]:
        """Yield where each process, dead ones included, counts for a breaker. Lanes are taken from the first one on."""
        for at in range(LANES_AT, WORDS, LANE_WORDS):
            if not self.words[at]:
                return
            yield at + LANE_HEADER + slot * COUNTER_WORDS

    def lanes_taken(self) -> range:
        """Return the numbers of the lanes that any process has had."""
        return range(sum(1 for _ in self.lanes(0)))

    def living(self) -> list[int]:
        """Return the numbers of the lanes whose processes are alive."""
        with self._taking:
            return [lane for lane in self.lanes_taken() if lane in self._own or not self._dead(lane)]

    def _dead(self, lane: int) -> bool:
        """Tell whether nobody holds a lane; it is not one of ours."""
        if not self._lock_lane(lane):
            return False
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, LANE_LOCKS + lane)
        return True

    @property
    def transitions(self) -> int:
        """How many transitions there have been, of all breakers: it changes with each of them."""
        return self.words[EVENT_COUNT]

    def workers(self, slot: int) -> Iterator[tuple[int, int]]:
        """Yield the process id of each worker that lives, and where it counts for a breaker."""
        for at in self.lanes(slot):
            pid = self.words[at - slot * COUNTER_WORDS - LANE_HEADER + 1]
            if Path(f"/proc/{pid}").exists():
                yield pid, at

    def free_the_dead(self, slot: int) -> None:
        """Forget the calls in flight of workers that died."""
        with self._taking:
            for lane, at in enumerate(self.lanes(slot)):
                if self.words[at + 1] and lane not in self._own and self._lock_lane(lane):
                    self.words[at + 1] = 0
                    fcntl.lockf(self._file, fcntl.LOCK_UN, 1, LANE_LOCKS + lane)


def _forget_lanes() -> None:
    """Have a forked child take lanes and locks of its own."""
    for page in list(_pages):
        page.lane = -1
        page._threads, page._taking = threading.Lock(), threading.Lock()
        page._own = set()
        page.locks = [threading.Lock() for _ in range(SLOTS)]
        for forget in page.forget:
            forget()


os.register_at_fork(after_in_child=_forget_lanes)

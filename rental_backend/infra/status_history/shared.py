"""One document in memory that all workers of a host share, and who may change it. Make it before the fork.

It has two places: a writer fills the one that is not in force and then changes one word, so that no reader ever sees
half of it and a writer killed on the way has changed nothing. Turns are locks that the kernel frees when their holder
dies.
"""

import contextlib
import enum
import fcntl
import mmap
import os
import threading
import time
import weakref
from collections.abc import Iterator

DOCUMENT_BYTES = 512 * 1024  # bytes of each of the two places
WORDS = 64  # version and lengths, then words for times
LENGTHS, STAMPS = 1, 8
LOOK = 0.005

_all: "weakref.WeakSet[SharedHistory]" = weakref.WeakSet()


class HistoryLock(enum.IntEnum):
    """What only one does at a time: the byte of the file that is locked meanwhile."""

    WRITE = 0
    KEEP = 1
    SYNC = 2


class SharedHistory:
    """The document and its locks."""

    def __init__(self) -> None:
        size = WORDS * 8 + 2 * DOCUMENT_BYTES
        self._file = os.memfd_create("rental-status", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, size)
        memory = memoryview(mmap.mmap(self._file, size))
        self.words, self._bytes = memory[: WORDS * 8].cast("q"), memory[WORDS * 8 :]
        self._threads = [threading.Lock() for _ in HistoryLock]
        _all.add(self)

    @property
    def version(self) -> int:
        """How often it was written; 0 for never."""
        return self.words[0]

    def read(self) -> tuple[int, bytes]:
        """Return the document in force, and its version."""
        while True:
            version = self.words[0]
            begin, length = version % 2 * DOCUMENT_BYTES, self.words[LENGTHS + version % 2]
            data = bytes(self._bytes[begin : begin + length])
            if self.words[0] == version:  # else it may have been overwritten meanwhile
                return version, data

    def write(self, data: bytes) -> None:
        """Put a document in force; whose turn it is must hold WRITE. Raises ValueError if it is too long."""
        if len(data) > DOCUMENT_BYTES:
            raise ValueError(f"a document has {DOCUMENT_BYTES} bytes at most")
        version = self.words[0] + 1
        begin = version % 2 * DOCUMENT_BYTES
        self._bytes[begin : begin + len(data)] = data
        self.words[LENGTHS + version % 2] = len(data)
        self.words[0] = version

    @contextlib.contextmanager
    def lock(self, name: HistoryLock, patience: float = 0.0) -> Iterator[bool]:
        """Yield whether it is ours to do something, at the latest after `patience` seconds."""
        ends = time.monotonic() + patience
        if not self._threads[name].acquire(timeout=patience):
            yield False
            return
        try:
            taken = self._acquire(name, ends)
            try:
                yield taken
            finally:
                if taken:
                    fcntl.lockf(self._file, fcntl.LOCK_UN, 1, name)
        finally:
            self._threads[name].release()

    def _acquire(self, name: HistoryLock, ends: float) -> bool:
        while True:
            with contextlib.suppress(BlockingIOError, PermissionError):
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, name)
                return True
            if time.monotonic() >= ends:
                return False
            time.sleep(LOOK)

    def forget(self) -> None:
        """Begin anew in a forked child: a thread that held a lock is not there."""
        self._threads = [threading.Lock() for _ in HistoryLock]


def _forget_threads() -> None:
    for shared in list(_all):
        shared.forget()


os.register_at_fork(after_in_child=_forget_threads)

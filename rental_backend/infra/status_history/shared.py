"""One document in memory that all workers of a host share, and its locks. Create it before the fork.

It has two buffers: a writer fills the one that is not in force and then changes one word, so no reader ever sees a
partial document and a writer killed midway has changed nothing. The kernel releases a lock when its holder dies.
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

DOCUMENT_BYTES = 512 * 1024  # size of each of the two buffers
WORDS = 64  # version and lengths, then words for times and counts
LENGTHS, STAMPS = 1, 8
LOOK = 0.005

_all: "weakref.WeakSet[SharedHistory]" = weakref.WeakSet()


class HistoryLock(enum.IntEnum):
    """What only one worker does at a time; the value is the byte of the file that is locked."""

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
        """How often the document was written; 0 for never."""
        return self.words[0]

    def read(self) -> tuple[int, bytes]:
        """Return the version and the document in force."""
        while True:
            version = self.words[0]
            begin, length = version % 2 * DOCUMENT_BYTES, self.words[LENGTHS + version % 2]
            data = bytes(self._bytes[begin : begin + length])
            if self.words[0] == version:  # else it may have been overwritten meanwhile
                return version, data

    def write(self, data: bytes) -> None:
        """Put a document in force. The lock WRITE must be held. Raises ValueError if the document is too long."""
        if len(data) > DOCUMENT_BYTES:
            raise ValueError(f"a document has {DOCUMENT_BYTES} bytes at most")
        version = self.words[0] + 1
        begin = version % 2 * DOCUMENT_BYTES
        self._bytes[begin : begin + len(data)] = data
        self.words[LENGTHS + version % 2] = len(data)
        self.words[0] = version

    @contextlib.contextmanager
    def lock(self, name: HistoryLock, patience: float = 0.0) -> Iterator[bool]:
        """Hold a lock during the block; yield whether it was acquired within `patience` seconds."""
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
        """Start afresh in a forked child: a thread that held a lock does not exist there."""
        self._threads = [threading.Lock() for _ in HistoryLock]


def _forget_threads() -> None:
    for shared in list(_all):
        shared.forget()


os.register_at_fork(after_in_child=_forget_threads)

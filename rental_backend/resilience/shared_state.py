"""Shared state besides the breakers: small documents read without a lock, and rows of numbers.

It is allocated before the fork, like the shared memory, whose lock orders the writers. A document has two buffers: a
writer fills the one that is not in force and then changes one word, so a reader never sees a partial document and a
writer killed midway has changed nothing.
"""

import json
import mmap
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

from .shared_memory import SharedMemory

T = TypeVar("T")
DOCUMENTS, DOCUMENT_BYTES = 8, 1024  # number of documents, and the size of each of their two buffers
ROWS, ROW_WORDS = 256, 168
DOCUMENT_WORDS = 1 + 2 * DOCUMENT_BYTES // 8
ROWS_AT = DOCUMENTS * DOCUMENT_WORDS


class SharedState:
    """A region of shared memory. What is built on it before a fork, all children share."""

    def __init__(self, memory: SharedMemory) -> None:
        self.memory = memory
        self._map = mmap.mmap(-1, (ROWS_AT + ROWS * ROW_WORDS) * 8)
        self.words = memoryview(self._map).cast("q")
        self.bytes = memoryview(self._map)
        self._names: list[str] = []

    def document_base(self, name: str) -> int:
        """Return the word at which the document of that name begins."""
        if name not in self._names:
            if len(self._names) == DOCUMENTS:
                raise ValueError(f"shared state holds {DOCUMENTS} documents at most")
            self._names.append(name)
        return self._names.index(name) * DOCUMENT_WORDS

    @staticmethod
    def row_base(number: int) -> int:
        """Return the first word of a row."""
        return ROWS_AT + number % ROWS * ROW_WORDS

    @staticmethod
    def row_number(row: int) -> int:
        """Return the number of the row that begins at a word."""
        return (row - ROWS_AT) // ROW_WORDS


class SharedDocument(Generic[T]):
    """A JSON document of at most `DOCUMENT_BYTES` bytes that all workers see at once; `read` turns it into a value.

    Reading a document that has not changed costs one memory access.
    """

    def __init__(self, shared_state: SharedState, name: str, read: Callable[[Any], T]) -> None:
        self._shared_state = shared_state
        self._at = shared_state.document_base(name)
        self._read = read
        self._known: tuple[int, T | None] = (0, None)
        self.version: Callable[[], int] = partial(shared_state.words.__getitem__, self._at)
        """How often the document was written; 0 for never. One memory access, and no call of Python code."""

    @property
    def value(self) -> T | None:
        """The value last written, or None."""
        version = self._shared_state.words[self._at]
        while version != self._known[0]:
            data = bytes(self._shared_state.bytes[self._start(version) : self._start(version) + DOCUMENT_BYTES])
            if self._shared_state.words[self._at] == version:  # else it may have been overwritten meanwhile
                document = json.loads(data.rstrip(b"\0"))
                self._known = (version, None if document is None else self._read(document))
            version = self._shared_state.words[self._at]
        return self._known[1]

    def write(self, document: Any) -> None:
        """Publish a document to all workers, or None to clear it. Raises ValueError if it is too long."""
        data = json.dumps(document).encode()
        if len(data) > DOCUMENT_BYTES:
            raise ValueError(f"a document has {DOCUMENT_BYTES} bytes at most")
        with self._shared_state.memory.locked():
            version = self._shared_state.words[self._at] + 1
            self._shared_state.bytes[self._start(version) : self._start(version) + DOCUMENT_BYTES] = data.ljust(
                DOCUMENT_BYTES, b"\0"
            )
            self._shared_state.words[self._at] = version

    def _start(self, version: int) -> int:
        """Return the offset in bytes of a version's buffer."""
        return (self._at + 1) * 8 + version % 2 * DOCUMENT_BYTES

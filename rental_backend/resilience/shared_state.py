"""What else all workers of a host share: small documents read without a lock, and rows of numbers.

It is made before the fork, like the page, whose lock orders the writers. A document has two places: a writer fills the
one that is not in force and then changes one word, so a reader never sees half of it and a writer killed on the way
has changed nothing.
"""

import json
import mmap
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .shared_memory import SharedMemory

T = TypeVar("T")
DOCUMENTS, DOCUMENT_BYTES = 8, 1024  # documents, and bytes of each of their two places
ROWS, ROW_WORDS = 256, 168
DOCUMENT_WORDS = 1 + 2 * DOCUMENT_BYTES // 8
ROWS_AT = DOCUMENTS * DOCUMENT_WORDS


class SharedState:
    """A piece of shared memory; whatever is made of it before a fork, the children share."""

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
                raise ValueError(f"a board holds {DOCUMENTS} documents at most")
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
    """A JSON document of at most `DOCUMENT_BYTES` bytes that all workers see at once; `read` makes a value of it.

    Looking at a document that has not changed costs one word.
    """

    def __init__(self, shared_state: SharedState, name: str, read: Callable[[Any], T]) -> None:
        self._shared_state = shared_state
        self._at = shared_state.document_base(name)
        self._read = read
        self._known: tuple[int, T | None] = (0, None)

    @property
    def value(self) -> T | None:
        """What was last written; None for nothing."""
        version = self._shared_state.words[self._at]
        while version != self._known[0]:
            data = bytes(self._shared_state.bytes[self._start(version) : self._start(version) + DOCUMENT_BYTES])
            if self._shared_state.words[self._at] == version:  # else it may have been overwritten meanwhile
                said = json.loads(data.rstrip(b"\0"))
                self._known = (version, None if said is None else self._read(said))
            version = self._shared_state.words[self._at]
        return self._known[1]

    def write(self, document: Any) -> None:
        """Show a document to all workers; None for nothing. Raises ValueError if it is too long."""
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
        """Return the byte at which a version begins."""
        return (self._at + 1) * 8 + version % 2 * DOCUMENT_BYTES

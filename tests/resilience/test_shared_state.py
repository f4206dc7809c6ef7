"""What workers share beside the breakers: documents seen at once by all, never by halves."""

import itertools
import multiprocessing
import os
import signal

import pytest

from rental_backend.resilience import SharedDocument, SharedMemory, SharedState
from rental_backend.resilience.shared_state import DOCUMENT_BYTES, DOCUMENTS
from tests.serving import until

FORK = multiprocessing.get_context("fork")


def _cell(name: str = "mode") -> SharedDocument[dict[str, int]]:
    return SharedDocument(SharedState(SharedMemory()), name, dict)


def test_a_document_is_what_was_written_last() -> None:
    """Nothing at first, then each document, then nothing again."""
    shared_document = _cell()
    assert shared_document.value is None
    for document in ({"a": 1}, {"b": 2}, None, {"c": 3}):
        shared_document.write(document)
        assert shared_document.value == document


def test_documents_do_not_touch_each_other() -> None:
    """As many as there may be hold their own, at full length; one more is refused, and so is a longer one."""
    shared_state = SharedState(SharedMemory())
    cells = [SharedDocument(shared_state, f"cell {number}", str) for number in range(DOCUMENTS)]
    for number, shared_document in enumerate(cells):
        shared_document.write(str(number) * (DOCUMENT_BYTES - 2))
    assert [shared_document.value for shared_document in cells] == [
        str(number) * (DOCUMENT_BYTES - 2) for number in range(DOCUMENTS)
    ]
    with pytest.raises(ValueError, match="at most"):
        SharedDocument(shared_state, "one more", str)
    with pytest.raises(ValueError, match="at most"):
        cells[0].write("x" * DOCUMENT_BYTES)


def test_another_process_sees_it_at_once() -> None:
    """What a child writes the parent sees, and the other way round."""
    shared_document = _cell()
    shared_document.write({"a": 1})
    child = FORK.Process(target=lambda: shared_document.write({"a": (shared_document.value or {})["a"] + 1}))
    child.start()
    child.join()
    assert (child.exitcode, shared_document.value) == (0, {"a": 2})


def test_no_reader_ever_sees_half_a_document() -> None:
    """While another process writes without end, and is killed in the middle of it, every look is one whole document."""
    shared_document: SharedDocument[str] = SharedDocument(SharedState(SharedMemory()), "mode", str)

    def write() -> None:
        while True:
            for letter in "abcdef":
                shared_document.write(letter * 900)

    child = FORK.Process(target=write)
    child.start()
    try:
        until(lambda: shared_document.value)
        seen: set[str | None] = set()
        for looks in itertools.count():
            seen.add(shared_document.value)
            if looks > 20_000 and len(seen) > 3:
                break
    finally:
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
    seen.add(shared_document.value)
    assert seen <= {letter * 900 for letter in "abcdef"}
    shared_document.write("after")
    assert shared_document.value == "after"

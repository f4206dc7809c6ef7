"""What workers share beside the breakers: documents seen at once by all, never by halves."""

import itertools
import multiprocessing
import os
import signal

import pytest

from rental_backend.resilience import Board, Cell, Page
from rental_backend.resilience.shared_state import CELLS, PLACE
from tests.serving import until

FORK = multiprocessing.get_context("fork")


def _cell(name: str = "mode") -> Cell[dict[str, int]]:
    return Cell(Board(Page()), name, dict)


def test_a_document_is_what_was_written_last() -> None:
    """Nothing at first, then each document, then nothing again."""
    cell = _cell()
    assert cell.value is None
    for document in ({"a": 1}, {"b": 2}, None, {"c": 3}):
        cell.write(document)
        assert cell.value == document


def test_documents_do_not_touch_each_other() -> None:
    """As many as there may be hold their own, at full length; one more is refused, and so is a longer one."""
    board = Board(Page())
    cells = [Cell(board, f"cell {number}", str) for number in range(CELLS)]
    for number, cell in enumerate(cells):
        cell.write(str(number) * (PLACE - 2))
    assert [cell.value for cell in cells] == [str(number) * (PLACE - 2) for number in range(CELLS)]
    with pytest.raises(ValueError, match="at most"):
        Cell(board, "one more", str)
    with pytest.raises(ValueError, match="at most"):
        cells[0].write("x" * PLACE)


def test_another_process_sees_it_at_once() -> None:
    """What a child writes the parent sees, and the other way round."""
    cell = _cell()
    cell.write({"a": 1})
    child = FORK.Process(target=lambda: cell.write({"a": (cell.value or {})["a"] + 1}))
    child.start()
    child.join()
    assert (child.exitcode, cell.value) == (0, {"a": 2})


def test_no_reader_ever_sees_half_a_document() -> None:
    """While another process writes without end, and is killed in the middle of it, every look is one whole document."""
    cell: Cell[str] = Cell(Board(Page()), "mode", str)

    def write() -> None:
        while True:
            for letter in "abcdef":
                cell.write(letter * 900)

    child = FORK.Process(target=write)
    child.start()
    try:
        until(lambda: cell.value)
        seen: set[str | None] = set()
        for looks in itertools.count():
            seen.add(cell.value)
            if looks > 20_000 and len(seen) > 3:
                break
    finally:
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
    seen.add(cell.value)
    assert seen <= {letter * 900 for letter in "abcdef"}
    cell.write("after")
    assert cell.value == "after"

"""Tests that measure time have none beside them, though several processes share the tests."""

import fcntl
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.turns import require_own_marks, turn


class Item:
    """As much of a test as its turn depends on."""

    def __init__(self, *marks: pytest.MarkDecorator, shared: bool = True) -> None:
        self.marks = [each.mark for each in marks]
        self.config = SimpleNamespace(workerinput={}) if shared else SimpleNamespace()

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        """Return the mark of that name that stands closest to the test."""
        return next((each for each in self.marks if each.name == name), None)


def _free(lock: Path, kind: int) -> bool:
    """Whether another process could begin a test of its own now; `kind` is its lock."""
    with lock.open("ab") as file:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@pytest.mark.parametrize(
    ("marks", "beside"),
    [
        ((), True),
        ((pytest.mark.alone,), False),
        ((pytest.mark.alone(waiting=True),), True),
        ((pytest.mark.alone(waiting=True), pytest.mark.alone), True),  # the closest one counts
        ((pytest.mark.alone, pytest.mark.alone(waiting=True)), False),
    ],
)
def test_beside_a_test_that_measures_time_no_other_begins(tmp_path: Path, marks: tuple[Any, ...], beside: bool) -> None:
    """Beside one that waits, others do, and beside all that measure nothing; who is alone begins beside nobody."""
    lock = tmp_path / "lock"
    item: Any = Item(*marks)
    with turn(item, lock):
        assert _free(lock, fcntl.LOCK_SH) is beside
        assert not _free(lock, fcntl.LOCK_EX)
    assert _free(lock, fcntl.LOCK_EX)


def test_a_child_that_a_test_leaves_keeps_nobody_waiting(tmp_path: Path) -> None:
    """The lock ends with the test, though a process that was forked meanwhile has its file open."""
    lock = tmp_path / "lock"
    item: Any = Item(pytest.mark.alone)
    with turn(item, lock):
        child = os.fork()
        if not child:
            signal.pause()
            os._exit(0)
    try:
        assert _free(lock, fcntl.LOCK_EX)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_one_process_waits_for_nobody(tmp_path: Path) -> None:
    """Where tests are not shared there is no lock."""
    item: Any = Item(pytest.mark.alone, shared=False)
    with turn(item, tmp_path / "lock"):
        assert not (tmp_path / "lock").exists()


def test_a_mark_of_another_file_is_refused(tmp_path: Path) -> None:
    """A test that is alone by an imported mark would be in no pass: the first does not open its file."""
    item: Any = Item(pytest.mark.alone)
    item.path, item.nodeid = tmp_path / "test_it.py", "test_it.py::test_it"
    item.path.write_text("from marks import pytestmark")
    with pytest.raises(pytest.UsageError, match=r"test_it\.py::test_it"):
        require_own_marks([item])

    item.path = tmp_path / "test_other.py"
    item.path.write_text("pytestmark = pytest.mark.alone")
    require_own_marks([item])


def test_this_run_gives_turns(request: pytest.FixtureRequest) -> None:
    """Every test of this process has its turn: the plugin that gives them is here."""
    hooks = request.config.hook.pytest_runtest_protocol.get_hookimpls()
    assert "tests.conftest" in {each.function.__module__ for each in hooks}

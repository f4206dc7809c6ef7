"""Which tests run beside which: one that measures time has none beside it, or only such as wait most of their time.

The processes of pytest-xdist share a lock. A test marked `alone` holds it for itself; all others hold it together.
`alone(waiting=True)` is for a test that measures waits in tenths of a second: it is kept from tests that work hard by
being run in the pass of the tests that are `alone`, and others of its kind wait beside it.
"""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pytest

LOCK = Path(__file__).parent.parent / ".local" / "test" / "turns.lock"


def is_waiting(item: pytest.Item) -> bool:
    """Whether a test measures time, and bears others beside it that wait, too."""
    alone = item.get_closest_marker("alone")
    return alone is not None and bool(alone.kwargs.get("waiting"))


def has_own_turn(item: pytest.Item) -> bool:
    """Whether no other test may run beside a test."""
    return item.get_closest_marker("alone") is not None and not is_waiting(item)


@lru_cache
def may_be_alone(path: Path) -> bool:
    """Whether a file of tests says `mark.alone`; the pass of those tests opens no other, which saves it 4 s."""
    return "mark.alone" in path.read_text()


def require_own_marks(items: Iterable[pytest.Item]) -> None:
    """Refuse tests that are `alone` by a mark of another file, for neither pass would run them."""
    lost = [item.nodeid for item in items if item.get_closest_marker("alone") and not may_be_alone(item.path)]
    if lost:
        raise pytest.UsageError(f"mark.alone does not stand in the file itself: {', '.join(lost)}")


# D103: they wait beside each other.
@contextmanager
def turn(item: pytest.Item, lock: Path = LOCK) -> Iterator[None]:
    """Wait until a test may run, and keep others from it meanwhile; one process has nobody to wait for."""
    if not hasattr(item.config, "workerinput"):
        yield
        return
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX if has_own_turn(item) else fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough: a child that a test forked has the file open, too

"""How long a block may take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def within(seconds: float, *, least: float = 0.0) -> Iterator[None]:
    """Fail if the block takes longer than `seconds`, or less than `least`."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert least <= took <= seconds, f"took {took:.3f} s"

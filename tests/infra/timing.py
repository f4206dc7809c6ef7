"""How long a block may take, and a clock that does not count what others do on the machine."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAITED = Path("/proc/thread-self/schedstat")  # of this thread: ns that it ran, ns that it waited for a processor, turns


@contextmanager
def within(seconds: float, *, least: float = 0.0) -> Iterator[None]:
    """Fail if the block takes longer than `seconds` of `own_time`, or less than `least` of anybody's."""
    began, own = time.monotonic(), own_time()
    yield
    took, took_own = time.monotonic() - began, own_time() - own
    assert took >= least, f"took {took:.3f} s, not {least:.3f} s at the least"
    assert took_own <= seconds, f"took {took_own:.3f} s of its own, not {seconds:.3f} s at the most"


def own_time() -> float:
    """Return seconds of a clock that stands still while this thread could go on and others have the processors.

    What the thread sleeps or waits for counts, so an answer that asked somebody is as slow as it was.
    """
    waited = int(WAITED.read_text().split()[1]) if WAITED.exists() else 0
    return time.perf_counter() - waited / 1e9

"""Pages that follow what happens: server-sent events, few at a time and not for long, since each holds a thread."""

import threading
import time
from collections.abc import Callable, Generator, Iterator

EVENT_STREAM = "text/event-stream"
LOOK = 0.1  # seconds between two looks for a change
RENEW = 2.0  # seconds after which figures are sent again, though nothing has changed
LONGEST = 60.0  # seconds of a stream; a page that goes on watching asks again
MOST = 2  # streams of a worker, and no more than a quarter of its threads


# D86: two viewers for each worker.
class Places:
    """Who may watch in this process; a place is given back when its stream ends."""

    def __init__(self, threads: int) -> None:
        self._free = threading.Semaphore(min(MOST, threads // 4))

    def take(self) -> bool:
        """Take a place if there is one."""
        return self._free.acquire(blocking=False)

    def give_back(self) -> None:
        """Give a place back."""
        self._free.release()


class BreakerStream:
    """A stream of pages: one at once, one after each change, one every `RENEW` seconds.

    `make` makes the page, `state` tells what a change is of, and `ending` whether this worker should end. The place is
    given back when the stream is closed, also if nobody has ever read of it.
    """

    def __init__(
        self, places: Places, *, make: Callable[[], bytes], state: Callable[[], object], ending: Callable[[], bool]
    ) -> None:
        self._places: Places | None = places
        self._events = self._run(make, state, ending)

    def __iter__(self) -> Iterator[bytes]:
        return self._events

    def close(self) -> None:
        """End it, and give its place back; twice is once."""
        self._events.close()
        places, self._places = self._places, None
        if places:
            places.give_back()

    def _run(
        self, make: Callable[[], bytes], state: Callable[[], object], ending: Callable[[], bool]
    ) -> Generator[bytes]:
        ends, seen, renew = time.monotonic() + LONGEST, object(), 0.0
        while time.monotonic() < ends and not ending():
            found = state()
            if found != seen or time.monotonic() >= renew:
                seen, renew = found, time.monotonic() + RENEW
                yield _event(make())
            time.sleep(LOOK)


def _event(page: bytes) -> bytes:
    """Return a page as one event."""
    return b"".join(b"data: %s\n" % line for line in page.splitlines()) + b"\n"

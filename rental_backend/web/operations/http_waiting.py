"""Who waits for their client, until when, and what is kept for them meanwhile."""

import resource
import selectors
import time
from collections.abc import Callable, Iterator
from functools import partial

from .http_connection import Connection

SMALL = 2**12  # bytes that one connection may hold whatever others hold
Heard = Callable[[Connection], None]


class Waiting:
    """The connections of a worker that wait; who began to wait first is first. `poller` is asked for once it is there.

    `held` is how many bytes are kept for connections of all kinds.
    """

    def __init__(self, poller: Callable[[], selectors.BaseSelector]) -> None:
        self._poller = poller
        self._conns: dict[Connection, None] = {}
        self.held = 0

    def __len__(self) -> int:
        return len(self._conns)

    def __contains__(self, conn: Connection) -> bool:
        return conn in self._conns

    def wait(self, conn: Connection, event: int, *, heard: Heard, late: Heard, seconds: float) -> None:
        """Call `heard` whenever the client does something, `late` unless something else has begun after `seconds`."""
        conn.heard, conn.late, conn.due = heard, late, time.monotonic() + seconds
        watch = self._poller().modify if conn in self._conns else self._poller().register
        watch(conn.sock, event, partial(self._dispatch, conn))
        self._conns.pop(conn, None)  # who begins to wait anew is the last
        self._conns[conn] = None

    def _dispatch(self, conn: Connection, _sock: object) -> None:
        if conn in self._conns:  # not if what was heard before has ended this one
            conn.heard(conn)

    def leave(self, conn: Connection) -> None:
        """Wait no longer for a client."""
        if conn in self._conns:
            del self._conns[conn]
            self._poller().unregister(conn.sock)

    def tell_late(self) -> None:
        """Call `late` of all who have not been heard of in time."""
        now = time.monotonic()
        for conn in [each for each in self._conns if each.due <= now]:
            if conn in self._conns:
                conn.late(conn)

    def hurry(self, seconds: float) -> None:
        """Wait no longer than that for clients in the middle of nothing."""
        ends = time.monotonic() + seconds
        for conn in self._conns:
            if not conn.arriving and not conn.answer:
                conn.due = min(conn.due, ends)

    def hold(self, conn: Connection, held: int) -> None:
        """Note how many bytes are kept for a connection."""
        self.held += held - conn.held
        conn.held = held

    def heavy(self, but: Connection) -> Iterator[Connection]:
        """Yield all for whom much is kept but one, the longest waiting first."""
        return iter([each for each in self._conns if each is not but and each.held > SMALL])

    def longest(self) -> Connection | None:
        """Return the longest waiting: one that ends if there is any, else one that was never answered."""
        ending = next((each for each in self._conns if each.ending), None)
        new = (each for each in self._conns if not each.served)
        return ending or next(new, None) or next(iter(self._conns), None)


def allow_files(wanted: int) -> int:
    """Allow this process to open so many files, as far as it may, and return how many it has of these."""
    soft, hard = (wanted if limit < 0 else limit for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(wanted, soft)

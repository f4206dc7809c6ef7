"""Which resource was changed when: by this an answer of before a change is told from one of after it.

On one host that is exact, by counters in memory all its workers share: a change is counted after its commit and before
it is answered, and an answer carries the counters as they were before it was read. It needs no clock and no Redis.
Between hosts, and from before a restart, changes are told by marks in Redis, compared by the hosts' clocks with
`SKEW` seconds to spare. A mark that Redis could not take is sent when it is back, by whichever worker is alive.
"""

import time
import uuid
import zlib
from dataclasses import dataclass

from ..resilience import Board
from .cache import Cache

COUNT, LAST, UNSENT, POSITION = range(4)  # words of a row; LAST in microseconds since the epoch
ROWS = 255  # the last row of the board is not a resource's
POLLED = 255
POLL_EVERY = 1.0
SKEW = 1.0
KEEP = 25 * 3600  # longer than any answer is kept
UNKNOWN = 2**62  # a position that no replica ever reaches

TELL = """
local known = redis.call('GET', KEYS[1])
local at = known and string.match(known, '^%S+ (%d+) ')
if at and tonumber(at) > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1
"""  # a mark that comes late does not push out a newer one of another host

Tag = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A change as told to other hosts: by which start of the program, when (microseconds), and at which position."""

    boot: str
    at: int
    position: int

    @classmethod
    def read(cls, packed: bytes | None) -> "Mark | None":
        """Read a mark; None for what is none."""
        try:
            boot, at, position = (packed or b"").decode().split()
            return cls(boot, int(at), int(position))
        except ValueError:
            return None


class Writes:
    """The changes of every resource. `boot` names this start of the program, for all workers of it."""

    def __init__(self, board: Board, cache: Cache) -> None:
        self.boot = uuid.uuid4().hex
        self._board = board
        self._words = board.words
        self.tally = board.page.tally
        self._cache = cache
        self._rows: dict[tuple[str, ...], tuple[int, ...]] = {}

    def rows(self, resources: tuple[str, ...]) -> tuple[int, ...]:
        """Return the rows of resources; two that happen to share one are merely changed together."""
        rows = self._rows.get(resources)
        if rows is None:
            found = {self._board.row(zlib.crc32(name.encode()) % ROWS) for name in resources}
            rows = self._rows[resources] = tuple(sorted(found))
        return rows

    def tag(self, rows: tuple[int, ...]) -> Tag:
        """Return how often these were changed, as far as this host knows."""
        words = self._words
        return tuple([words[row] for row in rows])

    def last(self, rows: tuple[int, ...]) -> float:
        """Return when any of these was last changed, as far as this host knows (seconds since the epoch)."""
        return max((self._words[row + LAST] for row in rows), default=0) / 1e6

    def position(self, rows: tuple[int, ...]) -> int:
        """Return the place in the database's log by which these were last changed."""
        return max((self._words[row + POSITION] for row in rows), default=0)

    def note(self, rows: tuple[int, ...], position: int = UNKNOWN) -> None:
        """Count a change of these that has been committed, or may have been."""
        self._change(rows, int(time.time() * 1e6), position, ours=True)

    def _change(self, rows: tuple[int, ...], at: int, position: int, *, ours: bool) -> None:
        with self._board.page.locked():
            for row in rows:
                self._words[row] += 1
                self._words[row + LAST] = max(self._words[row + LAST], at)
                self._words[row + POSITION] = position
                if ours:
                    self._words[row + UNSENT] = self._words[row]

    def tell(self) -> bool:
        """Send the marks that Redis has not got; return whether it has all. For a thread that may wait."""
        rows = (self._board.row(number) for number in range(ROWS))
        sent = [self._tell(row) for row in rows if self._words[row + UNSENT]]
        return all(sent)

    def _tell(self, row: int) -> bool:
        number, at = self._words[row + UNSENT], self._words[row + LAST]
        mark = f"{self.boot} {at} {self._words[row + POSITION]}"
        if self._cache.run(TELL, [_key(row)], [mark, at, KEEP]) is None:
            return False
        with self._board.page.locked():
            if self._words[row + UNSENT] == number:
                self._words[row + UNSENT] = 0
        return True

    def listen(self) -> None:
        """Take over what other hosts have changed; at most once a second over all workers."""
        now, polled = int(time.monotonic() * 1e6), self._board.row(POLLED)
        if now < self._words[polled] + POLL_EVERY * 1e6:
            return
        self._words[polled] = now
        rows = tuple(self._board.row(number) for number in range(ROWS))
        found = self._cache.get_many([_key(row) for row in rows]) or []
        for row, packed in zip(rows, found, strict=False):
            self._heed(row, packed)

    def marks_of(self, rows: tuple[int, ...]) -> list[str]:
        """Return the keys of these marks in Redis."""
        return [_key(row) for row in rows]

    def heed(self, rows: tuple[int, ...], packed: list[bytes | None]) -> None:
        """Take over marks as they lie in Redis."""
        for row, each in zip(rows, packed, strict=True):
            self._heed(row, each)

    def _heed(self, row: int, packed: bytes | None) -> None:
        mark = Mark.read(packed)
        if mark and mark.boot != self.boot and mark.at > self._words[row + LAST]:
            self._change((row,), mark.at, mark.position, ours=False)


def _key(row: int) -> str:
    return f"rental:written:{row}"

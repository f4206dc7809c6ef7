"""The log of changes: which resource was changed when, and by whom. So no cached response hides a caller's own change.

Within a host this is exact, by counters in memory that all workers share: a change is counted after its commit and
before its response, and a cached response carries the counters as they were before it was read. That needs no clock and
no Redis. Between hosts, and across a restart, changes are published as marks in Redis and compared by the clocks of the
hosts, with `SKEW` seconds of tolerance. A mark that Redis could not take is sent when it is back, by any live worker.
"""

import json
import math
import threading
import time
import uuid
import zlib
from collections.abc import Callable
from functools import cache

from ...resilience import SharedState
from ..redis.cache import Cache
from .change_authors import ChangeAuthors

COUNT, LAST, UNSENT, POSITION = range(4)  # words of a row, before the words of the authors; LAST in milliseconds
ROWS = 255  # the last row of the shared state belongs to no resource
POLLED = 255
POLL_EVERY = 1.0
SKEW = 1.0
KEEP = 25 * 3600  # seconds; longer than any response is kept
STARTS = 8  # starts of the program whose marks are kept apart
UNKNOWN = 2**62  # a position that no replica ever reaches

PUBLISH = """
local known, marks = redis.call('GET', KEYS[1]), {}
local read, found = pcall(cjson.decode, known or '{}')
for boot, mark in pairs(read and type(found) == 'table' and found or {}) do
    if type(mark) == 'table' and type(mark.at) == 'number' and type(mark.who) == 'table' then marks[boot] = mark end
end
local function all(mark, at) mark.who['0'] = math.max(tonumber(mark.who['0']) or 0, at) end
local mine, before = cjson.decode(ARGV[2]), marks[ARGV[1]]
if before and before.who['0'] then all(mine, tonumber(before.who['0'])) end
marks[ARGV[1]] = mine
local boots = {}
for boot in pairs(marks) do table.insert(boots, boot) end
table.sort(boots, function(a, b) return marks[a].at > marks[b].at end)
while #boots > tonumber(ARGV[3]) do
    local oldest = table.remove(boots)
    all(marks[boots[#boots]], marks[oldest].at)
    marks[oldest] = nil
end
local done, text = pcall(cjson.encode, marks)
redis.call('SET', KEYS[1], done and text or cjson.encode({[ARGV[1]] = mine}), 'EX', ARGV[4])
return 1
"""  # each start has a mark of its own; beyond `STARTS`, the changes of the oldest count as everybody's

Version = tuple[int, ...]


class ChangeLog:
    """The changes of every resource. `boot` identifies this start of the program, in all its workers."""

    def __init__(
        self, shared_state: SharedState, redis: Cache, *, position: Callable[[], int | None] | None = None
    ) -> None:
        self.boot = uuid.uuid4().hex
        self._shared_state = shared_state
        self._words = shared_state.words
        self._authors = ChangeAuthors(shared_state.words)
        self.counters = shared_state.memory.counters
        self._cache = redis
        self.rows: Callable[[tuple[str, ...]], tuple[int, ...]] = cache(self._rows_of)
        self._position = position
        self.changed = threading.Event()  # set by each change, for the thread that publishes them
        self._merged: dict[int, bytes] = {}

    def _rows_of(self, resources: tuple[str, ...]) -> tuple[int, ...]:
        """Return the rows of resources. Two resources that happen to share a row merely seem to change together."""
        bases = {self._shared_state.row_base(zlib.crc32(name.encode()) % ROWS) for name in resources}
        return tuple(sorted(bases))

    def version(self, rows: tuple[int, ...]) -> Version:
        """Return the number of changes of each row, as far as this host knows."""
        words = self._words
        return tuple([words[row] for row in rows])

    # D42: hidden only from the caller whose own change it would hide.
    def includes(self, rows: tuple[int, ...], who: int, at: float, version: Version | None) -> bool:
        """Tell whether what was read at a time (seconds since the epoch) includes all changes of the rows by an author.

        `version` is what `version` returned just before the read; None if another start of the program read it.
        """
        if version is not None and version == self.version(rows):
            return True
        read = (at - SKEW) * 1000
        for index, row in enumerate(rows):
            last = self._authors.last_change(row, who)
            if version is None:
                included = read > max(last.at, last.elsewhere)
            else:
                included = version[index] >= last.count and (version[index] >= last.merged or read > last.elsewhere)
            if not included:
                return False
        return True

    def position(self, rows: tuple[int, ...]) -> int:
        """Return the position in the database's log at which the rows were last changed."""
        return max((self._words[row + POSITION] for row in rows), default=0)

    def record(self, rows: tuple[int, ...], who: int, position: int | None = None) -> None:
        """Record a change of the rows by an author, which was committed or may have been.

        From now on no worker shows the author a response from before it. Without a `position` in the database's log it
        is asked for, if there is a replica to be compared with.
        """
        if position is None:
            position = self._position() if self._position else None
        at = math.ceil(time.time() * 1000)
        with self._shared_state.memory.locked():
            for row in rows:
                count = self._words[row] + 1
                self._words[row + LAST] = max(self._words[row + LAST], at)
                self._words[row + POSITION] = UNKNOWN if position is None else position
                self._authors.record(row, who, count, at)
                self._words[row] = count
                self._words[row + UNSENT] = count
        self.changed.set()

    def publish(self) -> bool:
        """Send the marks that Redis does not have; return whether it has all now. For a thread that may wait."""
        rows = (self._shared_state.row_base(number) for number in range(ROWS))
        sent = [self._publish(row) for row in rows if self._words[row + UNSENT]]
        return all(sent)

    def _publish(self, row: int) -> bool:
        number, own = self._words[row + UNSENT], self._authors.own_changes(row)
        mark = {"at": max(own.values()), "position": str(self._words[row + POSITION]), "who": own}
        if self._cache.run(PUBLISH, [_key(row)], [self.boot, json.dumps(mark), STARTS, KEEP]) is None:
            return False
        with self._shared_state.memory.locked():
            if self._words[row + UNSENT] == number:
                self._words[row + UNSENT] = 0
        return True

    def poll(self) -> None:
        """Merge what other hosts have changed; at most once a second over all workers."""
        now, polled = int(time.monotonic() * 1e6), self._shared_state.row_base(POLLED)
        if now < self._words[polled] + POLL_EVERY * 1e6:
            return
        self._words[polled] = now
        rows = tuple(self._shared_state.row_base(number) for number in range(ROWS))
        self.merge(rows, self._cache.get_many(self.mark_keys(rows)) or [None] * ROWS)

    def mark_keys(self, rows: tuple[int, ...]) -> list[str]:
        """Return the keys of the rows' marks in Redis."""
        return [_key(row) for row in rows]

    def merge(self, rows: tuple[int, ...], packed: list[bytes | None]) -> None:
        """Merge marks as Redis stores them."""
        for row, mark in zip(rows, packed, strict=True):
            if mark and self._merged.get(row) != mark:
                self._merge(row, mark)
                self._merged[row] = mark

    def _merge(self, row: int, packed: bytes) -> None:
        try:
            marks = [_read(mark) for boot, mark in json.loads(packed).items() if boot != self.boot]
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):  # not ours
            return
        with self._shared_state.memory.locked():
            count, last = self._words[row] + 1, self._words[row + LAST]
            news = [self._authors.merge(row, who, count) for _, _, who in marks]
            if any(news):
                self._words[row] = count
            at, position, _ = max(marks, key=lambda mark: mark[0], default=(0, 0, {}))
            if at > last:
                self._words[row + LAST], self._words[row + POSITION] = at, position


def _read(mark: dict[str, object]) -> tuple[int, int, dict[int, int]]:
    """Return a mark's time, its position, and the time of the last change by author."""
    who = mark["who"]
    if not isinstance(who, dict):
        raise TypeError("not a mark")
    read = int(str(mark["at"])), int(str(mark["position"])), {int(name): int(at) for name, at in who.items()}
    if not all(0 <= number < 2**63 for number in (*read[:2], *read[2], *read[2].values())):
        raise ValueError("not a mark")
    return read


def _key(row: int) -> str:
    return f"rental:changes:{SharedState.row_number(row)}"

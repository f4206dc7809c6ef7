"""One breaker in shared memory: its state, its counts over all workers, and the operator's order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .shared_memory import BREAKER_WORDS, BREAKERS_AT, BUCKET_WORDS, BUCKETS, TOTAL_WORDS, SharedMemory
from .state_machine import GENERATION_MASK, PackedState

STATE, OPENINGS, SINCE, FAILURE_RUN, PROBES, HEARTBEAT, FAILURE_RUN_BEGAN, STRAGGLERS = range(8)
SUCCESSES, FAILURES, SLOW, RETRIES = range(1, 5)  # words of a bucket, after its second
TOTALS = OPENED, REJECTED, FAILED, SLOWED, PROBED, BULKHEAD_FULL = range(TOTAL_WORDS)
NEVER = -BUCKETS  # the second of an empty bucket: before every window, even right after the boot of a host
CAUSE_AT, REASON_AT, ACTOR_AT, DOWN = 8, 24, 48, 64  # words; the texts have 128, 192 and 128 bytes
EPOCH, SERVER, ENDED = 65, 66, 67  # of `ConnectionEpoch`


def microseconds(seconds: float) -> int:
    """Return a time in seconds as shared memory stores it."""
    return round(seconds * 1e6)


class Text(NamedTuple):
    """A text in shared memory: the word it begins at, and its size in bytes."""

    word: int
    size: int


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator's order: the state, the reason, who gave it, and its end (monotonic seconds, None for no end)."""

    state: str
    reason: str
    actor: str
    until: float | None


class BreakerState:
    """One breaker's words. Counting takes the process's own `lock`, everything else the lock of the shared memory.

    This process counts calls of the generation `counted` that end from `begins` to `ends` in `bucket`.
    """

    def __init__(self, memory: SharedMemory, name: str) -> None:
        self.memory = memory
        self.words = memory.words
        self.number = memory.breaker_number(name)
        self.base = BREAKERS_AT + self.number * BREAKER_WORDS
        self.state_at = self.base + STATE
        self.failure_run_at = self.base + FAILURE_RUN
        self._totals = memory.totals + self.number * TOTAL_WORDS
        self.bucket = 0
        self._reset()
        memory.after_fork.append(self._reset)

    def _reset(self) -> None:
        """Start afresh in a forked child, which has a worker slot and a lock of its own."""
        self.lock = self.memory.locks[self.number]
        self.counted = -1

    def count_total(self, total: int) -> None:
        """Add 1 to one of `TOTALS`, which never reset."""
        self.memory.counters.add(self._totals + total)

    def totals(self) -> list[int]:
        """Return the counts of `TOTALS` since the start, over all workers."""
        return self.memory.counters.totals(self._totals, TOTAL_WORDS)

    @property
    def current(self) -> PackedState:
        """The present state."""
        return PackedState.unpack(self.words[self.state_at])

    @property
    def consecutive_failures(self) -> int:
        """Consecutive failures, over all workers."""
        return self.words[self.failure_run_at]

    @property
    def probes(self) -> int:
        """Consecutive successful probes."""
        return self.words[self.base + PROBES]

    @property
    def since(self) -> float:
        """When the present state began (monotonic seconds)."""
        return self.words[self.base + SINCE] / 1e6

    @property
    def down_since(self) -> float | None:
        """When the breaker stopped admitting calls (monotonic seconds); None while it admits them."""
        return None if self.current.state.admits else self.words[self.base + DOWN] / 1e6

    @property
    def cause(self) -> str:
        """Why the breaker is in its state."""
        return self.read(CAUSE)

    def extend_failure_run(self, began: float) -> int:
        """Count a consecutive failure, of a call that began then, and return their number. The lock must be held."""
        if not self.consecutive_failures:
            self.words[self.base + FAILURE_RUN_BEGAN], self.words[self.base + STRAGGLERS] = microseconds(began), 0
        self.words[self.failure_run_at] += 1
        return self.consecutive_failures

    def end_failure_run(self, began: float, most: int) -> None:
        """End the run of failures by a success of a call that began then. The lock must be held.

        A call that began before the first of the failures does not contradict them and is passed over, but at most
        `most` such calls are: among many calls in flight, a few failures between successes are not a run.
        """
        stragglers_at = self.base + STRAGGLERS
        if microseconds(began) < self.words[self.base + FAILURE_RUN_BEGAN] and self.words[stragglers_at] < most:
            self.words[stragglers_at] += 1
        else:
            self.words[self.failure_run_at] = 0

    def succeed(self, generation: int, now: float) -> None:
        """Count a fast success of this process."""
        with self.lock:
            if self._roll(generation, int(now)):
                self.words[self.bucket + SUCCESSES] += 1

    def count(self, generation: int, now: float, *, failed: bool, slow: bool) -> None:
        """Count a call of this process."""
        with self.lock:
            if not self._roll(generation, int(now)):
                return
            self.words[self.bucket + (FAILURES if failed else SUCCESSES)] += 1
            self.words[self.bucket + SLOW] += slow
        if failed:
            self.count_total(FAILED)
        if slow:
            self.count_total(SLOWED)

    def count_retry(self, generation: int, now: float) -> None:
        """Count a retry of this process."""
        with self.lock:
            if self._roll(generation, int(now)):
                self.words[self.bucket + RETRIES] += 1

    def _roll(self, generation: int, second: int) -> bool:
        """Select the bucket of a second, cleared if it held an older second or counts of an earlier generation.

        Returns False for a straggler, whose generation is already over in this worker slot.
        """
        base = self.memory.own_counters(self.number)
        held = self.words[base]
        behind = held - generation & GENERATION_MASK
        if held < 0 or behind > GENERATION_MASK // 2:
            for bucket in range(BUCKETS):
                self.words[base + 2 + bucket * BUCKET_WORDS] = NEVER
            self.words[base] = generation
        elif behind:
            return False
        at = base + 2 + second % BUCKETS * BUCKET_WORDS
        if self.words[at] != second:
            self.words[at] = NEVER  # not counted while it is being cleared
            for word in range(at + 1, at + BUCKET_WORDS):
                self.words[word] = 0
            self.words[at] = second
        self.counted, self.bucket = generation, at
        self.begins, self.ends = float(second), second + 1.0  # floats, so that the hot path compares like with like
        return True

    def sums(self, generation: int, now: float, window: int) -> tuple[int, int, int, int]:
        """Return (successes, failures, slow, retries) of all workers in the last `window` seconds."""
        words, total = self.words, [0, 0, 0, 0]
        oldest, newest = int(now) - window, int(now)
        for base in self.memory.counters_by_slot(self.number):
            if words[base] != generation:
                continue
            for at in range(base + 2, base + 2 + BUCKETS * BUCKET_WORDS, BUCKET_WORDS):
                if oldest < words[at] <= newest:
                    for kind in range(4):
                        total[kind] += words[at + 1 + kind]
        return total[0], total[1], total[2], total[3]

    def by_worker(self, generation: int, now: float, window: int) -> dict[int, tuple[int, int, int]]:
        """Return (successes, failures, slow) in the last `window` seconds of each live worker, by process id."""
        oldest, newest = int(now) - window, int(now)
        return {
            pid: self._window_sums(base, oldest, newest) if self.words[base] == generation else (0, 0, 0)
            for pid, base in self.memory.live_workers(self.number)
        }

    def _window_sums(self, base: int, oldest: int, newest: int) -> tuple[int, int, int]:
        words, sums = self.words, (0, 0, 0)
        for at in range(base + 2, base + 2 + BUCKETS * BUCKET_WORDS, BUCKET_WORDS):
            if oldest < words[at] <= newest:
                sums = (
                    sums[0] + words[at + SUCCESSES],
                    sums[1] + words[at + FAILURES],
                    sums[2] + words[at + SLOW],
                )
        return sums

    def own_seconds(self, after: int, before: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (second, successes, failures, slow) of this process for each second between, of any generation."""
        words, base = self.words, self.memory.own_counters(self.number)
        for at in range(base + 2, base + 2 + BUCKETS * BUCKET_WORDS, BUCKET_WORDS):
            if after < words[at] < before:
                yield words[at], words[at + SUCCESSES], words[at + FAILURES], words[at + SLOW]

    def last_second(self, generation: int) -> int:
        """Return the second in which any worker last counted a call, or a negative number."""
        stamps = [
            self.words[at]
            for base in self.memory.counters_by_slot(self.number)
            if self.words[base] == generation
            for at in range(base + 2, base + 2 + BUCKETS * BUCKET_WORDS, BUCKET_WORDS)
        ]
        return max(stamps, default=-1)

    def write(self, text: Text, value: str) -> None:
        """Store a text (UTF-8), cut to its size."""
        at = (self.base + text.word) * 8
        data = value.encode()[: text.size].decode(errors="ignore").encode().ljust(text.size, b"\0")
        self.memory.bytes[at : at + text.size] = data

    def read(self, text: Text) -> str:
        """Return a stored text."""
        at = (self.base + text.word) * 8
        return bytes(self.memory.bytes[at : at + text.size]).rstrip(b"\0").decode(errors="replace")

    def operator(self) -> Operator | None:
        """Return the operator's order in force, if any."""
        current = self.current
        if not current.state.by_operator:
            return None
        return Operator(current.state.label, self.read(REASON), self.read(ACTOR), current.until or None)


CAUSE, REASON, ACTOR = Text(CAUSE_AT, 128), Text(REASON_AT, 192), Text(ACTOR_AT, 128)

"""The place of one breaker on the shared page: its state, its counts over all workers, what an operator said."""

from dataclasses import dataclass
from typing import NamedTuple

from .machine import Word
from .page import BUCKET_WORDS, BUCKETS, SLOT_WORDS, SLOTS_AT, Page

STATE, OPENINGS, SINCE, CONSECUTIVE, PROBES, HEARTBEAT = range(6)
CAUSE_AT, REASON_AT, ACTOR_AT = 8, 24, 48  # words; texts are of 128, 192 and 128 bytes


class Text(NamedTuple):
    """A text on the page: the word it begins at, and how many bytes it may have."""

    word: int
    size: int


@dataclass(frozen=True, slots=True)
class Operator:
    """What an operator ordered: the state, why, who, and until when (monotonic seconds, None for no end)."""

    state: str
    reason: str
    actor: str
    until: float | None


class Slot:
    """One breaker's words. Counting is done under the process's own lock, everything else under the page's."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.words = page.words
        self.number = page.slot(name)
        self.base = SLOTS_AT + self.number * SLOT_WORDS
        self.state_at = self.base + STATE
        self.consecutive_at = self.base + CONSECUTIVE
        self._lane = -1
        self._current = (-1, -1)
        self._bucket = 0

    @property
    def word(self) -> Word:
        """The state now."""
        return Word.unpack(self.words[self.state_at])

    def count(self, generation: int, now: float, *, failed: bool, slow: bool) -> None:
        """Count a call of this process in the second of `now`."""
        with self.page.locks[self.number]:
            at = self._bucket
            if self._current != (generation, int(now)) or self._lane != self.page.lane:
                at = self._roll(generation, int(now))
            self.words[at + (2 if failed else 1)] += 1
            if slow:
                self.words[at + 3] += 1

    def count_retry(self, generation: int, now: float) -> None:
        """Count a retry of this process."""
        with self.page.locks[self.number]:
            self.words[self._roll(generation, int(now)) + 4] += 1

    def _roll(self, generation: int, second: int) -> int:
        """Return the bucket of a second, emptied if it held an older one, or counts of another generation."""
        base = self.page.counters(self.number)
        if self.words[base] != generation:
            for bucket in range(BUCKETS):
                self.words[base + 2 + bucket * BUCKET_WORDS] = -1
            self.words[base] = generation
        at = base + 2 + second % BUCKETS * BUCKET_WORDS
        if self.words[at] != second:
            self.words[at] = -1  # not counted while it is emptied
            for word in range(at + 1, at + BUCKET_WORDS):
                self.words[word] = 0
            self.words[at] = second
        self._lane, self._current, self._bucket = self.page.lane, (generation, second), at
        return at

    def sums(self, generation: int, now: float, window: int) -> tuple[int, int, int, int]:
        """Return (successes, failures, slow, retries) of all workers in the last `window` seconds."""
        words, total = self.words, [0, 0, 0, 0]
        oldest, newest = int(now) - window, int(now)
        for base in self.page.lanes(self.number):
            if words[base] != generation:
                continue
            for at in range(base + 2, base + 2 + BUCKETS * BUCKET_WORDS, BUCKET_WORDS):
                if oldest < words[at] <= newest:
                    for kind in range(4):
                        total[kind] += words[at + 1 + kind]
        return total[0], total[1], total[2], total[3]

    def last_second(self, generation: int) -> int:
        """Return the second in which any worker last counted a call, or -1."""
        stamps = [
            self.words[at]
            for base in self.page.lanes(self.number)
            if self.words[base] == generation
            for at in range(base + 2, base + 2 + BUCKETS * BUCKET_WORDS, BUCKET_WORDS)
        ]
        return max(stamps, default=-1)

    def write(self, text: Text, value: str) -> None:
        """Keep a text, cut to its place (UTF-8)."""
        at = (self.base + text.word) * 8
        data = value.encode()[: text.size].decode(errors="ignore").encode().ljust(text.size, b"\0")
        self.page.bytes[at : at + text.size] = data

    def read(self, text: Text) -> str:
        """Return a text."""
        at = (self.base + text.word) * 8
        return bytes(self.page.bytes[at : at + text.size]).rstrip(b"\0").decode(errors="replace")

    def operator(self) -> Operator | None:
        """Return the operator's order in force, if any."""
        word = self.word
        if not word.state.by_operator:
            return None
        return Operator(word.state.label, self.read(REASON), self.read(ACTOR), word.until or None)


CAUSE, REASON, ACTOR = Text(CAUSE_AT, 128), Text(REASON_AT, 192), Text(ACTOR_AT, 128)

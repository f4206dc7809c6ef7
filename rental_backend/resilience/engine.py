"""The engine of a breaker: what is counted, decided and written on the shared page. It knows no pybreaker."""

import random
import threading
import time
from collections.abc import Callable

from . import machine
from .events import Transition, append, events
from .machine import (
    GENERATION_MASK,
    LAST_ADMITTING,
    STATE_BITS,
    STATE_MASK,
    UNTIL_SHIFT,
    Counts,
    Policy,
    State,
    Word,
)
from .page import BUCKETS, Page
from .slot import ACTOR, CAUSE, HEARTBEAT, OPENINGS, PROBES, REASON, SINCE, Operator, Slot
from .verdict import Verdict

Step = Callable[[Word, float], Word | None]


REFUSED = -1
FORCED_OPEN = int(State.FORCED_OPEN)
REFUSING = (int(State.OPEN), int(State.HALF_OPEN), FORCED_OPEN)


def _nobody(before: State, after: State) -> None:
    """Hear of a transition and do nothing."""


class Engine:
    """One breaker on a page. Every process has an object of its own; the page makes them one.

    `clock` is monotonic and the same for all processes; `spread` gives the factor of the jitter. `moved` is called
    after each transition that this process made.
    """

    def __init__(
        self,
        name: str,
        *,
        page: Page | None = None,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
        spread: Callable[[], float] | None = None,
        starts_closed: bool = False,
        moved: Callable[[State, State], None] = _nobody,
    ) -> None:
        self.policy = policy or Policy()
        if not 1 <= self.policy.window <= BUCKETS:
            raise ValueError(f"a window is of 1 to {BUCKETS} seconds")
        self.clock = clock
        self.slot = Slot(page or Page(), name)
        self.words = self.slot.words
        self._state_at, self._consecutive_at = self.slot.state_at, self.slot.consecutive_at
        self.attention = threading.Event()
        self._spread = spread or self._jitter
        self._moved = moved
        if not self.words[self.slot.base + SINCE]:
            self.words[self.slot.state_at] = Word(State.CLOSED if starts_closed else State.OPEN).pack()
            self.words[self.slot.base + SINCE] = max(1, int(clock() * 1e6))
            self.slot.write(CAUSE, "starting")

    def _jitter(self) -> float:
        return random.uniform(1 - self.policy.jitter, 1 + self.policy.jitter)  # noqa: S311 - not a secret

    @property
    def admits(self) -> bool:
        """Whether calls are made."""
        return self.words[self.slot.state_at] & STATE_MASK <= LAST_ADMITTING

    @property
    def untried(self) -> bool:
        """Whether nobody has found out yet, since the page was made, if the dependency is there."""
        word = self.slot.word
        return word.state in (State.OPEN, State.HALF_OPEN) and word.generation < 2

    @property
    def word(self) -> Word:
        """The state in force, after what has run out by itself."""
        word = self.slot.word
        if machine.expired(word, self.clock()):
            self.move(machine.expired, "the operator's order ran out")
            word = self.slot.word
        return word

    @property
    def generation(self) -> int:
        """The number of the present state."""
        return self.words[self.slot.state_at] >> STATE_BITS & GENERATION_MASK

    @property
    def retry_after(self) -> float:
        """Seconds until a probe may close the breaker; 0 while calls are admitted."""
        return machine.retry_after(self.word, self.policy, self.clock())

    @property
    def consecutive(self) -> int:
        """Failures in a row, over all workers."""
        return self.words[self.slot.consecutive_at]

    @property
    def probes(self) -> int:
        """Probes in a row that succeeded."""
        return self.words[self.slot.base + PROBES]

    @property
    def cause(self) -> str:
        """Why the breaker is as it is."""
        return self.slot.read(CAUSE)

    @property
    def since(self) -> float:
        """When the present state began (monotonic seconds)."""
        return self.words[self.slot.base + SINCE] / 1e6

    @property
    def idle(self) -> float:
        """Seconds since any worker's call last succeeded or failed, or the state changed."""
        return self.clock() - max(self.since, float(self.slot.last_second(self.generation)))

    @property
    def operator(self) -> Operator | None:
        """The operator's order in force, if any."""
        _ = self.word  # it may have run out
        return self.slot.operator()

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """The last transitions, of all workers, the oldest first."""
        return events(self.slot.page, self.slot.number)

    def counts(self) -> Counts:
        """Return what happened to the calls of the window, over all workers."""
        return Counts(*self.slot.sums(self.word.generation, self.clock(), self.policy.window)[:3])

    def admit(self) -> int:
        """Return the generation to which a call made now belongs, or REFUSED. Reads one word, takes no lock."""
        packed = self.words[self._state_at]
        state = packed & STATE_MASK
        if not state:
            return packed >> STATE_BITS & GENERATION_MASK
        if state in REFUSING and (state != FORCED_OPEN or not packed >> UNTIL_SHIFT):
            return REFUSED
        word = self.word  # an operator's state may have run out
        return word.generation if word.state.admits else REFUSED

    def succeeded(self, generation: int, now: float) -> None:
        """Count a quick success: the hot path, which writes hardly anything that other workers write."""
        words = self.words
        if words[self._state_at] >> STATE_BITS & GENERATION_MASK == generation:
            self.slot.count(generation, now, failed=False, slow=False)
            if words[self._consecutive_at]:
                words[self._consecutive_at] = 0

    def record(
        self,
        verdict: Verdict,
        generation: int,
        error: BaseException | None,
        seconds: float,
        counted: Callable[[], None] | None = None,
    ) -> bool:
        """Count a call admitted in `generation` that took `seconds`, call `counted`, open if the policy says so.

        Returns whether it counted: not without a verdict, and not when the state has changed since the admission.
        """
        if verdict is Verdict.NONE or generation != self.generation:
            return False
        failed, slow = verdict is Verdict.FAILURE, seconds >= self.policy.slow_seconds
        self.slot.count(generation, self.clock(), failed=failed, slow=slow)
        if not failed:
            self.words[self.slot.consecutive_at] = 0
        else:
            with self.slot.page.locked():  # or of two failures at the same instant one would be lost
                if generation == self.generation:
                    self.words[self.slot.consecutive_at] += 1
        if counted:
            counted()
        if failed or slow:
            self._open_if_due(generation, error)
        return True

    def _open_if_due(self, generation: int, error: BaseException | None) -> None:
        """Open a closed breaker of that generation if the counts of all workers give a reason to."""
        enough = self.consecutive >= self.policy.consecutive  # while the others still call: do not stop to count
        counts = Counts() if enough else self.counts()
        cause = machine.reason_to_open(self.policy, counts, self.consecutive)
        if cause:

            def step(word: Word, now: float) -> Word | None:
                ours = word.state is State.CLOSED and word.generation == generation
                return self.opened(word, now) if ours else None

            self.move(step, cause, error)

    def opened(self, word: Word, now: float) -> Word:
        """Return the word of an opening that lasts longer than the last (within a step)."""
        at = self.slot.base + OPENINGS
        until = now + machine.pause(self.policy, self.words[at], self._spread())
        self.words[at] += 1
        self.words[self.slot.base + PROBES] = 0
        return word.to(State.OPEN, until)

    def closed(self, word: Word) -> Word:
        """Return the word of a closing (within a step)."""
        self.words[self.slot.base + OPENINGS] = self.words[self.slot.base + PROBES] = 0
        return word.to(State.CLOSED)

    def begin_probe(self) -> int | None:
        """Take the lease of the one probe that is due, and return its generation; None if none is, or it is taken."""
        taken: list[int] = []

        def step(word: Word, now: float) -> Word | None:
            if not machine.due(word, now):
                return None
            probing = word.to(State.HALF_OPEN, now + self.policy.probe_lease)
            taken.append(probing.generation)
            return probing

        if machine.due(self.word, self.clock()) and self.move(step, "probing"):
            return taken[0]
        return None

    def end_probe(self, generation: int, error: BaseException | None = None) -> bool:
        """Close after enough probes that succeeded, open again after one that failed; return whether it closed."""

        def step(word: Word, now: float) -> Word | None:
            if word.state is not State.HALF_OPEN or word.generation != generation:
                return None
            if error is not None:
                return self.opened(word, now)
            if self.probes + 1 >= self.policy.probe_successes:
                return self.closed(word)
            self.words[self.slot.base + PROBES] += 1
            return word.to(State.OPEN, now)

        moved = self.move(step, "the probe failed" if error else "the probe succeeded", error)
        return moved and self.admits

    def heartbeat_due(self, interval: float) -> bool:
        """Tell one caller over all workers, once in a while, to look at a closed dependency that nobody uses."""
        now, at = self.clock() * 1000, self.slot.base + HEARTBEAT
        pause = 100 if self.consecutive else interval * 1000
        if not self.admits or now < self.words[at] + pause or (self.idle < interval and not self.consecutive):
            return False
        with self.slot.page.locked():
            if now < self.words[at] + pause:
                return False
            self.words[at] = int(now)
            return True

    def order(self, state: State, *, reason: str, actor: str, ttl: float | None = None) -> bool:
        """Put the breaker into a state for `ttl` seconds, or until the next order; False if it was overtaken."""

        def step(word: Word, now: float) -> Word:
            self.slot.write(REASON, reason)
            self.slot.write(ACTOR, actor)
            return self.closed(word) if state is State.CLOSED else word.to(state, 0.0 if ttl is None else now + ttl)

        return self.move(step, f"{actor}: {reason}")

    def move(self, step: Step, cause: str, error: BaseException | None = None) -> bool:
        """Make the transition that `step` finds for the present word, alone over all workers; False if it finds none.

        The state's word is written last and decides alone: a worker killed on the way there has changed nothing.
        """
        slot, page = self.slot, self.slot.page
        with page.locked():
            packed = self.words[self._state_at]
            before, now = Word.unpack(packed), self.clock()
            after = step(before, now)
            if after is None:
                return False
            self.words[slot.base + SINCE] = max(1, int(now * 1e6))
            self.words[slot.consecutive_at] = 0
            if after.state is State.CLOSED:
                self.words[slot.base + OPENINGS] = self.words[slot.base + PROBES] = 0
            if after.state is not State.HALF_OPEN:
                slot.write(CAUSE, cause)
            wanted = after.pack()
            # A worker that was stopped in here, so that others went on without it, must not undo what they did: it
            # looks once more, and no call stands between the look and the write at which a thread could be put off.
            if self.words[self._state_at] != packed:
                return False
            self.words[self._state_at] = wanted
            kind = type(error).__name__ if error else None
            append(page, slot.number, before.state, after.state, cause=cause, error=kind, now=now)
        self.attention.set()
        self._moved(before.state, after.state)
        return True

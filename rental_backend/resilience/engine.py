"""The engine of a breaker: its state in shared memory, and every transition. It knows no pybreaker."""

import random
import threading
from collections.abc import Callable

from . import breaker_state as at
from . import state_machine as machine
from .breaker_state import SINCE, BreakerState, Operator, microseconds
from .events import Transition, append, events
from .shared_memory import BUCKETS, SharedMemory
from .state_machine import GENERATION_MASK, LAST_ADMITTING, STATE_BITS, STATE_MASK, PackedState, State

Step = Callable[[PackedState, float], PackedState | None]
StateChange = tuple[State, State] | None
Error = BaseException | None

LONGEST_ORDER = 366 * 86400  # seconds
ENDLESS = tuple(
    int(state) for state in State if not state.by_operator
)  # not by an operator, so without an order that expires


class Engine:
    """One breaker. Every process has an engine of its own; the shared memory makes them one.

    `clock` is monotonic and the same for all processes; `jitter` returns a factor for each pause. `on_transition` is
    called after each transition that this process made.
    """

    def __init__(
        self,
        name: str,
        *,
        memory: SharedMemory | None,
        policy: machine.Policy | None,
        clock: Callable[[], float],
        jitter: Callable[[], float] | None,
        starts_closed: bool,
        on_transition: Callable[[State, State], None],
    ) -> None:
        self.policy = policy or machine.Policy()
        if not 1 <= self.policy.window <= BUCKETS:
            raise ValueError(f"a window has 1 to {BUCKETS} seconds")
        self.clock = clock
        self.breaker_state = BreakerState(memory or SharedMemory(), name)
        self.words = self.breaker_state.words
        self._state_at = self.breaker_state.state_at
        self.attention = threading.Event()
        self._jitter = jitter or self._random_jitter
        self._on_transition = on_transition
        base = self.breaker_state.base
        if not self.words[base + SINCE]:
            self.words[self._state_at] = PackedState(State.CLOSED if starts_closed else State.OPEN).pack()
            self.words[base + SINCE] = self.words[base + at.DOWN] = max(1, microseconds(clock()))
            self.breaker_state.write(at.CAUSE, "starting")

    def _random_jitter(self) -> float:
        return random.uniform(1 - self.policy.jitter, 1 + self.policy.jitter)  # noqa: S311 - not a secret

    @property
    def admits(self) -> bool:
        """Whether calls are made."""
        return self.words[self.breaker_state.state_at] & STATE_MASK <= LAST_ADMITTING

    @property
    def never_probed(self) -> bool:
        """Whether no process has probed the dependency since the start."""
        current = self.breaker_state.current
        return current.state in (State.OPEN, State.HALF_OPEN) and current.generation < 2

    @property
    def current(self) -> PackedState:
        """The state in force; an expired order is ended first."""
        current = self.breaker_state.current
        if machine.expired(current, self.clock()):
            self.transition(machine.expired, "the operator's order ran out")
            current = self.breaker_state.current
        return current

    @property
    def label(self) -> str:
        """The name of the state in force."""
        state = self.words[self._state_at] & STATE_MASK
        return machine.LABELS[state] if state in ENDLESS else self.current.state.label

    @property
    def generation(self) -> int:
        """The number of the present state."""
        return self.words[self.breaker_state.state_at] >> STATE_BITS & GENERATION_MASK

    @property
    def retry_after(self) -> float:
        """Seconds until a probe may close the breaker; 0 while calls are admitted."""
        return machine.retry_after(self.current, self.policy, self.clock())

    @property
    def operator(self) -> Operator | None:
        """The operator's order in force, if any."""
        _ = self.current  # the order may have expired
        return self.breaker_state.operator()

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """The last transitions, of all workers, the oldest first."""
        return events(self.breaker_state.memory, self.breaker_state.number)

    def opened(self, current: PackedState, now: float) -> PackedState:
        """Return an open state that lasts longer than the last one. To be called within a step."""
        openings = self.breaker_state.base + at.OPENINGS
        until = now + machine.pause(self.policy, self.words[openings], self._jitter())
        self.words[openings] += 1
        self.words[self.breaker_state.base + at.PROBES] = 0
        return current.to(State.OPEN, until)

    # D17: half-open is a lease.
    def begin_probe(self) -> int | None:
        """Take the lease of the probe that is due, and return its generation; None if none is due or it is taken."""
        taken: list[int] = []

        def step(current: PackedState, now: float) -> PackedState | None:
            if not machine.due(current, now):
                return None
            probing = current.to(State.HALF_OPEN, now + self.policy.probe_lease)
            taken.append(probing.generation)
            return probing

        if machine.due(self.current, self.clock()) and self.transition(step, "probing"):
            self.breaker_state.count_total(at.PROBED)
            return taken[0]
        return None

    def end_probe(self, generation: int, error: Error = None) -> bool:
        """Close after enough successful probes, open again after a failed one; return whether the breaker closed."""

        def step(current: PackedState, now: float) -> PackedState | None:
            if current.state is not State.HALF_OPEN or current.generation != generation:
                return None
            if error is not None:
                return self.opened(current, now)
            if self.breaker_state.probes + 1 >= self.policy.probe_successes:
                return current.to(State.CLOSED)
            self.words[self.breaker_state.base + at.PROBES] += 1
            return current.to(State.OPEN, now)

        return self.transition(step, "the probe failed" if error else "the probe succeeded", error) and self.admits

    def order(self, state: State, *, reason: str, actor: str, ttl: float | None = None) -> bool:
        """Put the breaker into a state for `ttl` seconds, or until the next order; False if another came first."""
        if ttl is not None and not 0 < ttl <= LONGEST_ORDER:
            raise ValueError(f"a TTL is of more than 0 and at most {LONGEST_ORDER} seconds")

        def step(current: PackedState, now: float) -> PackedState:
            self.breaker_state.write(at.REASON, reason)
            self.breaker_state.write(at.ACTOR, actor)
            return current.to(state, 0.0 if ttl is None else now + ttl)

        return self.transition(step, f"{actor}: {reason}", ordered=True)

    def transition(self, step: Step, cause: str, error: Error = None, *, ordered: bool = False) -> bool:
        """Make the transition that `step` returns for the present state, alone over all workers; False without one."""
        with self.breaker_state.memory.locked():
            change = self._transition(step, cause, error, ordered=ordered)
        self.announce(change)
        return change is not None

    def trip(self, generation: int, cause: str, error: Error) -> StateChange:
        """Open the closed breaker of that generation. The lock must be held; `announce` the change when it is not."""

        def step(current: PackedState, now: float) -> PackedState | None:
            ours = current.state is State.CLOSED and current.generation == generation
            return self.opened(current, now) if ours else None

        return self._transition(step, cause, error)

    def _transition(self, step: Step, cause: str, error: Error, *, ordered: bool = False) -> StateChange:
        """Make a transition while the lock is held; return the states before and after it, or None.

        The packed state is written last and alone decides: a worker killed before that has changed nothing.
        """
        stored, packed = self.breaker_state, self.words[self._state_at]
        before, now = PackedState.unpack(packed), self.clock()
        after = step(before, now)
        if after is None:
            return None
        self.words[stored.base + SINCE] = max(1, microseconds(now))
        if before.state.admits:
            self.words[stored.base + at.DOWN] = microseconds(now)
        elif after.state.admits:
            self.words[stored.base + at.EPOCH] += 1  # connections of before the outage are not used again
        self.words[stored.failure_run_at] = 0
        if after.state is State.CLOSED:
            self.words[stored.base + at.OPENINGS] = self.words[stored.base + at.PROBES] = 0
        if after.state is not State.HALF_OPEN:
            stored.write(at.CAUSE, cause)
        wanted = after.pack()
        # A worker that was stopped in here, so that others moved on without it, must not undo what they did. It checks
        # once more; between the check and the write no thread is switched, and D140 says what else can happen there.
        if self.words[self._state_at] != packed:
            return None
        self.words[self._state_at] = wanted
        if before.state.admits and not after.state.admits:
            stored.count_total(at.OPENED)
        kind = type(error).__name__ if error else None
        append(
            stored.memory, stored.number, before.state, after.state, cause=cause, error=kind, now=now, ordered=ordered
        )
        return before.state, after.state

    def announce(self, change: StateChange) -> None:
        """Notify the prober and the listeners of a transition, after the lock is released."""
        if change:
            self.attention.set()
            self._on_transition(*change)

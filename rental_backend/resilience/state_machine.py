"""The state machine of a breaker: pure functions of a packed state, a policy and a time. No I/O, no clock, no lock.

The whole state is one integer of 8 bytes: the state, its generation, and its end. It is read and written atomically, so
no reader ever sees half a transition. Times are seconds of a monotonic clock, stored in whole milliseconds.
"""

import enum
from dataclasses import dataclass

STATE_BITS, GENERATION_BITS = 3, 20
STATE_MASK = (1 << STATE_BITS) - 1
GENERATION_MASK = (1 << GENERATION_BITS) - 1
UNTIL_SHIFT = STATE_BITS + GENERATION_BITS
# D81: while a probe is under way, come back within a second.
PROBE_ANSWERS_WITHIN = 1.0  # seconds within which a probe that keeps its deadlines has a result


class State(enum.IntEnum):
    """The states; those up to METRICS_ONLY admit calls."""

    CLOSED = 0
    FORCED_CLOSED = 1
    METRICS_ONLY = 2
    OPEN = 3
    HALF_OPEN = 4
    FORCED_OPEN = 5

    @property
    def label(self) -> str:
        """The name in responses, logs and events, such as `half-open`."""
        return self.name.lower().replace("_", "-")

    @property
    def admits(self) -> bool:
        """Whether calls are made."""
        return self <= State.METRICS_ONLY

    @property
    def by_operator(self) -> bool:
        """Whether an operator ordered this state."""
        return self in (State.FORCED_CLOSED, State.METRICS_ONLY, State.FORCED_OPEN)


LAST_ADMITTING = int(State.METRICS_ONLY)
LABELS = tuple(state.label for state in State)


# D20: six failures in a row.
@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When a breaker opens, and for how long. Times are in seconds, rates are shares from 0 to 1.

    It opens after `consecutive` failures in a row, or when, of at least `minimum_calls` calls in the last `window`
    seconds, a share of `rate` failed or a share of `slow_rate` took `slow_seconds` or longer. It stays open for
    `open_first`, doubled at every failed probe up to `open_most`. A probe without a result after `probe_lease` is given
    up; `probe_successes` consecutive successful probes close the breaker.
    """

    consecutive: int = 6
    rate: float = 0.3
    minimum_calls: int = 20
    window: int = 10
    slow_seconds: float = 0.5
    slow_rate: float = 0.8
    open_first: float = 0.5
    open_most: float = 3.0
    jitter: float = 0.2
    probe_lease: float = 2.0
    probe_successes: int = 1


@dataclass(frozen=True, slots=True)
class Counts:
    """The results of the calls in the window; slow calls count as successes or failures as well."""

    successes: int = 0
    failures: int = 0
    slow: int = 0

    @property
    def calls(self) -> int:
        """How many calls succeeded or failed."""
        return self.successes + self.failures


@dataclass(frozen=True, slots=True)
class PackedState:
    """A state, its generation, and its end: of the pause, the lease or the TTL (seconds; 0 for no end)."""

    state: State
    generation: int = 0
    until: float = 0.0

    def pack(self) -> int:
        """Return a non-negative integer below 2**63; times are cut to milliseconds."""
        return int(round(self.until * 1000, 3)) << UNTIL_SHIFT | self.generation << STATE_BITS | self.state

    @classmethod
    def unpack(cls, packed: int) -> "PackedState":
        """Read what `pack` wrote."""
        generation = packed >> STATE_BITS & GENERATION_MASK
        return cls(State(packed & STATE_MASK), generation, (packed >> UNTIL_SHIFT) / 1000)

    def to(self, state: State, until: float = 0.0) -> "PackedState":
        """Return the packed state of the next generation."""
        return PackedState(state, self.generation + 1 & GENERATION_MASK, until)


def reason_to_open(policy: Policy, counts: Counts, consecutive: int) -> str | None:
    """Return why a closed breaker must open, or None."""
    if consecutive >= policy.consecutive:
        return f"{consecutive} failures in a row"
    if counts.calls < policy.minimum_calls:
        return None
    if counts.failures >= policy.rate * counts.calls:
        return f"{counts.failures} of {counts.calls} calls failed"
    if counts.slow >= policy.slow_rate * counts.calls:
        return f"{counts.slow} of {counts.calls} calls were slow"
    return None


# D1: an open breaker probes every 3 s at the most.
def pause(policy: Policy, openings: int, jitter: float) -> float:
    """Return the seconds to stay open after `openings` earlier openings; `jitter` is a factor."""
    doubled = policy.open_first * 2 ** min(openings, 30)  # a float holds no more than 2**1023
    return float(min(policy.open_most, doubled) * jitter)


def due(current: PackedState, now: float) -> bool:
    """Tell whether a probe may begin: the pause of an open breaker, or the lease of a half-open one, is over."""
    return current.state in (State.OPEN, State.HALF_OPEN) and now >= current.until


def expired(current: PackedState, now: float) -> PackedState | None:
    """Return the state that follows an operator's state whose TTL has ended, or None if it goes on."""
    if not current.state.by_operator or not current.until or now < current.until:
        return None
    return current.to(State.OPEN, current.until) if current.state is State.FORCED_OPEN else current.to(State.CLOSED)


def retry_after(current: PackedState, policy: Policy, now: float) -> float:
    """Return the seconds until it is worth calling again; 0 while calls are admitted.

    While a probe is under way that is at most PROBE_ANSWERS_WITHIN: the lease is for probes that died.
    """
    if current.state.admits:
        return 0.0
    if current.state is State.HALF_OPEN:
        return min(PROBE_ANSWERS_WITHIN, max(0.0, current.until - now))
    if current.state is State.FORCED_OPEN and not current.until:
        return policy.open_most
    return max(0.0, current.until - now)

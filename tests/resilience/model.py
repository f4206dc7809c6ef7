"""A plain model of the breaker, written from its specification: one process, whole milliseconds, no shared memory."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rental_backend.resilience import Policy

ADMITTING = ("closed", "forced-closed", "metrics-only")
FORCED = ("forced-open", "forced-closed", "metrics-only")
Call = tuple[int, bool, bool]  # the second it ended in, whether it failed, whether it was slow


@dataclass
class Model:
    """What a breaker must be after the same steps; `now` says the time in milliseconds."""

    policy: Policy
    now: Callable[[], int]
    state: str = "closed"
    generation: int = 0
    until: int | None = None  # reopening, end of the lease, or end of the TTL
    openings: int = 0
    streak: int = 0
    row: int = 0  # failures in a row, the first of which began at row_began
    row_began: int = 0
    stragglers: int = 0  # successes passed over because they began before that
    calls: list[Call] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)

    def settle(self) -> None:
        """End an operator's state whose time has come."""
        if self.state in FORCED and self.until is not None and self.now() >= self.until:
            if self.state == "forced-open":
                self.go("open", self.until)
            else:
                self.go("closed")

    def go(self, after: str, until: int | None = None) -> None:
        """Make a transition: a new generation, and its counts begin at nothing."""
        self.moves.append((self.state, after))
        self.state, self.until = after, until
        self.generation += 1
        self.row = 0
        self.calls.clear()
        if after == "closed":
            self.openings = self.streak = 0

    def open(self) -> None:
        """Open for twice as long as the last time since it was closed, up to the most."""
        seconds = min(self.policy.open_most, self.policy.open_first * 2**self.openings)
        self.openings += 1
        self.streak = 0
        self.go("open", self.now() + round(seconds * 1000))

    def admit(self) -> int | None:
        """Return the generation of an admitted call, or None."""
        return self.generation if self.state in ADMITTING else None

    def record(self, outcome: str, generation: int, milliseconds: int) -> None:
        """Count a result; a failure or a slow call may open a closed breaker."""
        if outcome == "none" or generation != self.generation:
            return
        failed, slow = outcome == "failure", milliseconds >= self.policy.slow_seconds * 1000
        self.calls.append((self.now() // 1000, failed, slow))
        self.continue_row(self.now() - milliseconds, failed=failed)
        if self.state == "closed" and (failed or slow) and self.must_open():
            self.open()

    def continue_row(self, began: int, *, failed: bool) -> None:
        """Lengthen the row of failures, or end it; a few successes of earlier calls do not end it."""
        if failed:
            if not self.row:
                self.row_began, self.stragglers = began, 0
            self.row += 1
        elif self.row and began < self.row_began and self.stragglers < self.policy.consecutive:
            self.stragglers += 1
        else:
            self.row = 0

    def must_open(self) -> bool:
        """Tell whether the counts are those of an outage."""
        successes, failures, slow = self.counts()
        calls = successes + failures
        if self.row >= self.policy.consecutive:
            return True
        if calls < self.policy.minimum_calls:
            return False
        return failures / calls >= self.policy.rate or slow / calls >= self.policy.slow_rate

    def counts(self) -> tuple[int, int, int]:
        """Return (successes, failures, slow) of the window."""
        oldest = self.now() // 1000 - self.policy.window
        if self.calls and self.calls[0][0] <= oldest:
            self.calls = [call for call in self.calls if call[0] > oldest]
        failures = sum(failed for _, failed, _ in self.calls)
        return len(self.calls) - failures, failures, sum(slow for _, _, slow in self.calls)

    def begin_probe(self) -> int | None:
        """Take the lease when a probe is due, or the last one's has run out."""
        if self.state not in ("open", "half-open") or self.now() < (self.until or 0):
            return None
        self.go("half-open", self.now() + round(self.policy.probe_lease * 1000))
        return self.generation

    def end_probe(self, generation: int, *, failed: bool) -> bool:
        """End the probe of that generation, unless somebody else decided meanwhile."""
        if self.state != "half-open" or generation != self.generation:
            return False
        if failed:
            self.open()
            return False
        self.streak += 1
        if self.streak < self.policy.probe_successes:
            self.go("open", self.now())
            return False
        self.go("closed")
        return True

    def force(self, state: str, ttl: int | None) -> None:
        """Obey an operator, for `ttl` milliseconds or until the next order."""
        self.go(state, None if ttl is None else self.now() + ttl)

    def retry_after(self) -> int:
        """Return the milliseconds until it is worth asking again."""
        if self.state in ADMITTING:
            return 0
        if self.until is None:
            return round(self.policy.open_most * 1000)
        left = max(0, self.until - self.now())
        return min(1000, left) if self.state == "half-open" else left

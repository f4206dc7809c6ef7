"""Guarded calls: admitted, timed and counted, at no other cost than this file's."""

from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from . import state_machine as machine
from .breaker_state import SUCCESSES
from .engine import Engine, Error, StateChange
from .outcome import Classifier, Outcome
from .state_machine import STATE_BITS, STATE_MASK, UNTIL_SHIFT, State

REFUSED = -1
FORCED_OPEN = int(State.FORCED_OPEN)
REFUSING = (int(State.OPEN), int(State.HALF_OPEN), FORCED_OPEN)


class Calls:
    """The calls of one breaker: admits them, counts their results, and opens the breaker when the policy says so.

    `classify` returns what an error says about the dependency; `refuse` raises the error of a call that is not made.
    `on_counted`, if set, is called with the outcome and the error of each result that is counted.
    """

    def __init__(self, engine: Engine, *, classify: Classifier, refuse: Callable[[], NoReturn]) -> None:
        self.clock = engine.clock
        self.classify = classify
        self.refuse = refuse
        self.on_counted: Callable[[Outcome, Error], None] | None = None
        self.last_duration: float | None = None  # seconds of this process's last call, until it is read
        self._engine = engine
        self._breaker_state, self._words = engine.breaker_state, engine.words
        self._state_at, self._failure_run_at = self._breaker_state.state_at, self._breaker_state.failure_run_at

    def counts(self) -> machine.Counts:
        """Return the results of the calls in the window, over all workers."""
        generation, window = self._engine.current.generation, self._engine.policy.window
        return machine.Counts(*self._breaker_state.sums(generation, self.clock(), window)[:3])

    def admit(self) -> int:
        """Return the generation to which a call made now belongs, or REFUSED. Reads the packed state, takes no lock."""
        packed = self._words[self._state_at]
        state = packed & STATE_MASK
        if not state:
            return packed >> STATE_BITS  # a closed breaker has no end
        if state in REFUSING and (state != FORCED_OPEN or not packed >> UNTIL_SHIFT):
            return REFUSED
        current = self._engine.current  # an operator's order may have expired
        return current.generation if current.state.admits else REFUSED

    def succeeded(self, generation: int, began: float, now: float) -> None:
        """Count a success from `began` to `now`: the hot path, which writes nothing that other workers write to."""
        words = self._words
        self.last_duration = took = now - began
        if (
            words[self._state_at] != generation << STATE_BITS
            or took >= self._engine.policy.slow_seconds
            or self.on_counted is not None
        ):
            self.record(Outcome.SUCCESS, generation, None, took)
            return
        mine = self._breaker_state
        with mine.lock:
            if current := generation == mine.counted and mine.begins <= now < mine.ends:
                words[mine.bucket + SUCCESSES] += 1
        if not current:
            mine.succeed(generation, now)
        if words[self._failure_run_at]:
            self._end_failure_run(generation, began)

    def record(self, outcome: Outcome, generation: int, error: Error = None, seconds: float = 0) -> None:
        """Count a call admitted in `generation` that took `seconds`; open the breaker if the policy says so.

        Does nothing for an outcome of NONE, or when the state has changed since the admission.
        """
        if outcome is Outcome.NONE or generation != self._engine.generation:
            return
        self.last_duration = seconds
        now, change = self.clock(), None
        policy = self._engine.policy
        failed, slow = outcome is Outcome.FAILURE, seconds >= policy.slow_seconds
        self._breaker_state.count(generation, now, failed=failed, slow=slow)
        if failed:
            change = self._extend_failure_run(generation, now - seconds, error)
        elif self._breaker_state.consecutive_failures:
            self._end_failure_run(generation, now - seconds)
        if (failed or slow) and not change:
            cause = machine.reason_to_open(policy, self.counts(), 0)
            if cause:
                with self._breaker_state.memory.locked():
                    change = self._engine.trip(generation, cause, error)
        if self.on_counted:
            self.on_counted(outcome, error)
        self._engine.announce(change)

    # D19: failures in a row are counted under the lock.
    def _extend_failure_run(self, generation: int, began: float, error: Error) -> StateChange:
        """Count a consecutive failure, and open at once if it is one too many: others go on calling meanwhile."""
        with self._breaker_state.memory.locked():  # else one of two simultaneous failures would be lost
            if generation != self._engine.generation:
                return None
            failures = self._breaker_state.extend_failure_run(began)
            cause = machine.reason_to_open(self._engine.policy, machine.Counts(), failures)
            return self._engine.trip(generation, cause, error) if cause else None

    def _end_failure_run(self, generation: int, began: float) -> None:
        """Let a success end the run of failures."""
        with self._breaker_state.memory.locked():
            if generation == self._engine.generation:
                self._breaker_state.end_failure_run(began, self._engine.policy.consecutive)


class Call:
    """One guarded call. Its block may set what the breaker cannot see.

    `contacted` False: the dependency was never reached. `seconds`: how long the dependency took, if that is less than
    the whole block.
    """

    __slots__ = ("_began", "_calls", "_generation", "contacted", "seconds")

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.contacted = True
        self.seconds: float | None = None

    def __enter__(self) -> "Call":
        calls = self._calls
        self._generation = generation = calls.admit()
        if generation < 0:
            calls.refuse()
        self._began = calls.clock()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        calls = self._calls
        now = calls.clock()
        began = self._began if self.seconds is None else now - self.seconds
        if error is not None:
            calls.record(calls.classify(error), self._generation, error, now - began)
        elif self.contacted:
            calls.succeeded(self._generation, began, now)

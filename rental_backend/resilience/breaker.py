"""A circuit breaker: pybreaker's vocabulary, with admission outside any lock and probes instead of trial users."""

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pybreaker

from .verdict import Judge, Verdict, every_exception_fails
from .window import Window

T = TypeVar("T")
CLOSED, HALF_OPEN, OPEN = pybreaker.STATE_CLOSED, pybreaker.STATE_HALF_OPEN, pybreaker.STATE_OPEN


class BreakerOpen(pybreaker.CircuitBreakerError):
    """The call was not made because the breaker is not closed; `retry_after` is in seconds."""

    def __init__(self, breaker: str, retry_after: float) -> None:
        super().__init__(f"{breaker} is not available")
        self.breaker = breaker
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state: which breaker, from where to where, why, and when (monotonic seconds and UTC)."""

    breaker: str
    before: str
    after: str
    cause: str
    error: str | None
    worker: int
    monotonic: float
    at: datetime


class Call:
    """One guarded call in flight; `contacted` is set to False by whoever cannot tell yet that it will be made."""

    __slots__ = ("contacted",)

    def __init__(self) -> None:
        self.contacted = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When a breaker opens and for how long. Times are in seconds, the rate is a share from 0 to 1."""

    consecutive: int = 3
    rate: float = 0.5
    minimum_calls: int = 10
    open_first: float = 0.5
    open_most: float = 3.0
    jitter: float = 0.2


class Breaker(pybreaker.CircuitBreaker):
    """Stops calls to a dependency that fails, and says when to try again.

    Users' calls are admitted only while closed and run outside any lock. Whether an open breaker may close is
    found out by a `Prober`, so recovery needs no traffic and no user waits for it. A result that arrives after the
    state has changed since its admission is ignored. Listeners are pybreaker's; one that raises is counted in
    `listener_faults` and harms nobody.
    """

    def __init__(
        self,
        name: str,
        *,
        judge: Judge = every_exception_fails,
        policy: Policy = Policy(),
        clock: Callable[[], float] = time.monotonic,
        starts_closed: bool = False,
    ) -> None:
        initial = CLOSED if starts_closed else OPEN
        super().__init__(fail_max=policy.consecutive, state_storage=pybreaker.CircuitMemoryStorage(initial), name=name)
        self.policy = policy
        self.events: deque[Transition] = deque(maxlen=200)
        self.listener_faults = 0
        self.rejected = 0
        self.since = clock()
        self.cause = "starting"
        self._judge = judge
        self._clock = clock
        self._word = initial
        self._generation = 0
        self._openings = 0
        self._window = Window()
        self._reopens = self.since
        self._last_result = self.since
        self._attention = threading.Event()

    @property
    def retry_after(self) -> float:
        """Seconds until the next probe may close the breaker; 0 when closed."""
        return 0.0 if self._word == CLOSED else max(0.0, self._reopens - self._clock())

    @property
    def closed(self) -> bool:
        """Whether calls are admitted."""
        return self._word == CLOSED

    @property
    def idle(self) -> float:
        """Seconds since a call last succeeded or failed."""
        return self._clock() - self._last_result

    def counts(self) -> tuple[int, int]:
        """Return (successes, failures) of the last ten seconds in this process."""
        with self._lock:
            return self._window.counts(self._clock())

    def check(self) -> int:
        """Admit a call and return its generation, or raise `BreakerOpen`. Reads one attribute, takes no lock."""
        if self._word != CLOSED:
            self.rejected += 1
            raise BreakerOpen(self._name or "", self.retry_after)
        return self._generation

    @contextmanager
    def guard(self) -> Iterator["Call"]:
        """Admit the block, run it outside any lock, and judge it by the exception it raises.

        Without one it is a success, unless the block told its `Call` that contact is still to be made and never was.
        """
        generation = self.check()
        call = Call()
        try:
            yield call
        except BaseException as error:
            self.record(self._judge(error), generation, error)
            raise
        if call.contacted:
            self.record(Verdict.SUCCESS, generation)

    def call(self, func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call `func` guarded (pybreaker's interface)."""
        with self.guard():
            self._tell("before_call", func, *args, **kwargs)
            return func(*args, **kwargs)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Guard a block (pybreaker's interface)."""
        with self.guard():
            yield

    def record(self, verdict: Verdict, generation: int, error: BaseException | None = None) -> None:
        """Count a verdict of a call admitted in `generation`; open the breaker when the policy says so."""
        if verdict is Verdict.NONE:
            return
        with self._lock:
            if generation != self._generation:
                return
            self._last_result = now = self._clock()
            self._window.record(verdict, now)
            if verdict is Verdict.SUCCESS:
                self._state_storage.reset_counter()
                cause = None
            else:
                self._state_storage.increment_counter()
                cause = self._reason_to_open(now)
        self._tell("success") if verdict is Verdict.SUCCESS else self._tell("failure", error)
        if cause:
            self._move(OPEN, cause, error, expected=generation)

    def _reason_to_open(self, now: float) -> str | None:
        good, bad = self._window.counts(now)
        if self.fail_counter >= self.fail_max:
            return f"{self.fail_counter} failures in a row"
        if good + bad >= self.policy.minimum_calls and bad / (good + bad) >= self.policy.rate:
            return f"{bad} of {good + bad} calls failed"
        return None

    def probe(self, attempt: Callable[[], None]) -> bool:
        """Make the trial call of an open breaker: half-open during it, then closed (True) or open again (False)."""
        generation = self._generation
        if self._word != OPEN or not self._move(HALF_OPEN, "probing", expected=generation):
            return False
        generation += 1
        try:
            attempt()
        except BaseException as error:
            self._move(OPEN, "the probe failed", error, expected=generation)
            if isinstance(error, Exception):
                return False
            raise
        return self._move(CLOSED, "the probe succeeded", expected=generation)

    def open(self) -> bool:
        """Open at once, as if the dependency had failed (pybreaker's interface)."""
        self._move(OPEN, "opened by hand")
        return True

    def half_open(self) -> None:
        """Have the next probe made without delay (pybreaker's interface)."""
        self._reopens = self._clock()
        self.wake()

    def close(self) -> None:
        """Close at once (pybreaker's interface)."""
        self._move(CLOSED, "closed by hand")

    def wait(self, timeout: float) -> None:
        """Block until the breaker opens or somebody calls `wake`, or for `timeout` seconds (the prober's pause)."""
        self._attention.wait(timeout)
        self._attention.clear()

    def wake(self) -> None:
        """End the prober's pause."""
        self._attention.set()

    def _move(self, after: str, cause: str, error: BaseException | None = None, expected: int | None = None) -> bool:
        """Change the state unless it is so already, or somebody else changed it since `expected`."""
        with self._lock:
            before = self._word
            if before == after or (expected is not None and expected != self._generation):
                return False
            self._enter(after, cause)
            event = Transition(
                self._name or "", before, after, cause, type(error).__name__ if error else None,
                os.getpid(), self.since, datetime.now(UTC),
            )  # fmt: skip
            self.events.append(event)
            old, self._state = self._state, self._create_new_state(after)
            new = self._state
        self._tell("state_change", old, new)
        return True

    def _enter(self, after: str, cause: str) -> None:
        """Take on a state; the lock is held."""
        self.since = self._last_result = self._clock()
        self._generation += 1
        if after != HALF_OPEN:
            self.cause = cause
            self._window.clear()
            self._state_storage.reset_counter()
        if after == OPEN:
            doubled = self.policy.open_first * 2 ** min(self._openings, 30)  # a float holds no more than 2**1023
            pause = min(self.policy.open_most, doubled)
            spread = random.uniform(1 - self.policy.jitter, 1 + self.policy.jitter)  # noqa: S311 - not a secret
            self._reopens = self.since + pause * spread
            self._openings += 1
            self.wake()
        elif after == CLOSED:
            self._openings = 0
        self._state_storage.state = self._word = after

    def _tell(self, event: str, *args: Any, **kwargs: Any) -> None:
        """Tell the listeners, each on its own; `event` is the name of pybreaker's method."""
        for listener in tuple(self._listeners):
            try:
                getattr(listener, event)(self, *args, **kwargs)
            except Exception:
                self.listener_faults += 1

"""The engine against a plain model: whatever the order of steps, both are in the same state with the same counts."""

import contextlib
import copy
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from rental_backend.resilience import Breaker, BreakerOpen, Outcome, Policy, SharedMemory

from .clock import Clock
from .model import ADMITTING, FORCED, Model

pytestmark = pytest.mark.long

VERDICTS = {"success": Outcome.SUCCESS, "failure": Outcome.FAILURE, "none": Outcome.NONE}
POLICIES = (
    Policy(),
    Policy(consecutive=3, open_most=30.0),
    Policy(consecutive=1000, minimum_calls=6, rate=0.5),
    Policy(consecutive=1000, rate=1.0, minimum_calls=4, slow_rate=0.5, window=3),
    Policy(consecutive=2, probe_successes=3, probe_lease=0.25, slow_seconds=0.1),
)
MOMENTS = (1, 20, 499, 999, 1000, 3000, 9500, 11_000)
LASTING = (0, 99, 101, 499, 501, 3000)  # milliseconds on the clock, whose floats do not tell 0.5 s from a little less
SAID = (0, 99, 100, 499, 500, 3000)  # milliseconds that are said
ENOUGH = 10  # times each kind of transition must have been met
OUTCOMES = ("success", "failure", "failure", "none")
WORKERS = (0, 1)


def one_of(*choices: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Draw from all combinations at once: a draw costs more than a step."""
    return st.sampled_from(tuple(itertools.product(*choices)))


class Failed(Exception):
    """A failure of the dependency."""


class Mistake(Exception):
    """A failure that says nothing about the dependency."""


ERRORS: dict[str, type[Exception]] = {"failure": Failed, "none": Mistake}


def classify(error: BaseException) -> Outcome:
    """Hold a failure against the dependency, and nothing else."""
    return Outcome.FAILURE if isinstance(error, Failed) else Outcome.NONE


class Comparison(RuleBasedStateMachine):
    """Two workers with one shared memory, and the model; every step is made by one worker and seen by both."""

    steps = 0
    moves: Counter[tuple[str, str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.ms = 1_000_400
        self.clock = Clock(self.ms / 1000)
        self.calls: list[int] = []
        self.probes: list[int] = []

    @initialize(policy=st.sampled_from(POLICIES))
    def begin(self, policy: Policy) -> None:
        """Make the shared memory, and a second view of it that counts in a slot of its own, as another process does."""
        memory = SharedMemory()
        twin = copy.copy(memory)
        twin.worker_slot = -1
        self.workers = [
            Breaker(
                "thing",
                memory=memory,
                policy=policy,
                clock=self.clock,
                classify=classify,
                jitter=lambda: 1.0,
                starts_closed=True,
            )
            for memory in (memory, twin)
        ]
        for each in self.workers:
            each.engine.breaker_state.memory.names = memory.names
        self.model = Model(policy, lambda: self.ms)

    def advance(self, milliseconds: int) -> None:
        """Let time pass for both."""
        self.ms += milliseconds
        self.clock.now = self.ms / 1000
        self.model.settle()

    def made(self, breaker: Breaker, kind: str, lasting: int) -> None:
        """Make one guarded call on the engine alone."""
        with contextlib.suppress(Failed, Mistake), breaker.guard():
            self.advance(lasting)
            if kind != "success":
                raise ERRORS[kind]

    @rule(how=one_of(WORKERS, OUTCOMES, LASTING))
    def call(self, how: tuple[int, str, int]) -> None:
        """Make a call: admitted by both or by neither, and counted by both alike."""
        number, kind, lasting = how
        generation = self.model.admit()
        try:
            self.made(self.workers[number], kind, lasting)
        except BreakerOpen as refused:
            assert generation is None
            assert refused.retry_after == pytest.approx(self.model.retry_after() / 1000, abs=1e-6)
        else:
            assert generation is not None
            self.model.record(kind, generation, lasting)

    @rule(kinds=st.integers(1, 2**14 - 1))
    def burst(self, kinds: int) -> None:
        """Make many quick and slow calls in turn by both workers, none of which takes time."""
        policy = self.model.policy
        for place in range(kinds.bit_length()):
            generation = self.model.admit()
            if generation is None:
                return
            kind = "failure" if kinds >> place & 1 else "success"
            lasting = round(policy.slow_seconds * 1000) - (kinds >> place // 2 & 1)
            breaker = self.workers[place % 2]
            breaker.record(VERDICTS[kind], breaker.check(), None, lasting / 1000)
            self.model.record(kind, generation, lasting)

    @rule(number=st.sampled_from(WORKERS))
    def admit(self, number: int) -> None:
        """Begin a call that ends later, if at all."""
        generation = self.model.admit()
        if generation is None:
            with pytest.raises(BreakerOpen):
                self.workers[number].check()
        else:
            assert self.workers[number].check() == generation
            self.calls.append(generation)

    @rule(how=one_of(WORKERS, range(9), OUTCOMES, SAID))
    def finish(self, how: tuple[int, int, str, int]) -> None:
        """End a call that began earlier, perhaps in another generation."""
        number, which, kind, lasting = how
        if self.calls:
            generation = self.calls.pop(-1 - which % len(self.calls))
            self.workers[number].record(VERDICTS[kind], generation, None, lasting / 1000)
            self.model.record(kind, generation, lasting)

    @rule(milliseconds=st.sampled_from(MOMENTS))
    def wait(self, milliseconds: int) -> None:
        """Let time pass."""
        self.advance(milliseconds)

    @rule(short=st.integers(0, 1))
    def wait_almost_until_due(self, short: int) -> None:
        """Let time pass to the moment at which something runs out, or to just before it."""
        self.wait_until_due(short)

    def wait_until_due(self, short: int) -> None:
        """Let time pass to that moment, less `short` milliseconds."""
        if self.model.until is not None:
            self.advance(max(0, self.model.until - self.ms - short))

    @rule(how=one_of(WORKERS, (True, True, False)))
    def begin_probe(self, how: tuple[int, bool]) -> None:
        """Begin a probe, at once or when it is due, which is ended later or given up."""
        number, patient = how
        if patient and self.model.state in ("open", "half-open"):
            self.wait_until_due(0)
        generation = self.model.begin_probe()
        assert self.workers[number].begin_probe() == generation
        if generation is not None:
            self.probes.append(generation)

    @rule(how=one_of(WORKERS, range(3), (True, False)))
    def end_probe(self, how: tuple[int, int, bool]) -> None:
        """End a probe that began earlier, perhaps one whose lease has run out."""
        number, which, failed = how
        if self.probes:
            generation = self.probes.pop(-1 - which % len(self.probes))
            closed = self.model.end_probe(generation, failed=failed)
            assert self.workers[number].end_probe(generation, Failed() if failed else None) is closed

    @rule(how=one_of(WORKERS, (True, False), (True, False)))
    def probe(self, how: tuple[int, bool, bool]) -> None:
        """Make a whole probe, at once or when it is due."""
        number, failed, patient = how
        if patient and self.model.state in ("open", "half-open"):
            self.wait_until_due(0)
        generation = self.model.begin_probe()
        made: list[int] = []

        def attempt() -> None:
            made.append(1)
            assert self.workers[1 - number].begin_probe() is None
            if failed:
                raise Failed

        closed = self.workers[number].probe(attempt)
        assert len(made) == (generation is not None)
        assert closed is (generation is not None and self.model.end_probe(generation, failed=failed))

    @rule(how=one_of(WORKERS, FORCED, (None, 1, 700, 5000), (False, True)))
    def order(self, how: tuple[int, str, int | None, bool]) -> None:
        """Obey an operator, who may act in the middle of a probe, and change their mind at once."""
        number, state, ttl, amid = how
        if amid:
            self.begin_probe((number, True))
        order = {
            "forced-open": self.workers[number].force_open,
            "forced-closed": self.workers[number].force_closed,
            "metrics-only": self.workers[number].metrics_only,
        }[state]
        order(reason=f"because {ttl}", actor="op", ttl=None if ttl is None else ttl / 1000)
        self.model.force(state, ttl)

    @rule(how=one_of(WORKERS, ("reset", "reset", "reset", "open", "close", "half_open")))
    def by_hand(self, how: tuple[int, str]) -> None:
        """Reset, or move it with pybreaker's names."""
        number, what = how
        breaker, model = self.workers[number], self.model
        if what == "reset":
            breaker.reset(reason="enough", actor="op")
            model.go("closed")
        elif what == "open":
            breaker.open()
            model.open()
        elif what == "close":
            breaker.close()
            if model.state != "closed":
                model.go("closed")
        else:
            breaker.half_open()
            if model.state == "open":
                model.go("open", self.ms)

    @invariant()
    def both_workers_show_what_the_model_says(self) -> None:
        """Compare everything there is to see."""
        type(self).steps += 1
        model = self.model
        first = self.workers[self.steps % 2]
        said = (model.state, model.generation, model.row, model.retry_after())
        for breaker in (first, self.workers[1 - self.steps % 2]):
            seen: Any = (breaker.generation, breaker.fail_counter, breaker.current_state, breaker.retry_after)
            assert (seen[2], seen[0], seen[1], round(seen[3] * 1000, 3)) == said
        counts = first.counts()
        assert (counts.successes, counts.failures, counts.slow) == model.counts()
        order = first.operator
        assert (order and (order.state, order.reason, order.until)) == self.operator()
        assert first.closed == (model.state in ADMITTING)

    def operator(self) -> tuple[str, str, float | None] | None:
        """Say which order the model obeys."""
        model = self.model
        if model.state not in FORCED:
            return None
        return model.state, self.workers[0].operator.reason, None if model.until is None else model.until / 1000  # type: ignore[union-attr]

    def teardown(self) -> None:
        """Keep which transitions were met, and that the ring in shared memory holds the same."""
        model = getattr(self, "model", None)
        if model is not None:
            type(self).moves.update(model.moves)
            told = [(event.before, event.after) for event in self.workers[1].events]
            kept = {
                place
                for probing in (True, False)
                for place in [at for at, move in enumerate(model.moves) if is_probing(move) is probing][-64:]
            }
            assert told == [move for place, move in enumerate(model.moves) if place in kept]


def is_probing(move: tuple[str, str]) -> bool:
    """Tell the beginning of a probe, and what leaves the breaker open after one, from all other transitions."""
    return move[1] == "half-open" or move == ("half-open", "open")


def rare() -> list[tuple[str, str]]:
    """List the transitions that were met too seldom for the comparison to say something about them."""
    wanted = [
        (before, after)
        for before in ("closed", "open", "half-open", *FORCED)
        for after in ("closed", "open", *FORCED)
        if before != after
    ]
    wanted += [("open", "half-open"), ("half-open", "half-open")]
    return [move for move in wanted if Comparison.moves[move] < ENOUGH]


def compare(steps: int, most: int) -> None:
    """Run at least as many steps; fail if one differs, or if after the most steps a transition is still rare.

    A run of Hypothesis leaves some rules out on purpose, so that one in a hundred meets too few orders of some kind
    within the steps asked for: the length follows what was met.
    """
    Comparison.steps = 0
    Comparison.moves = Counter()
    batch = settings(
        max_examples=5,
        stateful_step_count=500,
        database=None,
        deadline=None,
        derandomize=False,  # CI would have each batch try the same, and never meet what the first did not
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    while Comparison.steps < steps or (rare() and Comparison.steps < most):
        run_state_machine_as_test(Comparison, settings=batch)
    assert not rare(), Comparison.moves


def test_the_engine_is_the_model() -> None:
    """Over 3,000 steps and more of calls, late results, time, probes and operators, nothing differs between the two."""
    compare(3_000, most=160_000)


@pytest.mark.full
def test_the_engine_is_the_model_for_long() -> None:
    """Over 1,000,000 steps nothing differs."""
    compare(1_000_000, most=4_000_000)

"""What a fault came to, in figures: pure functions of what clients saw and what breakers did."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.history import Verdict
from tests.faults.load import Seen, quantile
from tests.faults.stage import Transition

CLOSED, HALF_OPEN, OPEN = "closed", "half-open", "open"
TRUE = 1.0  # seconds by which a Retry-After may be off
BARE = "bare"  # what a server that does nothing is asked: how late machine and clients are by themselves


@dataclass(frozen=True, slots=True)
class Course:
    """One run of a fault: from when to when it was there, and everything that was seen. Times are monotonic.

    `returning` is when the first of the roads was open again, all of which are by `ended`: from then on connections
    come back, and answers wait for that. `waiting` is how many calls waited on the road of each breaker, from each
    moment on at which that changed. `capacity` is how many answers a second clients get from the database who never
    pause.
    """

    began: float
    injected: float
    returning: float
    ended: float
    over: float
    seen: Sequence[Seen]
    transitions: Sequence[Transition]
    waiting: Mapping[str, Sequence[tuple[float, int]]]
    capacity: float
    verdict: Verdict
    opens: frozenset[str]

    @property
    def opened(self) -> float | None:
        """When the last of the breakers opened that the fault opens."""
        first: dict[str, float] = {}
        for each in self.transitions:
            if each.after == OPEN and each.at >= self.injected and each.breaker in self.opens:
                first.setdefault(each.breaker, each.at)
        return max(first.values()) if first and first.keys() == self.opens else None

    @property
    def decided(self) -> float | None:
        """When the last opened of all breakers that opened at all: before that, somebody waits for its deadline."""
        first: dict[str, float] = {}
        for each in self.transitions:
            if each.before == CLOSED and self.injected <= each.at < self.ended:
                first.setdefault(each.breaker, each.at)
        return max(first.values(), default=None) if self.opened else None


@dataclass(frozen=True, slots=True)
class BusinessMetrics:
    """What the table shows. Times are in seconds; None where there was nothing to measure."""

    answers: int
    statuses: dict[str, int]
    slowest: float
    p50_before: float
    p99_before: float
    p50_during: float
    p99_degraded: float | None
    p99_bare: float | None
    degraded: int
    stale_share: float
    opened: float | None
    recovered: float
    unplanned: int
    refusals: int
    untrue: int
    probe_share: float
    calm: dict[str, list[int]]
    after_closing: dict[str, list[int]]
    lost: int
    doubled: int
    wrong: int


def figures(course: Course) -> BusinessMetrics:
    """Return the figures of a course."""
    ours = [each for each in course.seen if each.kind != BARE]
    during = [each for each in ours if course.injected <= each.began < course.ended]
    before = [each.took for each in ours if course.began <= each.began < course.injected]
    opened, decided = course.opened, course.decided
    away = [each for each in course.seen if decided and decided < each.began < course.returning]
    degraded = [each.took for each in away if each.kind != BARE and each.began > decided + 0.05 and _is_degraded(each)]
    bare = [each.took for each in away if each.kind == BARE]
    reads = [each for each in during if each.kind == "read"]
    refused = [each for each in ours if each.status == 503]
    verdict = course.verdict
    return BusinessMetrics(
        answers=len(ours),
        statuses=dict(sorted(Counter(_status(each) for each in ours if each.began >= course.injected).items())),
        slowest=max(each.took for each in ours),
        p50_before=quantile(before, 0.5),
        p99_before=quantile(before, 0.99),
        p50_during=quantile([each.took for each in during], 0.5),
        p99_degraded=quantile(degraded, 0.99) if degraded else None,
        p99_bare=quantile(bare, 0.99) if bare else None,
        degraded=len(degraded),
        stale_share=sum("stale" in each.degraded for each in reads) / max(1, len(reads)),
        opened=opened - course.injected if opened else None,
        recovered=recovered(course),
        unplanned=sum(not planned(each) for each in ours),
        refusals=len(refused),
        untrue=sum(not true_to_its_word(each, course.transitions) for each in refused),
        probe_share=_probes(course) / _length(course) / course.capacity,
        calm=_calm(course),
        after_closing=_after_closing(course),
        lost=len(verdict.lost),
        doubled=len(verdict.doubled),
        wrong=sum(len(each) for each in vars(verdict).values()),
    )


def planned(seen: Seen) -> bool:
    """Whether an answer may be given in an outage: a success, or a problem that says when to come back."""
    if seen.status in (200, 201):
        return True
    problem = seen.headers.get("Content-Type") == "application/problem+json"
    return problem and seen.status in (409, 503) and int(seen.headers.get("Retry-After", "0")) >= 1


def true_to_its_word(seen: Seen, transitions: Iterable[Transition]) -> bool:
    """Whether who comes back when a refusal says so, a second sooner or later, finds its dependency looked at or back.

    That is when a probe is under way or the breaker closed at some time within the second before or after. It was said
    at some moment between question and answer; how late the client came to read it is not the refusal's fault.
    """
    dependency = json.loads(seen.body).get("dependency") if seen.body else None
    after = int(seen.headers.get("Retry-After", "0"))
    soonest, latest = seen.began + after - TRUE, seen.ended + after + TRUE
    state, since = CLOSED, 0.0
    for each in sorted(transitions):
        if each.breaker != dependency:
            continue
        if state != OPEN and since <= latest and each.at >= soonest:
            return True
        state, since = each.after, each.at
    return state != OPEN and since <= latest


def untrue(course: Course) -> list[str]:
    """Return a line for each refusal that said a wrong time, with what the breaker did around it."""
    return [
        f"{seen.began:.3f} to {seen.ended:.3f}: {seen.headers.get('Retry-After')} s, {seen.body[:400]!r}; "
        + ", ".join(f"{each.at:.3f} {each.breaker} {each.after}" for each in course.transitions)
        for seen in course.seen
        if seen.status == 503 and not true_to_its_word(seen, course.transitions)
    ]


def recovered(course: Course) -> float:
    """Return the seconds from the end of the fault to the end of the last answer that still suffered from it."""
    suffered = [
        each.ended
        for each in course.seen
        if each.kind != BARE
        and each.began < course.over
        and each.ended > course.ended
        and (each.degraded or each.status not in (200, 201))
    ]
    return max(suffered, default=course.ended) - course.ended


def _is_degraded(seen: Seen) -> bool:
    """Whether it was answered from memory, or refused; other marked answers come from a dependency that works."""
    return "stale" in seen.degraded or seen.status == 503


def _status(seen: Seen) -> str:
    return f"{seen.status} {seen.degraded}".strip() if seen.status else "none"


def _length(course: Course) -> float:
    return max(0.001, course.ended - course.injected)


def _probes(course: Course) -> int:
    """Return how many probes were made during the fault."""
    return sum(each.after == HALF_OPEN and course.injected <= each.at < course.ended for each in course.transitions)


def _calm(course: Course) -> dict[str, list[int]]:
    """Return the most calls that waited at once for each dependency, in each whole second before the fault."""
    seconds = range(1, int(course.injected - course.began) + 1)
    return {
        name: [_most(waiting, course.injected - each, course.injected - each + 1) for each in seconds]
        for name, waiting in course.waiting.items()
    }


def _after_closing(course: Course) -> dict[str, list[int]]:
    """Return the most calls that waited at once for each dependency, in the first second after its breaker closed."""
    return {
        name: [
            _most(waiting, each.at, each.at + 1)
            for each in course.transitions
            if each.breaker == name and each.after == CLOSED and each.at >= course.ended
        ]
        for name, waiting in course.waiting.items()
    }


def _most(waiting: Sequence[tuple[float, int]], start: float, end: float) -> int:
    """Return the most within a span, whose beginning may be in the middle of a call."""
    held = [count for at, count in waiting if at < start][-1:]
    return max([*held, *(count for at, count in waiting if start <= at < end)], default=0)

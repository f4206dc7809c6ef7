"""Watching a live deployment, and telling "this build is broken" from "something that everybody needs is down".

Only what speaks against the build itself makes it broken: the platform lost it, or it answers with errors, or it alone
cannot reach what its neighbour reaches at the same moment. What is not known stays unknown, and is no reason to act.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import quantiles

from deploy.railway.context import Online
from deploy.railway.exits import Exit, NoVerdict
from deploy.railway.model import Deployment, Status
from deploy.railway.platform import Service
from deploy.railway.probe import Health, Probe
from deploy.railway.report import Result

LOOK_EVERY = 10.0
LAST = 5  # looks that are judged together
BAD = 3  # how many of them must be bad
RATIO, TRAFFIC = 0.05, 50.0  # errors among the public's requests, and the least number of those
UNREADABLE = 3


class Verdict(StrEnum):
    """What is known of a deployment."""

    HEALTHY = "healthy"
    BROKEN = "this build is broken"
    SHARED = "a dependency is down for everybody"
    UNKNOWN = "no verdict"


@dataclass(frozen=True)
class Judgement:
    """A verdict and what speaks for it."""

    verdict: Verdict
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """What was seen at one moment: the platform's word (None when it could not be read), the build, its neighbour.

    `reached` names the dependencies that it lacks and that the build had reached before.
    """

    platform: Deployment | None
    here: Health
    elsewhere: Health | None = None
    newer: str | None = None
    reached: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A deployment to be watched: how to ask it, and how to ask the neighbour (the other slot) if there is one.

    `before` are the dependencies that were down before this build came.
    """

    service: Service
    deployment: str
    here: Probe
    elsewhere: Probe | None = None
    before: frozenset[str] = frozenset()


# D71: broken only by what speaks against it alone.
@dataclass
class Watch:
    """The looks so far, judged by what all of them together say."""

    id: str
    before: frozenset[str] = frozenset()
    looks: list[Look] = field(default_factory=list)

    def judge(self) -> Judgement:
        """What is known now."""
        recent = self.looks[-LAST:]
        unread = [look for look in self.looks[-UNREADABLE:] if look.platform is None]
        for judge in (self._lost, self._answers_badly, self._lacks):
            if judgement := judge(recent):
                return judgement
        if len(unread) == UNREADABLE:
            return Judgement(Verdict.UNKNOWN, (f"the platform could not be read {UNREADABLE} times in a row",))
        silent = [look for look in recent if not look.here.good]
        if len(silent) >= BAD:
            return Judgement(Verdict.UNKNOWN, (f"no answer came to {len(silent)} of {len(recent)} questions",))
        return Judgement(Verdict.HEALTHY, self._in_numbers())

    def _lost(self, recent: list[Look]) -> Judgement | None:
        told = next((look.platform for look in reversed(recent) if look.platform), None)
        if newer := next((look.newer for look in recent if look.newer), None):
            return Judgement(Verdict.UNKNOWN, (f"{newer} began after it",))
        if told is None or told.serves or told.status in (Status.UNKNOWN, Status.SLEEPING):
            return None
        if told.status in (Status.CRASHED, Status.FAILED) or told.stopped:
            state = "ended by itself" if told.status is Status.SUCCESS else f"is {told.status}"
            return Judgement(Verdict.BROKEN, (f"the platform says that {self.id} {state}",))
        if told.status in (Status.REMOVED, Status.REMOVING):
            return Judgement(Verdict.UNKNOWN, (f"{self.id} was taken away (it is {told.status})",))
        return None

    def _answers_badly(self, recent: list[Look]) -> Judgement | None:
        bad = [look for look in recent if look.here.bad or self._other(look.here)]
        if len(bad) < BAD:
            return None
        said = f"{len(bad)} of the last {len(recent)} questions were answered wrongly (last: {_told(bad[-1].here)})"
        if any(self._other(look.here) for look in bad):
            return Judgement(Verdict.UNKNOWN, (said, "another deployment answers at this address"))
        beside = [look.elsewhere for look in bad if look.elsewhere]
        if beside and all(health.bad for health in beside):
            return Judgement(Verdict.SHARED, (said, f"the other slot answers as badly ({_told(beside[-1])})"))
        return Judgement(Verdict.BROKEN, (said, *(f"the other slot answers {_told(health)}" for health in beside[-1:])))

    def _lacks(self, recent: list[Look]) -> Judgement | None:
        """Judge what the build finds down in the latest look, if that has lasted for `BAD` looks."""
        if len(recent) < BAD or not all(look.here.good for look in recent[-BAD:]):
            return None
        lasting = frozenset.intersection(*(look.here.down for look in recent[-BAD:]))
        if not lasting:
            return None
        blamed = {name: self._blame(name, recent[-BAD:]) for name in sorted(lasting)}
        evidence = tuple(f"{name}: {why}" for name, (_, why) in blamed.items())
        verdicts = {verdict for verdict, _ in blamed.values()}
        if Verdict.BROKEN in verdicts:
            return Judgement(Verdict.BROKEN, evidence)
        return Judgement(Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.SHARED, evidence)

    def _blame(self, name: str, recent: list[Look]) -> tuple[Verdict, str]:
        """Whose fault it is that this build finds a dependency down."""
        beside = [look.elsewhere for look in recent if look.elsewhere and look.elsewhere.good]
        if beside and all(name in health.down for health in beside):
            return Verdict.SHARED, "the other slot finds it down, too"
        if len(beside) == len(recent) and not any(name in health.down for health in beside):
            return Verdict.BROKEN, "down for this build, while the other slot reaches it at the same moment"
        if name in self.before:
            return Verdict.SHARED, "it was down before this build came"
        if any(name in look.reached or (look.here.good and name not in look.here.down) for look in self.looks):
            return Verdict.SHARED, "this build reached it before, so its settings are right"
        return Verdict.UNKNOWN, "never reached by this build, and there is nobody to compare with"

    def _other(self, health: Health) -> bool:
        return health.good and health.deployment is not None and health.deployment != self.id

    def _in_numbers(self) -> tuple[str, ...]:
        good = [look.here.answer.seconds for look in self.looks if look.here.good]
        if len(good) < 2:
            return (f"{len(good)} of {len(self.looks)} questions answered",)
        slowest = quantiles(good, n=20)[-1] * 1000
        return (f"{len(good)} of {len(self.looks)} questions answered, 95 % of them within {slowest:.0f} ms",)


def watch(
    context: Online, watched: Watched, seconds: float, *, each: Callable[[Look], None] | None = None
) -> Judgement:
    """Look for some seconds, or until the verdict is that something is wrong; `each` hears of every look."""
    ends = context.clock.now() + seconds
    began = context.clock.today()
    state = Watch(watched.deployment, watched.before)
    told = ""
    while True:
        look = _look(context, watched)
        state.looks.append(look)
        if each:
            each(look)
        judgement = state.judge()
        if (line := _line(look)) != told:
            told = line
            context.report.say(line)
        over = context.clock.now() >= (ends if look.here.good else ends + LAST * LOOK_EVERY)  # not while in doubt
        if over and judgement.verdict is Verdict.HEALTHY:
            return _with_traffic(context, watched.service, judgement, began)
        if judgement.verdict is Verdict.BROKEN or over or context.late:
            return judgement
        context.clock.sleep(LOOK_EVERY)


def _look(context: Online, watched: Watched) -> Look:
    here = watched.here.health()
    reached = watched.here.reached() if here.down else frozenset()
    elsewhere = watched.elsewhere.health() if watched.elsewhere else None
    try:
        found = context.railway.deployment(watched.deployment)
        rows = context.railway.deployments(watched.service)
    except NoVerdict:
        return Look(None, here, elsewhere, reached=reached)
    newer = [each.id for each in rows if each.created_at > found.created_at and each.serves]
    return Look(found, here, elsewhere, newer[0] if newer else None, reached)


def _with_traffic(context: Online, service: Service, judgement: Judgement, began: datetime) -> Judgement:
    """The same judgement, unless the public got far more errors since than in as long a time before."""
    now = context.clock.today()
    try:
        since = context.railway.answered(service, began, now)
        before = context.railway.answered(service, began - max(now - began, timedelta(minutes=1)), began)
    except NoVerdict:
        return judgement  # the figures are an extra that not every version of the API has
    share, usual = _errors(since), _errors(before) or 0.0
    if share is None:
        return judgement
    said = f"{share:.1%} of the public's {sum(since.values()):.0f} requests ended in a 5xx, {usual:.1%} before"
    if share > usual + RATIO:
        return Judgement(Verdict.BROKEN, (*judgement.evidence, said))
    return Judgement(judgement.verdict, (*judgement.evidence, said))


def _errors(counts: dict[int, float]) -> float | None:
    """The share of answers from 500 on but 503, which is how the application refuses in an outage; None for little."""
    total = sum(counts.values())
    wrong = sum(count for status, count in counts.items() if status >= 500 and status != 503)
    return wrong / total if total >= TRAFFIC else None


def _told(health: Health) -> str:
    if not health.good:
        return f"{health.answer}{'' if health.answer.from_application else ', not by the application'}"
    return f"deployment {health.deployment}" + (f" without {', '.join(sorted(health.down))}" if health.down else "")


def _line(look: Look) -> str:
    platform = look.platform.status if look.platform else "not readable"
    beside = f"; the other slot: {_told(look.elsewhere)}" if look.elsewhere else ""
    return f"platform: {platform}; it answers: {_told(look.here)}{beside}"


CODES = {Verdict.HEALTHY: Exit.OK, Verdict.UNKNOWN: Exit.NO_VERDICT}


def result(judgement: Judgement, subject: str) -> Result:
    """The judgement as the result of a command. What is shared or broken failed; what to do differs."""
    lines = tuple(f"  {line}" for line in judgement.evidence)
    if judgement.verdict is Verdict.SHARED:
        lines = (*lines, "  A rollback would not mend that; `diagnose` looks further.")
    data = {"verdict": judgement.verdict.name.lower(), "evidence": list(judgement.evidence)}
    code = CODES.get(judgement.verdict, Exit.FAILED)
    return Result(code, f"{subject}: {judgement.verdict}", lines, data)

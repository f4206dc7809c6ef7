"""Deploying a service: fenced, verified, watched, and taken back when this build is broken."""

from dataclasses import dataclass

from deploy.railway.change import Snapshot, begin
from deploy.railway.context import Online
from deploy.railway.exits import Exit, NotLive, ToolError
from deploy.railway.monitor import Verdict, Watched, result, watch
from deploy.railway.platform import Service
from deploy.railway.probe import Probe
from deploy.railway.report import Result
from deploy.railway.revisions import Repository
from deploy.railway.rollback import Rollback, roll_back
from deploy.railway.waiting import until_answering, until_live


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """A deployment to be made: of `commit` (the service's own if None), watched for `soak` seconds."""

    service: Service
    probe: Probe
    repository: Repository
    commit: str | None = None
    soak: float = 300.0
    rollback: bool = True


def deploy(context: Online, wanted: Rollout) -> Result:
    """Deploy, watch, and roll back if the build turns out to be broken."""
    seen = Snapshot.take(context.railway, wanted.service)
    seen.refuse_others()
    live = seen.live
    before = wanted.probe.health()
    name = wanted.service.name
    if context.dry_run:
        what = wanted.commit or "the commit of the service"
        return Result(Exit.OK, f"would deploy {what} to {name}, where {live or 'nothing'} is live")
    context.report.say(
        f"deploying {wanted.commit or 'the commit of the service'} to {name}; live is {live or 'nothing'}"
    )
    made = begin(context, seen, lambda: context.railway.deploy(wanted.service, wanted.commit), commit=wanted.commit).id
    try:
        until_live(context, wanted.service, made)
    except NotLive as error:
        still = f"{live.id} still serves" if live else "nothing serves"
        raise NotLive(f"{error}; {still}, and nothing was rolled back (`diagnose` says why it failed)") from None
    until_answering(context, wanted.probe, made)
    watched = Watched(service=wanted.service, deployment=made, here=wanted.probe, before=before.down)
    judgement = watch(context, watched, wanted.soak)
    found = result(judgement, made)
    if judgement.verdict is not Verdict.BROKEN or not wanted.rollback or live is None:
        return found
    context.report.say(found.summary)
    return _taken_back(context, wanted, found, live.id)


def _taken_back(context: Online, wanted: Rollout, found: Result, good: str | None = None) -> Result:
    """Roll back what was found broken, to the deployment `good` if there is one; the result says both."""
    target = Rollback(service=wanted.service, probe=wanted.probe, repository=wanted.repository, target=good)
    try:
        done = roll_back(context, target)
    except ToolError as error:
        summary = f"{found.summary}; not rolled back: {error}"
        return Result(Exit.HUMAN, summary, found.lines, {**found.data, "rollback": None})
    summary = f"{found.summary}; {done.summary}"
    return Result(Exit.ROLLED_BACK, summary, (*found.lines, *done.lines), {**found.data, "rollback": done.data})

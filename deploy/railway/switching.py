"""The commands on the slots: deploy the idle one, switch to it, and switch back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from deploy.railway import cors
from deploy.railway.change import Snapshot, begin
from deploy.railway.context import Context, Online
from deploy.railway.exits import Blocked, Exit, NeedsHuman, NotLive, NoVerdict, ToolError
from deploy.railway.findings import Finding, Severity, skipped, summary, warned
from deploy.railway.monitor import Verdict, Watched, result, watch
from deploy.railway.report import Result
from deploy.railway.resources import RESOURCES
from deploy.railway.revisions import Repository, refuse_contract_between
from deploy.railway.slots import Slot, Slots, set_active, verify
from deploy.railway.smoke import smoke
from deploy.railway.waiting import until_answering, until_live


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A switch to the idle slot, watched for `soak` seconds; `origins` are those whose browsers must be let in."""

    slots: Slots
    repository: Repository
    origins: Sequence[str] = ()
    soak: float = 300.0
    switch_back: bool = True


def status(slots: Slots) -> Result:
    """Say which slot is active, what each runs, and who really answers the public."""
    public = slots.public.health()
    agreed = slots.active.live is not None and public.deployment == slots.active.live.id
    lines = [
        f"{'active' if slot is slots.active else 'idle':6} {slot.name:5} {_told(slot)}"
        for slot in (slots.active, slots.idle)
    ]
    said = f"the public is answered by {public.deployment or public.answer}"
    code = Exit.OK if agreed else Exit.FAILED
    verdict = f"{slots.active.name} is active" + ("" if agreed else ", but the router does not send the public there")
    return Result(code, verdict, (*lines, said), {**slots.state, "public": public.deployment})


def verified(context: Context, wanted: Switch) -> Result:
    """Check the idle slot through the router: who it is, what it reaches, browsers, and every resource."""
    return summary(_checks(context, wanted), f"{wanted.slots.idle.name} behind the router")


def deploy_idle(context: Online, wanted: Switch, commit: str | None) -> Result:
    """Deploy the idle slot and check it through the router; the public notices nothing."""
    slots = wanted.slots
    seen = Snapshot.take(context.railway, slots.idle.service)
    seen.refuse_others()
    what = f"{commit or 'the commit of the service'} to {slots.idle.name}, which is idle"
    if context.dry_run:
        return Result(Exit.OK, f"would deploy {what}", data=slots.state)
    context.report.say(f"deploying {what}")
    service = slots.idle.service
    made = begin(context, seen, lambda: context.railway.deploy(service, commit), commit=commit)
    live = until_live(context, service, made.id)
    until_answering(context, slots.idle.probe, made.id)
    idle = replace(slots.idle, live=live)
    findings = _checks(context, replace(wanted, slots=replace(slots, idle=idle)))
    findings += _way_back(wanted.repository, slots.active, idle)
    found = summary(findings, f"{made.id} in {idle.name}")
    code = Exit.OK if found.code is Exit.OK else Exit.NOT_LIVE
    return Result(code, found.summary, found.lines, {**found.data, "deployment": made.id, "slot": idle.name})


def switch(context: Online, wanted: Switch, *, back: bool = False) -> Result:
    """Make the idle slot the active one, watch it beside the other, and switch back if it alone is broken."""
    slots = wanted.slots
    checks = _checks(context, wanted)
    if wrong := _wrong(checks):
        raise NotLive(f"{slots.idle.name} cannot take over, nothing was changed: {'; '.join(wrong)}")
    if slots.idle.live is None or (slots.active.live is None and not back):
        raise NeedsHuman(
            f"{slots.active.name} has no deployment that serves; `bluegreen rollback` leaves it all the same"
        )
    refuse_contract_between(wanted.repository, slots.active.commit, slots.idle.commit, context.environ)
    said = f"from {slots.active.name} to {slots.idle.name} ({slots.idle.live.id})"
    if context.dry_run:
        return Result(Exit.OK, f"would switch {said}", tuple(map(str, checks)), slots.state)
    context.report.say(f"switching {said}")
    _turn(context, slots, slots.idle)
    watched = Watched(
        service=slots.idle.service, deployment=slots.idle.live.id, here=slots.public, elsewhere=slots.active.probe
    )
    judgement = watch(context, watched, wanted.soak)
    found = result(judgement, f"switched {said}")
    data = {**found.data, "active": slots.idle.name, "deployment": slots.idle.live.id}
    if judgement.verdict is not Verdict.BROKEN or not wanted.switch_back:
        return Result(found.code, found.summary, found.lines, data)
    return _return(context, wanted, found)


def _return(context: Online, wanted: Switch, found: Result) -> Result:
    """Switch back to the slot that was active, which has been serving all the time."""
    slots = wanted.slots
    context.report.say(f"{found.summary}: switching back to {slots.active.name}")
    try:
        refuse_contract_between(wanted.repository, slots.idle.commit, slots.active.commit, context.environ)
        _turn(context, slots, slots.active)
    except ToolError as error:
        return Result(Exit.HUMAN, f"{found.summary}; not switched back: {error}", found.lines, found.data)
    data = {**found.data, "active": slots.active.name}
    return Result(Exit.ROLLED_BACK, f"{found.summary}; switched back to {slots.active.name}", found.lines, data)


def _turn(context: Online, slots: Slots, to: Slot) -> None:
    """Send the public to a slot, and return when it is answered by that slot's deployment.

    Raises `NotLive` when the router failed and the variable is as before, `NeedsHuman` when nobody can tell.
    """
    if to.live is None:
        raise NeedsHuman(f"no deployment of {to.name} serves")
    seen = Snapshot.take(context.railway, slots.router)
    seen.refuse_others()
    former = slots.active if to is slots.idle else slots.idle
    set_active(context, slots, to.name)
    try:
        made = begin(context, seen, lambda: context.railway.deploy(slots.router, None), commit=None)
    except (Blocked, NoVerdict) as error:  # the router was not deployed, and must not switch at some later deployment
        set_active(context, slots, former.name)
        raise type(error)(f"{former.name} stays active: {error}") from None
    try:
        until_live(context, slots.router, made.id)
    except NotLive as error:
        set_active(context, slots, former.name)
        raise NotLive(f"the router failed ({error}); {former.name} stays active") from None
    except ToolError as error:
        raise NeedsHuman(f"ACTIVE_SLOT is {to.name}, and it is not certain that the router is live: {error}") from None
    try:
        until_answering(context, slots.public, to.live.id)
    except ToolError as error:
        raise NeedsHuman(f"the router is deployed, but does not send the public to {to.name}: {error}") from None


def _checks(context: Context, wanted: Switch) -> list[Finding]:
    """Everything that can be asked of the idle slot; what writes comes last, and only to what is well."""
    found = verify(wanted.slots)
    idle = wanted.slots.idle.probe
    if wanted.origins and not _wrong(found):
        found += cors.check(idle, wanted.origins)
    if not context.environ.get("SMOKE_USERNAME"):
        found.append(skipped("smoke", "SMOKE_USERNAME is not set", "set it and SMOKE_PASSWORD to try every resource"))
    elif not _wrong(found) and not context.dry_run:
        found += smoke(idle, context.environ, RESOURCES, context.report)
    return found


def _wrong(found: Sequence[Finding]) -> list[str]:
    return [str(each) for each in found if each.level is Severity.FAIL]


def _way_back(repository: Repository, active: Slot, idle: Slot) -> Iterator[Finding]:
    """Warn when switching back will be refused, while it can still be thought over."""
    try:
        refuse_contract_between(repository, idle.commit, active.commit, {})
    except NeedsHuman as error:
        yield warned("no-way-back", f"after the switch there is no switching back: {error}")


def _told(slot: Slot) -> str:
    return str(slot.live) if slot.live else "nothing that serves"

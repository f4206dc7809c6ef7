"""Going back to an earlier deployment: only to a known one, only when nothing else happens, and asked for once."""

from dataclasses import dataclass

from deploy.railway.change import Snapshot, begin
from deploy.railway.client import NotDone, Unknown
from deploy.railway.context import Online
from deploy.railway.exits import Exit, NeedsHuman, NoVerdict, ToolError
from deploy.railway.model import Deployment, Status
from deploy.railway.platform import Service
from deploy.railway.probe import Probe
from deploy.railway.report import Result
from deploy.railway.revisions import Repository, refuse_contract_between
from deploy.railway.waiting import until_answering, until_live

ONCE_LIVE = (Status.SUCCESS, Status.REMOVED, Status.REMOVING)


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """A rollback of a service, to `target` or, without one, to the newest earlier deployment that was live."""

    service: Service
    probe: Probe
    repository: Repository
    target: str | None = None
    freeze: bool = False


@dataclass(frozen=True)
class Plan:
    """What is to be done: `current` is left for `target`, if the deployments are still as `seen`."""

    seen: Snapshot
    current: Deployment
    target: Deployment


def plan(context: Online, wanted: Rollback) -> Plan:
    """Choose the target and refuse what cannot be known to be right; changes nothing."""
    seen = Snapshot.take(context.railway, wanted.service)
    seen.refuse_others()
    if not seen.deployments:
        raise NeedsHuman(f"{wanted.service.name} has no deployments")
    current = _current(seen)
    target = _target(seen, current, wanted.target)
    _refuse_unfit(context, target, wanted.service)
    refuse_contract_between(wanted.repository, current.commit, target.commit, context.environ)
    return Plan(seen, current, target)


def _current(seen: Snapshot) -> Deployment:
    """What the public meets: the deployment that serves, else the newest one that was to."""
    attempted = [each for each in seen.deployments if each.status not in (Status.SKIPPED, Status.FAILED)]
    if not attempted:
        raise NeedsHuman("none of the deployments ever went live, so there is nothing to go back to")
    if seen.deployments[0].status is Status.FAILED and attempted[0].serves:
        raise NeedsHuman(
            f"{seen.deployments[0].id} failed before it went live, so {attempted[0].id} still serves: "
            "there is nothing to roll back"
        )
    return attempted[0]


def _target(seen: Snapshot, current: Deployment, named: str | None) -> Deployment:
    if named:
        found = next((each for each in seen.deployments if each.id == named), None)
        if found is None:
            raise NeedsHuman(f"{named} is not among the newest {len(seen.deployments)} deployments of the service")
        if found.id == current.id:
            raise NeedsHuman(f"{named} is the deployment to be left")
        return found
    earlier = [each for each in seen.deployments if each.created_at < current.created_at]
    fit = [each for each in earlier if each.can_rollback and each.status in ONCE_LIVE]
    if not fit:
        raise NeedsHuman("no earlier deployment can be gone back to (images are kept for some days only)")
    same = [each.commit == current.commit for each in earlier]
    if True in same and not all(same[: same.index(True)]):
        raise NeedsHuman(f"{current} itself came of going back, so the one before it was left: name the target by --to")
    return fit[0]


def _refuse_unfit(context: Online, target: Deployment, service: Service) -> None:
    """Ask for the target once more, alone, and refuse it unless everything about it is known and right."""
    found = context.railway.deployment(target.id)
    railway = context.railway
    if (found.project, found.environment, found.service) != (railway.project, railway.environment, service.id):
        raise NeedsHuman(f"{target.id} belongs to something else than {service.name}")
    if found.status not in ONCE_LIVE or not found.can_rollback:
        raise NeedsHuman(f"{found} cannot be gone back to (rollback possible: {found.can_rollback})")
    if (found.commit, found.image) != (target.commit, target.image) or not found.commit:
        raise NeedsHuman(f"it is not certain what {found.id} is made of")


def roll_back(context: Online, wanted: Rollback) -> Result:
    """Go back, and return once the public address is answered by the deployment that came of it.

    Raises a `ToolError` with nothing changed, or `NeedsHuman` when the change was begun and is not known to be right.
    """
    planned = plan(context, wanted)
    said = f"{wanted.service.name}: from {planned.current} to {planned.target}"
    data = {"from": planned.current.id, "to": planned.target.id, "commit": planned.target.commit}
    if context.dry_run:
        return Result(Exit.OK, f"would roll back {said}", data=data)
    context.report.say(f"rolling back {said}")
    made = begin(
        context,
        planned.seen,
        lambda: _ask(context, planned, wanted.service),
        commit=planned.target.commit,
        image=planned.target.image,
    )
    context.report.say(f"{made.id} is what came of it")
    try:
        until_live(context, wanted.service, made.id)
        until_answering(context, wanted.probe, made.id)
    except ToolError as error:
        raise NeedsHuman(f"the rollback to {planned.target.id} was begun and is not verified: {error}") from None
    lines = (*_freeze(context, wanted), "The variables are the target's, too: changes since are gone.")
    return Result(Exit.OK, f"rolled back {said}: {made.id} answers", lines, {**data, "deployment": made.id})


def _ask(context: Online, planned: Plan, service: Service) -> None:
    """The one change. The target may have left the retention of images in the meantime."""
    _refuse_unfit(context, planned.target, service)
    if not context.railway.roll_back(planned.target.id):
        raise Unknown("the platform did not say that it began the rollback")


def _freeze(context: Online, wanted: Rollback) -> tuple[str, ...]:
    """Stop pushes from deploying, where asked for; else warn that the next one does."""
    if not wanted.freeze:
        return ("The next push deploys again what was left: --freeze stops that.",)
    try:
        context.railway.freeze(wanted.service)
    except (NotDone, Unknown, NoVerdict) as error:
        return (f"Deploying by push could not be stopped ({error}): stop it in the service's settings.",)
    return ("Pushes deploy no more until that is switched on in the service's settings.",)

"""Waiting for a deployment to become live, and for the public address to be answered by it."""

from deploy.railway.context import Online
from deploy.railway.exits import Blocked, NotLive, NoVerdict, OutOfTime
from deploy.railway.model import Deployment, Status
from deploy.railway.platform import Service
from deploy.railway.probe import Probe

LOOK_EVERY = 10.0  # seconds; the smallest plan allows 1,000 requests an hour
PROBE_EVERY = 2.0
IN_A_ROW = 3  # good looks that make a deployment live
UNREADABLE = 3  # failed looks, each repeated five times already, after which there is no verdict


def until_live(context: Online, service: Service, id: str) -> Deployment:
    """Return the deployment once it has served three looks long.

    Raises `NotLive` when it ended first, `Blocked` when a newer one began, `NoVerdict` when the platform cannot be
    read, `OutOfTime`. A look that fails says nothing about the deployment.
    """
    good, failed, last = 0, 0, None
    while not context.late:
        try:
            found = _look(context, service, id)
            failed = 0
        except NoVerdict:
            failed += 1
            if failed >= UNREADABLE:
                raise
            context.report.say("the platform cannot be read; that says nothing about the deployment")
            found = None
        if found:
            if found.status is not last:
                context.report.say(f"{service.name}: {id} is {found.status}")
                last = found.status
            _refuse_ended(found)
            good = good + 1 if found.serves else 0
            if good == IN_A_ROW:
                return found
        context.clock.sleep(PROBE_EVERY if good else LOOK_EVERY)
    raise OutOfTime(f"{id} of {service.name} was not live in time; its last state was {last or 'not to be seen'}")


def _look(context: Online, service: Service, id: str) -> Deployment:
    """The deployment now. Raises `Blocked` when it is not the newest any more."""
    found = context.railway.deployment(id)
    rows = context.railway.deployments(service)
    newer = [each for each in rows if each.created_at > found.created_at and each.status is not Status.SKIPPED]
    if newer:
        raise Blocked(f"{newer[0]} of {service.name} began after {id}")
    return found


def _refuse_ended(found: Deployment) -> None:
    if found.status.ended:
        raise NotLive(f"{found} did not become live")
    if found.status is Status.SUCCESS and found.stopped:
        raise NotLive(f"{found} ended by itself")


def until_answering(context: Online, probe: Probe, id: str, *, seconds: float = 180.0) -> None:
    """Return once the address was answered by that deployment three times in a row: the one before it overlaps.

    Raises `OutOfTime`.
    """
    ends = context.clock.now() + seconds
    good, last = 0, "nothing"
    while context.clock.now() < ends:
        seen = probe.health()
        good = good + 1 if seen.good and seen.deployment == id else 0
        last = f"deployment {seen.deployment}" if seen.good else str(seen.answer)
        if good == IN_A_ROW:
            return
        context.clock.sleep(PROBE_EVERY)
    raise OutOfTime(f"{probe.base} was not answered by {id} within {seconds:.0f} s (last: {last})")

"""Two services of the same program behind a router that owns the domain: a variable of it says which one is public.

A custom domain cannot be moved between services without an outage, so it is never moved. A switch is that variable and
one deployment of the router, which overlaps with the one before it while both slots serve.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from deploy.railway.change import Snapshot
from deploy.railway.client import NotDone, Unknown
from deploy.railway.context import Online
from deploy.railway.exits import NeedsHuman, NotLive, NoVerdict, UsageError
from deploy.railway.findings import Finding, failed, passed, warned
from deploy.railway.model import Deployment
from deploy.railway.platform import Service
from deploy.railway.probe import Health, Probe
from deploy.railway.report import secrets_of

ACTIVE, KEY = "ACTIVE_SLOT", "SLOT_KEY"
BLUE, GREEN = "blue", "green"


@dataclass(frozen=True)
class Slot:
    """One of the two: its service, its deployment that serves, its newest one, and how to ask it through the router."""

    name: str
    service: Service
    live: Deployment | None
    newest: Deployment | None
    probe: Probe

    @property
    def commit(self) -> str | None:
        """The version that it runs, or that was the last to be deployed there."""
        told = self.live or self.newest
        return told.commit if told else None


# D73: two slots behind a router.
@dataclass(frozen=True)
class Slots:
    """The router and both slots as they are now; `public` asks whatever slot the router sends the public to."""

    router: Service
    active: Slot
    idle: Slot
    public: Probe

    @property
    def state(self) -> dict[str, str | None]:
        """Which deployment is where, by id."""
        return {
            "active": self.active.name,
            **{slot.name: slot.live.id if slot.live else None for slot in (self.active, self.idle)},
        }


def find(context: Online, names: dict[str, str], base: str | None = None) -> Slots:
    """Look at the services with those names, given for `router`, `blue` and `green`; `base` is the public address."""
    railway = context.railway
    router = railway.service(names["router"])
    variables = railway.variables(router)
    context.report.hide(secrets_of(variables))
    active = variables.get(ACTIVE, "")
    if active not in (BLUE, GREEN):
        raise UsageError(f"{ACTIVE} of {router.name} is neither {BLUE} nor {GREEN}")
    key = variables.get(KEY, "")
    if len(key) < 16:
        raise UsageError(f"{KEY} of {router.name} has fewer than 16 characters, so the idle slot cannot be asked")
    public = context.probe(router, base)

    def slot(name: str) -> Slot:
        service = railway.service(names[name])
        rows = Snapshot.take(railway, service)
        return Slot(name, service, rows.live, rows.newest, Probe(public.base, {"X-Slot": name, "X-Slot-Key": key}))

    return Slots(router, slot(active), slot(GREEN if active == BLUE else BLUE), public)


def verify(slots: Slots) -> list[Finding]:
    """Find out, through the router, whether the idle slot could take over now."""
    idle, active = slots.idle.probe.health(), slots.active.probe.health()
    return [*_identity(slots, idle), *_works(slots, idle), *_compared(slots, idle, active)]


def _identity(slots: Slots, idle: Health) -> Iterator[Finding]:
    name = slots.idle.service.name
    if slots.idle.live is None:
        yield failed("slot-empty", f"no deployment of {name} serves", "bluegreen deploy")
    elif idle.answer.headers.get("X-Slot") != slots.idle.name:
        said = f"the router did not send the question to {slots.idle.name} ({idle.answer})"
        yield failed("slot-not-asked", said, f"deploy the router, so that it has the {KEY} of its variables")
    elif idle.deployment != slots.idle.live.id:
        said = f"{slots.idle.name} is answered by {idle.deployment or idle.answer}, not by {slots.idle.live.id}"
        yield failed("slot-identity", said, "wait for the overlap to end, or deploy the slot again")
    else:
        yield passed("slot-identity", f"{slots.idle.name} is answered by {slots.idle.live}")


def _works(slots: Slots, idle: Health) -> Iterator[Finding]:
    ready = slots.idle.probe.ask("/health/ready")
    if idle.good and ready.status == 200:
        yield passed("slot-ready", f"{slots.idle.name} is ready")
    else:
        yield failed("slot-ready", f"{slots.idle.name} is not ready ({ready})", "diagnose")


def _compared(slots: Slots, idle: Health, active: Health) -> Iterator[Finding]:
    """Compare with the active slot: what both lack is no reason to stay."""
    alone = sorted(idle.down - active.down)
    both = sorted(idle.down & active.down)
    if alone:
        said = f"{slots.idle.name} cannot reach {', '.join(alone)}, which {slots.active.name} reaches"
        yield failed(
            "slot-dependencies", said, f"compare the variables of both (diagnose --service {slots.idle.service.name})"
        )
    elif both:
        yield warned("slot-dependencies", f"{', '.join(both)}: down for both slots", "no build mends that")
    elif idle.good:
        yield passed("slot-dependencies", f"{slots.idle.name} reaches every dependency")


def set_active(context: Online, slots: Slots, name: str) -> None:
    """Write which slot is active into the router's variables, once, and read that it is written.

    Raises `NoVerdict` when nothing was changed, `NeedsHuman` when that cannot be told.
    """
    try:
        context.railway.set_variable(slots.router, ACTIVE, name)
    except NotDone as error:
        raise NoVerdict(f"nothing was changed: {error}") from None
    except Unknown as error:
        context.report.say(f"{error}: looking whether {ACTIVE} was written; it is not written again")
    try:
        written = context.railway.variables(slots.router).get(ACTIVE)
    except NoVerdict as error:
        raise NeedsHuman(
            f"{ACTIVE} of {slots.router.name} may be {name} now, the router was not deployed: {error}"
        ) from None
    if written != name:
        raise NotLive(f"{ACTIVE} of {slots.router.name} is still {written}; the router was not deployed")

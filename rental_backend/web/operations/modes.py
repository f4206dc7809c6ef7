"""Orders of operators to the running service: its mode, and injected faults. Every order is logged for audit.

None of it needs a dependency, for it is meant for outages. Faults can be injected outside production only.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Blueprint
from marshmallow import ValidationError, fields, validate, validates_schema

from ...actor import Actor
from ...fields import Share, Text, Whole
from ...infra.audit_outbox import SecurityEvent
from ...infra.runtime.fault_injection import KINDS, Fault
from ...infra.runtime.modes import Mode
from ...schemas import Payload
from ..endpoint.context import current_services
from ..endpoint.needs import AUTH, Needs
from ..endpoint.pipeline import endpoint

PERMISSION = "SYSTEM_MAINTENANCE"
STEER = Needs(optional=(AUTH,))
LONGEST = 30 * 86400
LONGEST_DRILL = 3600

bp = Blueprint("operations", __name__, url_prefix="/api/operations")
drills = Blueprint("drills", __name__, url_prefix="/api/operations/drills")


class ModeChange(Payload):
    """A mode, the reason, and the duration in seconds.

    Without a duration the mode lasts until the next order. `keep` makes it survive a restart.
    """

    mode = fields.String(required=True, validate=validate.OneOf([each.value for each in Mode]))
    reason = Text(200, 1, required=True)
    seconds = Whole(1, LONGEST, load_default=None)
    keep = fields.Boolean(load_default=False)


class DrillOrder(Payload):
    """A kind of fault, the share of calls that fail, the reason, and the duration in seconds.

    `latency` is in seconds.
    """

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    share = Share(validate=validate.Range(0, 1, min_inclusive=False), load_default=1.0)
    latency = Share(validate=validate.Range(0, 60), load_default=0.0)
    reason = Text(200, 1, required=True)
    seconds = Whole(1, LONGEST_DRILL, required=True)

    @validates_schema
    def want_latency(self, said: dict[str, object], **_: object) -> None:
        """Require a latency for faults of the kind latency."""
        if said.get("kind") == "latency" and not said.get("latency"):
            raise ValidationError({"latency": ["Required for this kind."]})


def mode_now() -> dict[str, Any]:
    """Return the mode in force. An order adds its reason, operator, start and remaining seconds."""
    modes = current_services().modes
    order = modes.order
    said: dict[str, Any] = {"mode": modes.current.value}
    if order:
        left = order.seconds_left
        said |= {"reason": order.reason, "actor": order.actor, "since": order.since, "kept": order.kept}
        said["seconds_left"] = None if left is None else round(left, 1)
    return said


def drills_now() -> dict[str, Any]:
    """Return the faults that are injected now, by breaker."""
    return {name: _shown(fault) for name, fault in current_services().fault_injection.active.items()}


def _shown(fault: Fault) -> dict[str, Any]:
    said = asdict(fault)
    del said["until"]
    return {**said, "seconds_left": round(fault.seconds_left, 1)}


def journal_order(actor: Actor, action: str, name: str, details: Mapping[str, object]) -> None:
    """Record what an operator ordered, for the audit log."""
    event = SecurityEvent(actor=actor, action=action, resource="operations", resource_id=name, details=dict(details))
    current_services().audit_outbox.write(event)


@bp.get("/mode")
@endpoint(needs=STEER, permission=PERMISSION)
def show_mode() -> dict[str, Any]:
    """Show the mode of the service."""
    return mode_now()


@bp.put("/mode")
@endpoint(needs=STEER, permission=PERMISSION, accepts=ModeChange(), modes=tuple(Mode))
def set_mode(actor: Actor, mode: str, reason: str, seconds: int | None, keep: bool) -> dict[str, Any]:
    """Change the mode of the service. The mode applies to all workers of this host at once."""
    before = current_services().modes.current.value
    order = current_services().modes.set(Mode(mode), reason=reason, actor=actor.name, seconds=seconds, keep=keep)
    details = {"before": before, "after": mode, "reason": reason, "seconds": seconds, "kept": order.kept}
    journal_order(actor, "MODE_CHANGED", "mode", details)
    return mode_now()


@drills.get("/")
@endpoint(needs=STEER, permission=PERMISSION)
def show_drills() -> dict[str, Any]:
    """List injected faults by dependency."""
    return drills_now()


@drills.put("/<name>")
@endpoint(needs=STEER, permission=PERMISSION, accepts=DrillOrder(), modes=tuple(Mode))
def begin_drill(
    actor: Actor, name: str, kind: str, share: float, latency: float, reason: str, seconds: int
) -> dict[str, Any]:
    """Inject a fault into a dependency.

    Calls of the dependency fail in all workers of this host. An unknown breaker is 404.
    """
    fault = current_services().fault_injection.order(
        name, kind=kind, share=share, latency=latency, reason=reason, actor=actor.name, seconds=seconds
    )
    order = {"kind": kind, "share": share, "latency": latency, "reason": reason, "seconds": seconds}
    journal_order(actor, "DRILL_BEGUN", name, order)
    return _shown(fault)


@drills.delete("/<name>")
@endpoint(needs=STEER, permission=PERMISSION, modes=tuple(Mode))
def end_drill(actor: Actor, name: str) -> None:
    """Stop the injected fault of a dependency."""
    current_services().fault_injection.end(name)
    journal_order(actor, "DRILL_ENDED", name, {})

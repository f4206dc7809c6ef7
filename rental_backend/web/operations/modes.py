"""What an operator does to the running service: its mode, and faults on purpose. Every order is journalled.

None of it needs a dependency, for it is meant for outages. Drills are served outside production only.
"""

from dataclasses import asdict
from typing import Any

from flask import Blueprint
from marshmallow import ValidationError, fields, validate, validates_schema

from ...actor import Actor
from ...infra.audit_outbox import SecurityEvent
from ...infra.runtime.fault_injection import KINDS, Fault
from ...infra.runtime.modes import Mode
from ...schemas import Payload, Text
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
    """A mode, why, for how long (seconds; without, until the next order), and whether it survives a restart."""

    mode = fields.String(required=True, validate=validate.OneOf([each.value for each in Mode]))
    reason = Text(200, 1, required=True)
    seconds = fields.Integer(validate=validate.Range(1, LONGEST), load_default=None)
    keep = fields.Boolean(load_default=False)


class DrillOrder(Payload):
    """How a share of a dependency's calls is to fail, why, and for how long; latency in seconds."""

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    share = fields.Float(validate=validate.Range(0, 1, min_inclusive=False), load_default=1.0)
    latency = fields.Float(validate=validate.Range(0, 60), load_default=0.0)
    reason = Text(200, 1, required=True)
    seconds = fields.Integer(required=True, validate=validate.Range(1, LONGEST_DRILL))

    @validates_schema
    def want_latency(self, said: dict[str, Any], **_: Any) -> None:
        """Refuse a latency of nothing."""
        if said.get("kind") == "latency" and not said.get("latency"):
            raise ValidationError({"latency": ["Required for this kind."]})


def mode_now() -> dict[str, Any]:
    """Return the mode in force and, if an operator ordered it, why, who, since when, and for how long still."""
    modes = current_services().modes
    order = modes.order
    said: dict[str, Any] = {"mode": modes.current.value}
    if order:
        left = order.seconds_left
        said |= {"reason": order.reason, "actor": order.actor, "since": order.since, "kept": order.kept}
        said["seconds_left"] = None if left is None else round(left, 1)
    return said


def drills_now() -> dict[str, Any]:
    """Return the faults that are practised now, by breaker."""
    return {name: _shown(fault) for name, fault in current_services().drills.active.items()}


def _shown(fault: Fault) -> dict[str, Any]:
    said = asdict(fault)
    del said["until"]
    return {**said, "seconds_left": round(fault.seconds_left, 1)}


def journal_order(actor: Actor, action: str, name: str, details: dict[str, Any]) -> None:
    """Write down what somebody ordered of the thing of that name, and how."""
    event = SecurityEvent(actor=actor, action=action, resource="operations", resource_id=name, details=details)
    current_services().journal.write(event)


@bp.get("/mode")
@endpoint(needs=STEER, permission=PERMISSION)
def show_mode() -> dict[str, Any]:
    """Return the mode in force."""
    return mode_now()


@bp.put("/mode")
@endpoint(needs=STEER, permission=PERMISSION, accepts=ModeChange(), modes=tuple(Mode))
def set_mode(actor: Actor, mode: str, reason: str, seconds: int | None, keep: bool) -> dict[str, Any]:
    """Put all workers of this host into a mode, at once."""
    before = current_services().modes.current.value
    order = current_services().modes.set(Mode(mode), reason=reason, actor=actor.name, seconds=seconds, keep=keep)
    details = {"before": before, "after": mode, "reason": reason, "seconds": seconds, "kept": order.kept}
    journal_order(actor, "MODE_CHANGED", "mode", details)
    return mode_now()


@drills.get("/")
@endpoint(needs=STEER, permission=PERMISSION)
def show_drills() -> dict[str, Any]:
    """Return the faults that are practised now, by breaker."""
    return drills_now()


@drills.put("/<name>")
@endpoint(needs=STEER, permission=PERMISSION, accepts=DrillOrder(), modes=tuple(Mode))
def begin_drill(actor: Actor, name: str, **order: Any) -> dict[str, Any]:
    """Let calls of a dependency fail in all workers of this host; 404 if there is no such breaker."""
    fault = current_services().drills.order(name, actor=actor.name, **order)
    journal_order(actor, "DRILL_BEGUN", name, order)
    return _shown(fault)


@drills.delete("/<name>")
@endpoint(needs=STEER, permission=PERMISSION, modes=tuple(Mode))
def end_drill(actor: Actor, name: str) -> None:
    """Let a dependency work again."""
    current_services().drills.end(name)
    journal_order(actor, "DRILL_ENDED", name, {})

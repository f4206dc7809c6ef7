"""How much the running service logs, as an operator orders it: for a while, and in all workers at once."""

from typing import Any

from flask import Blueprint
from marshmallow import fields, validate

from ...actor import Actor
from ...config import LOG_LEVELS
from ...infra.runtime.modes import Mode
from ...schemas import Payload, Text
from ..endpoint.context import current_services
from ..endpoint.pipeline import endpoint
from .modes import PERMISSION, STEER, journal_order

USUAL, LONGEST = 600, 86400  # seconds

bp = Blueprint("log_level", __name__, url_prefix="/api/operations/log-level")


class LevelChange(Payload):
    """The least level to be logged, why, and for how long (seconds); then that of LOG_LEVEL counts again."""

    level = fields.String(required=True, validate=validate.OneOf(LOG_LEVELS))
    reason = Text(200, 1, required=True)
    seconds = fields.Integer(validate=validate.Range(1, LONGEST), load_default=USUAL)


def _now() -> dict[str, Any]:
    """Return the level in force and, if an operator ordered it, why, who, since when, and for how long still."""
    levels = current_services().log_level
    said: dict[str, Any] = {"level": levels.current, "usual": levels.default}
    if order := levels.order:
        said |= {"reason": order.reason, "actor": order.actor, "since": order.since}
        said["seconds_left"] = round(order.seconds_left, 1)
    return said


@bp.get("/")
@endpoint(needs=STEER, permission=PERMISSION)
def show_log_level() -> dict[str, Any]:
    """Return the level in force."""
    return _now()


@bp.put("/")
@endpoint(needs=STEER, permission=PERMISSION, accepts=LevelChange(), modes=tuple(Mode))
def set_log_level(actor: Actor, level: str, reason: str, seconds: int) -> dict[str, Any]:
    """Have all workers of this host log at a level, at once and for a while."""
    levels = current_services().log_level
    before = levels.current
    levels.set(level, reason=reason, actor=actor.name, seconds=seconds)
    details = {"before": before, "after": level, "reason": reason, "seconds": seconds}
    journal_order(actor, "LOG_LEVEL_CHANGED", "log-level", details)
    return _now()

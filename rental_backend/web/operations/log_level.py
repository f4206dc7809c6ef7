"""The log level of the running service: an operator changes it for a while, in all workers at once."""

from typing import Any

from flask import Blueprint
from marshmallow import fields, validate

from ...actor import Actor
from ...config import LOG_LEVELS
from ...fields import Text, Whole
from ...infra.runtime.modes import Mode
from ...schemas import Payload
from ..endpoint.context import current_services
from ..endpoint.pipeline import endpoint
from .modes import PERMISSION, STEER, journal_order

USUAL, LONGEST = 600, 86400  # seconds

bp = Blueprint("log_level", __name__, url_prefix="/api/operations/log-level")


class LevelChange(Payload):
    """The lowest level that is logged, the reason, and the duration in seconds. Afterwards LOG_LEVEL applies again."""

    level = fields.String(required=True, validate=validate.OneOf(LOG_LEVELS))
    reason = Text(200, 1, required=True)
    seconds = Whole(1, LONGEST, load_default=USUAL)


def _now() -> dict[str, Any]:
    """Return the level in force. An order adds its reason, operator, start and remaining seconds."""
    levels = current_services().log_level
    said: dict[str, Any] = {"level": levels.current, "usual": levels.default}
    if order := levels.order:
        said |= {"reason": order.reason, "actor": order.actor, "since": order.since}
        said["seconds_left"] = round(order.seconds_left, 1)
    return said


@bp.get("/")
@endpoint(needs=STEER, permission=PERMISSION)
def show_log_level() -> dict[str, Any]:
    """Show the log level."""
    return _now()


@bp.put("/")
@endpoint(needs=STEER, permission=PERMISSION, accepts=LevelChange(), modes=tuple(Mode))
def set_log_level(actor: Actor, level: str, reason: str, seconds: int) -> dict[str, Any]:
    """Change the log level for a time. The level applies to all workers of this host at once."""
    levels = current_services().log_level
    before = levels.current
    levels.set(level, reason=reason, actor=actor.name, seconds=seconds)
    details = {"before": before, "after": level, "reason": reason, "seconds": seconds}
    journal_order(actor, "LOG_LEVEL_CHANGED", "log-level", details)
    return _now()

"""What an operator orders of a breaker: to refuse, to let everything through, to count only, or to begin anew.

An order is in force in all workers of the host when it is answered, ends by itself, and is journalled. It needs no
dependency. Whoever orders proves it by a token in the `Authorization` header, which no other site's page can send.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint
from marshmallow import fields, validate

from ...actor import Actor
from ...errors import Conflict, NotFound
from ...infra.runtime.modes import Mode
from ...resilience import Breaker
from ...schemas import Payload, Text
from ..endpoint.context import current_services
from ..endpoint.pipeline import endpoint
from .breakers_report import order_told
from .modes import PERMISSION, STEER, journal_order

LONGEST = 86400
REASON = 150  # letters; beside the operator's name they fit into the cause that events keep, if they are short
TRIES = 3
STATES = {
    "forced-open": Breaker.force_open,
    "forced-closed": Breaker.force_closed,
    "metrics-only": Breaker.metrics_only,
}

bp = Blueprint("breaker_orders", __name__, url_prefix="/api/operations/breakers")


class BreakerOrder(Payload):
    """A state, why, and for how long (seconds): forced-open refuses every call, the others let every call through."""

    state = fields.String(required=True, validate=validate.OneOf(list(STATES)))
    reason = Text(REASON, 1, required=True)
    seconds = fields.Integer(required=True, validate=validate.Range(1, LONGEST))


class BreakerReset(Payload):
    """Why a breaker is to close and forget what it has counted."""

    reason = Text(REASON, 1, required=True)


@bp.get("/")
@endpoint(needs=STEER, permission=PERMISSION)
def show_orders() -> dict[str, Any]:
    """Return the state of each breaker by its name, and the order in force on it, if any."""
    return {name: _shown(breaker) for name, breaker in current_services().guards.items()}


# D85: orders come with a token in a header.
@bp.put("/<name>")
@endpoint(needs=STEER, permission=PERMISSION, accepts=BreakerOrder(), modes=tuple(Mode), raises=(Conflict,))
def order_breaker(actor: Actor, name: str, state: str, reason: str, seconds: int) -> dict[str, Any]:
    """Put a breaker into a state for a time, in all workers of this host; 404 if there is no such breaker."""
    breaker = _breaker(name)
    before = breaker.current_state
    _carry_out(lambda: STATES[state](breaker, reason=reason, actor=actor.name, ttl=seconds))
    journal_order(
        actor, "BREAKER_ORDERED", name, {"before": before, "after": state, "reason": reason, "seconds": seconds}
    )
    return _shown(breaker)


@bp.post("/<name>/reset")
@endpoint(needs=STEER, permission=PERMISSION, accepts=BreakerReset(), modes=tuple(Mode), raises=(Conflict,))
def reset_breaker(actor: Actor, name: str, reason: str) -> dict[str, Any]:
    """Close a breaker, whatever its state or order, and let it judge anew; 404 if there is no such breaker."""
    breaker = _breaker(name)
    before = breaker.current_state
    _carry_out(lambda: breaker.reset(reason=reason, actor=actor.name))
    journal_order(actor, "BREAKER_RESET", name, {"before": before, "reason": reason})
    return _shown(breaker)


def _breaker(name: str) -> Breaker:
    found = current_services().guards.get(name)
    if found is None:
        raise NotFound("There is no such breaker.")
    return found


def _carry_out(order: Callable[[], bool]) -> None:
    """Give an order, again if another worker's transition overtook it."""
    if not any(order() for _ in range(TRIES)):
        raise Conflict("The breaker changes all the time. Nothing was ordered; try again.")


def _shown(breaker: Breaker) -> dict[str, Any]:
    return {"state": breaker.current_state, "cause": breaker.cause, "order": order_told(breaker)}

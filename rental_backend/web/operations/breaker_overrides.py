"""Orders to circuit breakers: refuse all calls, let all calls through, only count, or reset.

An order applies to all workers of the host as soon as it is answered. It ends by itself and is logged for audit. It
needs no dependency. The operator proves who they are by a token in the `Authorization` header, which no page of another
site can send.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint
from marshmallow import fields, validate

from ...actor import Actor
from ...errors import Conflict, NotFound
from ...fields import Text, Whole
from ...infra.runtime.modes import Mode
from ...resilience import Breaker
from ...schemas import Payload
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
    """A state, the reason, and the duration in seconds.

    `forced-open` refuses every call, the other states let every call through.
    """

    state = fields.String(required=True, validate=validate.OneOf(list(STATES)))
    reason = Text(REASON, 1, required=True)
    seconds = Whole(1, LONGEST, required=True)


class BreakerReset(Payload):
    """The reason of a reset."""

    reason = Text(REASON, 1, required=True)


@bp.get("/")
@endpoint(needs=STEER, permission=PERMISSION)
def show_orders() -> dict[str, Any]:
    """List circuit breakers with their orders."""
    return {name: _shown(breaker) for name, breaker in current_services().guards.items()}


# D85: orders come with a token in a header.
@bp.put("/<name>")
@endpoint(needs=STEER, permission=PERMISSION, accepts=BreakerOrder(), modes=tuple(Mode), raises=(Conflict,))
def order_breaker(actor: Actor, name: str, state: str, reason: str, seconds: int) -> dict[str, Any]:
    """Force a circuit breaker into a state for a time.

    The order applies to all workers of this host. An unknown breaker is 404.
    """
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
    """Reset a circuit breaker.

    The breaker closes, whatever its state or order, and starts to count anew. An unknown breaker is 404.
    """
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
        raise Conflict("The breaker changed its state meanwhile. Nothing was ordered; try again.")


def _shown(breaker: Breaker) -> dict[str, Any]:
    return {"state": breaker.current_state, "cause": breaker.cause, "order": order_told(breaker)}

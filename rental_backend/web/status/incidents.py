"""Incidents on the status page, as operators write them for customers. Every order is logged for audit.

None of it needs a dependency, for it is meant for outages. A change applies to all workers of this host as soon as it
is answered, and to other hosts within a minute if the database is available.
"""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint

from ...actor import Actor
from ...errors import Conflict, NotFound
from ...infra import status_history as uptime
from ...infra.runtime.modes import Mode
from ...infra.status_history import (
    MOST_UPDATES,
    Impact,
    Incident,
    IncidentStatus,
    StatusHistory,
    TooManyIncidents,
    Update,
    open_incident,
)
from ..endpoint.context import current_services
from ..endpoint.pipeline import endpoint
from ..operations.modes import PERMISSION, STEER, journal_order
from . import summary as status_summary
from .api import now
from .components import names
from .schemas import Announcement, IncidentChange, NewIncident, SteeredIncident, SteeredIncidents

bp = Blueprint("incidents", __name__, url_prefix="/api/operations/incidents")


class FullOfUpdates(Conflict):
    """An incident has as many updates as are kept (409)."""

    code, title = "incident_full", "Too many updates"


def _shown(incident: Incident, state: StatusHistory) -> dict[str, Any]:
    """Return an incident as operators see it."""
    said = status_summary.incident(incident)
    authors = {each.id: each.author for each in incident.updates}
    said["incident_updates"] = [{**each, "author": authors[each["id"]]} for each in said["incident_updates"]]
    public = {each.id for each in uptime.visible(state.incidents)}
    return {**said, "automatic": incident.automatic, "shown": incident.id in public}


def _find(state: StatusHistory, id: uuid.UUID) -> Incident:
    found = state.find(str(id))
    if found is None:
        raise NotFound("There is no such incident.")
    return found


def _steer(
    actor: Actor, action: str, id: uuid.UUID, change: Callable[[Incident], Incident], **details: object
) -> dict[str, Any]:
    """Change an incident for all workers, and write down who did."""
    state = current_services().status_history.change(lambda state: state.operated(change(_find(state, id))))
    journal_order(actor, action, str(id), details)
    return _shown(_find(state, id), state)


def _said(incident: Incident, actor: Actor, status: str, body: str) -> Incident:
    """Return the incident with an update. The same update twice in a row is kept once."""
    if _begins_with(incident.updates[-1:], actor, status, body):
        return incident
    if sum(bool(each.author) for each in incident.updates) >= MOST_UPDATES:
        raise FullOfUpdates(f"An incident has {MOST_UPDATES} updates at most. Close it, and open a new incident.")
    return incident.with_update(IncidentStatus(status), body, now=now(), author=actor.name)


def _begins_with(updates: tuple[Update, ...], actor: Actor, status: str, body: str) -> bool:
    """Tell whether the first of these is what somebody says now."""
    return [(each.status, each.text, each.author) for each in updates[:1]] == [(status, body, actor.name)]


@bp.get("/")
@endpoint(needs=STEER, permission=PERMISSION, returns=SteeredIncidents())
def show_all() -> dict[str, Any]:
    """List the incidents of the last 90 days.

    The newest incident comes first. Incidents that customers do not see are listed, too.
    """
    state = current_services().status_history.state
    components = [{"id": each, "name": name} for each, name in names().items()]
    return {"incidents": [_shown(each, state) for each in state.incidents], "components": components}


@bp.get("/<uuid:id>")
@endpoint(needs=STEER, permission=PERMISSION, returns=SteeredIncident())
def show(id: uuid.UUID) -> dict[str, Any]:
    """Show an incident."""
    state = current_services().status_history.state
    return _shown(_find(state, id), state)


@bp.post("/")
@endpoint(
    needs=STEER,
    permission=PERMISSION,
    accepts=NewIncident(),
    returns=SteeredIncident(),
    modes=tuple(Mode),
    raises=(TooManyIncidents,),
)
def begin(actor: Actor, name: str, impact: str, components: list[str], status: str, body: str) -> dict[str, Any]:
    """Open an incident. Sending the same twice answers with the first incident, as long as it is open."""
    affected = dict.fromkeys(components)
    new = open_incident(
        name, Impact(impact), affected, now=now(), source=current_services().status_history.state.source
    )
    new = _said(new, actor, status, body)
    opened: list[Incident] = []

    def once(state: StatusHistory) -> StatusHistory:
        known = (each for each in state.open if each.name == name and _begins_with(each.updates, actor, status, body))
        opened.append(next(known, new))
        return state.with_incidents(opened[-1])

    state = current_services().status_history.change(once)
    details = {"name": name, "impact": impact, "components": list(affected), "status": status, "body": body}
    journal_order(actor, "INCIDENT_OPENED", opened[-1].id, details)
    return _shown(opened[-1], state)


@bp.patch("/<uuid:id>")
@endpoint(
    needs=STEER,
    permission=PERMISSION,
    accepts=IncidentChange(),
    returns=SteeredIncident(),
    modes=tuple(Mode),
    raises=(TooManyIncidents,),
)
def change(actor: Actor, id: uuid.UUID, **given: str) -> dict[str, Any]:
    """Rename an incident, or change its impact."""
    return _steer(actor, "INCIDENT_CHANGED", id, lambda each: each.edited(now=now(), **given), **given)


@bp.post("/<uuid:id>/updates")
@endpoint(
    needs=STEER,
    permission=PERMISSION,
    accepts=Announcement(),
    returns=SteeredIncident(),
    modes=tuple(Mode),
    raises=(FullOfUpdates, TooManyIncidents),
)
def announce(actor: Actor, id: uuid.UUID, status: str, body: str) -> dict[str, Any]:
    """Post an update to an incident. `resolved` closes the incident, any other status opens it again."""
    return _steer(
        actor, "INCIDENT_UPDATED", id, lambda each: _said(each, actor, status, body), status=status, body=body
    )

"""What status pages tell, in the shape that their clients know: page, status, components, incidents."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ...infra import status_history as uptime
from ...infra.status_history import (
    DAY,
    HOUR,
    OF_LEVEL,
    Bar,
    ComponentStatus,
    Impact,
    Incident,
    Kind,
    StatusHistory,
    Update,
)
from .components import Component, names

PAGE_ID, PAGE_NAME, TIME_ZONE = "rental-backend", "Rental service", "Etc/UTC"
PLACES = 6  # of a share
PERIODS = {"day": HOUR, "quarter": DAY}  # what a history is called, by its buckets
ALL_WELL, MAINTAINED = "All systems work", "Under maintenance"
DESCRIPTIONS = {
    Impact.NONE: ALL_WELL,
    Impact.MINOR: "Something works less well than usual",
    Impact.MAJOR: "Some things do not work",
    Impact.CRITICAL: "Much does not work",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """What an operator has ordered: since when and until when (milliseconds since 1970; None for no end)."""

    since: int
    until: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that a status page is made of: what is served and how it works now, and the past; `now` in milliseconds."""

    components: tuple[Component, ...]
    levels: Mapping[str, ComponentStatus]
    state: StatusHistory
    now: int
    maintenance: Maintenance | None = None

    @property
    def open(self) -> list[Incident]:
        """The incidents that are not over, the newest first."""
        return [each for each in uptime.visible(self.state.incidents) if each.resolved is None]

    @property
    def past(self) -> list[Incident]:
        """The incidents that are over, the newest first."""
        return [each for each in uptime.visible(self.state.incidents) if each.resolved is not None]

    @property
    def indicator(self) -> Impact:
        """How bad it is: the worst of the components and of what operators say."""
        components = (OF_LEVEL[level] for level in self.levels.values())
        return uptime.gravest(*components, *(each.impact for each in self.open))

    @property
    def headline(self) -> str:
        """The same in words."""
        maintained = ComponentStatus.UNDER_MAINTENANCE in self.levels.values()
        others = any(level.disrupted for level in self.levels.values()) or self.open
        return MAINTAINED if maintained and not others else DESCRIPTIONS[self.indicator]

    def bars(self, component: str, kind: Kind) -> list[Bar]:
        """Return the history of a component, the oldest bucket first."""
        return uptime.bars(kind, component, self.now, self.state.own[kind.name], self.state.others[kind.name])


def summary(view: View, url: str) -> dict[str, Any]:
    """Return what a client of status pages reads; `url` is where the page is."""
    return {
        "page": {
            "id": PAGE_ID,
            "name": PAGE_NAME,
            "url": url,
            "time_zone": TIME_ZONE,
            "updated_at": moment(view.now),
        },
        "status": {"indicator": view.indicator, "description": view.headline},
        "components": [_component(view, *each) for each in enumerate(view.components, 1)],
        "incidents": [incident(each) for each in view.open],
        "scheduled_maintenances": [_maintenance(view, view.maintenance)] if view.maintenance else [],
        "past_incidents": [incident(each) for each in view.past],
    }


def _maintenance(view: View, ordered: Maintenance) -> dict[str, Any]:
    since = moment(ordered.since)
    affected = [each for each, level in view.levels.items() if level is ComponentStatus.UNDER_MAINTENANCE]
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, since.isoformat())),
        "page_id": PAGE_ID,
        "name": "Maintenance",
        "status": "in_progress",
        "impact": "maintenance",
        "created_at": since,
        "updated_at": since,
        "scheduled_for": since,
        "scheduled_until": None if ordered.until is None else moment(ordered.until),
        "components": _named(affected),
        "incident_updates": [],
    }


def _component(view: View, position: int, component: Component) -> dict[str, Any]:
    level, since = view.state.levels.get(component.id, (None, None))
    now = view.levels[component.id]
    return {
        "id": component.id,
        "page_id": PAGE_ID,
        "name": component.name,
        "description": component.description,
        "status": now,
        "position": position,
        "group": False,
        "group_id": None,
        "showcase": True,
        "only_show_if_degraded": False,
        "updated_at": moment(since if since is not None and level is now else view.now),
        "history": {name: _history(view.bars(component.id, kind)) for name, kind in PERIODS.items()},
    }


def _history(bars: Iterable[Bar]) -> dict[str, Any]:
    bars = list(bars)
    return {
        "uptime": _share(uptime.uptime(bars)),
        "buckets": [
            {
                "start": moment(bar.start * 1000),
                "status": bar.worst,
                "uptime": _share(bar.up),
                "observed_seconds": bar.observed // 1000,
            }
            for bar in bars
        ],
    }


def _share(share: float | None) -> float | None:
    return None if share is None else round(share, PLACES)


def incident(incident: Incident) -> dict[str, Any]:
    """Return an incident as customers may know it: not who wrote what, nor where it was found."""
    return {
        "id": incident.id,
        "page_id": PAGE_ID,
        "name": incident.name,
        "status": incident.status,
        "impact": incident.impact,
        "created_at": moment(incident.created),
        "started_at": moment(incident.created),
        "updated_at": moment(incident.changed),
        "monitoring_at": _monitored(incident),
        "resolved_at": None if incident.resolved is None else moment(incident.resolved),
        "components": _named(incident.components),
        "incident_updates": [_update(incident, each) for each in reversed(incident.updates)],
    }


def _named(components: Iterable[str]) -> list[dict[str, str]]:
    known = names()
    return [{"id": each, "name": known.get(each, each)} for each in components]


def _monitored(incident: Incident) -> datetime | None:
    times = [each.at for each in incident.updates if each.status is uptime.IncidentStatus.MONITORING]
    return moment(times[-1]) if times else None


def _update(incident: Incident, update: Update) -> dict[str, Any]:
    at = moment(update.at)
    return {
        "id": update.id,
        "incident_id": incident.id,
        "status": update.status,
        "body": update.text,
        "created_at": at,
        "updated_at": at,
        "display_at": at,
    }


def moment(milliseconds: int) -> datetime:
    """Return a time, given in milliseconds since 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)

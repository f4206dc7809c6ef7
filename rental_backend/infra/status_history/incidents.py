"""Incidents as customers read them: what happened, from when to when, and the updates about it."""

import enum
import itertools
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from .levels import OF_LEVEL, ComponentStatus, Impact, gravest

MOST_INCIDENTS, MOST_UPDATES = 100, 30
AGE = 90 * 86_400_000  # milliseconds for which an incident is kept after it was resolved
NAMED = 2  # components named in the name of an incident
SEEN = "Not working as usual: {}. We are looking into it."
AGAIN = "The disruption is back, and we are looking into it."
OVER = "Everything has been working as usual again since {:%H:%M} UTC."


class IncidentStatus(enum.StrEnum):
    """The progress of an incident."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """A message about an incident, at a time (milliseconds since 1970). The author is empty for the program."""

    id: str
    at: int
    status: IncidentStatus
    text: str
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident; times are milliseconds since 1970. `automatic` ones are closed by the detector that opened them.

    `source` is the instance that detected it. A name given by an operator stays (`renamed`).
    """

    id: str
    name: str
    status: IncidentStatus
    impact: Impact
    components: tuple[str, ...]
    created: int
    changed: int
    resolved: int | None
    automatic: bool
    source: str
    updates: tuple[Update, ...]
    renamed: bool = False

    def document(self) -> dict[str, Any]:
        """Return the incident as a JSON document."""
        return asdict(self)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Incident":
        """Read what `document` returned. Raises ValueError, KeyError or TypeError for anything else."""
        updates = tuple(Update(**{**update, "status": IncidentStatus(update["status"])}) for update in data["updates"])
        kinds = {"status": IncidentStatus(data["status"]), "impact": Impact(data["impact"])}
        return cls(**{**data, **kinds, "components": tuple(data["components"]), "updates": updates})

    @property
    def annotated(self) -> bool:
        """Whether an operator has commented on it or renamed it."""
        return self.renamed or any(update.author for update in self.updates)

    def with_update(self, status: IncidentStatus, text: str, *, now: int, author: str = "") -> "Incident":
        """Return the incident with one more update, which is not earlier than the one before even if the clock is."""
        at = max([now, *(update.at for update in self.updates)])
        update = Update(id=str(uuid.uuid4()), at=at, status=status, text=text, author=author)
        resolved = at if status is IncidentStatus.RESOLVED else None
        return replace(self, status=status, changed=at, resolved=resolved, updates=(*self.updates, update))

    def edited(self, *, now: int, name: str | None = None, impact: str | None = None) -> "Incident":
        """Return the incident with another name or another impact, as an operator gives them."""
        return replace(
            self,
            name=name or self.name,
            renamed=self.renamed or name is not None,
            impact=Impact(impact or self.impact),
            changed=max(now, self.changed + 1),
        )


def open_incident(
    name: str, impact: Impact, components: Iterable[str], *, now: int, source: str, automatic: bool = False
) -> Incident:
    """Return a new incident without updates."""
    return Incident(
        id=str(uuid.uuid4()),
        name=name,
        status=IncidentStatus.INVESTIGATING,
        impact=impact,
        components=tuple(components),
        created=now,
        changed=now,
        resolved=None,
        automatic=automatic,
        source=source,
        updates=(),
    )


def detected(
    levels: Mapping[str, ComponentStatus], names: Mapping[str, str], *, began: int, now: int, source: str
) -> Incident:
    """Return a new automatic incident for the disrupted components in `levels`."""
    affected = [names.get(component, component) for component in levels]
    incident = open_incident(_name(affected), _impact(levels), levels, now=began, source=source, automatic=True)
    return incident.with_update(IncidentStatus.INVESTIGATING, SEEN.format(", ".join(affected)), now=now)


def widened(
    incident: Incident, levels: Mapping[str, ComponentStatus], names: Mapping[str, str], *, now: int
) -> Incident:
    """Return the incident with what is disrupted by now, if that is more or worse than before."""
    components = tuple(dict.fromkeys((*incident.components, *levels)))
    impact = gravest(incident.impact, _impact(levels))
    if (components, impact) == (incident.components, incident.impact):
        return incident
    name = incident.name if incident.renamed else _name([names.get(one, one) for one in components])
    return replace(incident, components=components, impact=impact, name=name, changed=max(now, incident.changed))


def reopened(incident: Incident, *, now: int) -> Incident:
    """Return a resolved incident as open again, without the program's updates that resolved or reopened it before."""
    kept = itertools.dropwhile(lambda update: not update.author, reversed(incident.updates[1:]))
    updates = (*incident.updates[:1], *reversed(list(kept)))
    return replace(incident, updates=updates).with_update(IncidentStatus.INVESTIGATING, AGAIN, now=now)


def merged(one: Incident, other: Incident) -> Incident:
    """Merge what two instances know of an incident: the newer view, and all updates of operators."""
    newer = max(one, other, key=lambda view: (view.changed, len(view.updates), view.id, repr(view)))
    updates = {update.id: update for view in (one, other) for update in view.updates if update.author}
    updates |= {update.id: update for update in newer.updates}
    return replace(newer, updates=tuple(sorted(updates.values(), key=lambda update: (update.at, update.id))))


def retain(incidents: Iterable[Incident], now: int) -> tuple[Incident, ...]:
    """Return the incidents to keep, the newest first: open ones, then incidents of the last ninety days."""
    young = [incident for incident in incidents if incident.resolved is None or incident.resolved > now - AGE]
    ranked = sorted(young, key=lambda one: (one.resolved is None, one.created, one.id), reverse=True)
    return tuple(sorted(ranked[:MOST_INCIDENTS], key=lambda one: (one.created, one.id), reverse=True))


def visible(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Return the incidents for customers, the newest first.

    Several instances detect the same disruption. Of automatic incidents that overlap, the first is shown, and another
    only if an operator has commented on it, or if it is still open when the first is not.
    """
    shown: list[Incident] = []
    for incident in sorted(incidents, key=lambda one: (one.created, one.id)):
        twins = (other for other in shown if other.automatic and _covers(other, incident))
        if not incident.automatic or incident.annotated or not any(twins):
            shown.append(incident)
    return tuple(reversed(shown))


def _covers(one: Incident, later: Incident) -> bool:
    """Tell whether an incident lasted until a later one began, and at least as long as the later one did."""
    return one.resolved is None or (later.resolved is not None and later.created <= one.resolved)


def _impact(levels: Mapping[str, ComponentStatus]) -> Impact:
    return gravest(*(OF_LEVEL[level] for level in levels.values()))


def _name(affected: list[str]) -> str:
    """Return the name of an incident: `Disruption: Catalogue, Sign-in, 3 more`."""
    more = [f"{len(affected) - NAMED} more"] if len(affected) > NAMED else []
    return f"Disruption: {', '.join([*affected[:NAMED], *more])}"

"""Incidents as customers read them: what happened, from when to when, and what was said about it."""

import enum
import itertools
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from .levels import OF_LEVEL, ComponentStatus, Impact, gravest

MOST_INCIDENTS, MOST_UPDATES = 100, 30
AGE = 90 * 86_400_000  # milliseconds for which one is kept after it was resolved
NAMED = 2  # components named in the name of an incident
SEEN = "Not working as usual: {}. We are looking into it."
AGAIN = "The disruption is back, and we are looking into it."
OVER = "Everything has been working as usual again since {:%H:%M} UTC."


class IncidentStatus(enum.StrEnum):
    """How far an incident is."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Something said about an incident, at a time (milliseconds since 1970); by nobody if by the program."""

    id: str
    at: int
    status: IncidentStatus
    text: str
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident; times are milliseconds since 1970. `automatic` ones are closed by what opened them.

    `source` is the instance that found it. A name that an operator gave stays (`renamed`).
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
        """Return it as JSON may hold it."""
        return asdict(self)

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Incident":
        """Read what `document` made. Raises ValueError, KeyError or TypeError for anything else."""
        updates = tuple(Update(**{**each, "status": IncidentStatus(each["status"])}) for each in said["updates"])
        kinds = {"status": IncidentStatus(said["status"]), "impact": Impact(said["impact"])}
        return cls(**{**said, **kinds, "components": tuple(said["components"]), "updates": updates})

    @property
    def annotated(self) -> bool:
        """Whether an operator has said something about it."""
        return self.renamed or any(each.author for each in self.updates)

    def with_update(self, status: IncidentStatus, text: str, *, now: int, author: str = "") -> "Incident":
        """Return it with an update, which is later than the one before even if the clock is not."""
        at = max([now, *(each.at for each in self.updates)])
        update = Update(id=str(uuid.uuid4()), at=at, status=status, text=text, author=author)
        resolved = at if status is IncidentStatus.RESOLVED else None
        return replace(self, status=status, changed=at, resolved=resolved, updates=(*self.updates, update))

    def edited(self, *, now: int, name: str | None = None, impact: str | None = None) -> "Incident":
        """Return it with another name, or another impact, as an operator says."""
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
    """Return a new incident about which nothing has been said yet."""
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
    """Return the incident of these components being disrupted, noticed now."""
    affected = [names.get(each, each) for each in levels]
    incident = open_incident(_name(affected), _impact(levels), levels, now=began, source=source, automatic=True)
    return incident.with_update(IncidentStatus.INVESTIGATING, SEEN.format(", ".join(affected)), now=now)


def widened(
    incident: Incident, levels: Mapping[str, ComponentStatus], names: Mapping[str, str], *, now: int
) -> Incident:
    """Return the incident with what is disrupted by now, if that is more or worse than it was."""
    components = tuple(dict.fromkeys((*incident.components, *levels)))
    impact = gravest(incident.impact, _impact(levels))
    if (components, impact) == (incident.components, incident.impact):
        return incident
    name = incident.name if incident.renamed else _name([names.get(each, each) for each in components])
    return replace(incident, components=components, impact=impact, name=name, changed=max(now, incident.changed))


def reopened(incident: Incident, *, now: int) -> Incident:
    """Return an incident that was over and is not; what said so, and an earlier such return, are not told any more."""
    kept = itertools.dropwhile(lambda each: not each.author, reversed(incident.updates[1:]))
    updates = (*incident.updates[:1], *reversed(list(kept)))
    return replace(incident, updates=updates).with_update(IncidentStatus.INVESTIGATING, AGAIN, now=now)


def merged(one: Incident, other: Incident) -> Incident:
    """Return what two instances know of an incident: the newer one's view, and all that operators said."""
    newer = max(one, other, key=lambda each: (each.changed, len(each.updates), each.id, repr(each)))
    said = {each.id: each for known in (one, other) for each in known.updates if each.author}
    said |= {each.id: each for each in newer.updates}
    return replace(newer, updates=tuple(sorted(said.values(), key=lambda each: (each.at, each.id))))


def retain(incidents: Iterable[Incident], now: int) -> tuple[Incident, ...]:
    """Return those worth keeping, the newest first: open ones, and as many of the last ninety days as there is room."""
    young = [each for each in incidents if each.resolved is None or each.resolved > now - AGE]
    ranked = sorted(young, key=lambda each: (each.resolved is None, each.created, each.id), reverse=True)
    return tuple(sorted(ranked[:MOST_INCIDENTS], key=lambda each: (each.created, each.id), reverse=True))


def visible(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Return the incidents for customers, the newest first.

    Several instances find the same disruption. Of automatic ones that overlap the first is shown, and others only if
    an operator has said something about them, or they are still open when it is not.
    """
    told: list[Incident] = []
    for each in sorted(incidents, key=lambda each: (each.created, each.id)):
        twins = (other for other in told if other.automatic and _covers(other, each))
        if not each.automatic or each.annotated or not any(twins):
            told.append(each)
    return tuple(reversed(told))


def _covers(one: Incident, later: Incident) -> bool:
    """Tell whether an incident began before a later one was there, and is not over before that."""
    return one.resolved is None or (later.resolved is not None and later.created <= one.resolved)


def _impact(levels: Mapping[str, ComponentStatus]) -> Impact:
    return gravest(*(OF_LEVEL[level] for level in levels.values()))


def _name(affected: list[str]) -> str:
    """Return what an incident is called: `Disruption: Catalogue, Sign-in, 3 more`."""
    more = [f"{len(affected) - NAMED} more"] if len(affected) > NAMED else []
    return f"Disruption: {', '.join([*affected[:NAMED], *more])}"

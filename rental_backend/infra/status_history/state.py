"""The history of one instance as an immutable value, and how each observation and each exchange changes it."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from . import incidents as incident_rules
from .buckets import KINDS, Kind, Series, counted, retain
from .detector import REOPEN_WITHIN, Detector, IncidentChange
from .incidents import OVER, Incident, IncidentStatus
from .levels import ComponentStatus

GAP = 15_000  # milliseconds without an observation after which the time between counts as unknown

SeriesByKind = Mapping[str, Series]  # by kind of bucket


def _nothing() -> dict[str, Series]:
    return {kind.name: {} for kind in KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """When the components were observed: monotonic and wall time, in milliseconds."""

    monotonic: int
    wall: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusHistory:
    """The history. `own` is the time observed by this instance, `others` that of all other instances.

    `levels` has the status of each component at the last observation, and since when (milliseconds since 1970).
    """

    source: str = field(default_factory=lambda: str(uuid.uuid4()))
    own: SeriesByKind = field(default_factory=_nothing)
    others: SeriesByKind = field(default_factory=_nothing)
    incidents: tuple[Incident, ...] = ()
    detector: Detector = field(default_factory=Detector)
    levels: Mapping[str, tuple[ComponentStatus, int]] = field(default_factory=dict)
    look: Observation | None = None

    def observed(
        self, levels: Mapping[str, ComponentStatus], look: Observation, names: Mapping[str, str]
    ) -> "StatusHistory":
        """Return the history after an observation. The last status counts for the time since then, if that is short."""
        elapsed = look.monotonic - self.look.monotonic if self.look else 0
        if not 0 <= elapsed <= GAP:
            elapsed = 0
        spent = {"began": look.wall - elapsed, "ended": look.wall}
        before = {component: known for component, (known, _) in self.levels.items() if component in levels}
        own = {kind.name: counted(self.own[kind.name], kind, before, **spent) for kind in KINDS}
        now = {
            component: self.levels[component] if before.get(component) is level else (level, look.wall)
            for component, level in levels.items()
        }
        return replace(self, own=own, levels=now, look=look)._detected(elapsed, names)

    def _detected(self, elapsed: int, names: Mapping[str, str]) -> "StatusHistory":
        """Open, widen or close the automatic incident."""
        now = self.look.wall if self.look else 0
        disrupted = {component: level for component, (level, _) in self.levels.items() if level.disrupted}
        detector, change = self.detector.step(elapsed, disrupted=bool(disrupted))
        state = replace(self, detector=detector)
        if change is IncidentChange.OPENED:
            return state._opened(disrupted, names, now)
        current = state.find(detector.current)
        if current is None:
            return state
        if change is IncidentChange.CLOSED:
            since = datetime.fromtimestamp((now - detector.well) / 1000, UTC)
            over = current.with_update(IncidentStatus.RESOLVED, OVER.format(since), now=now)
            return state._closed().with_incidents(over)
        return state.with_incidents(incident_rules.widened(current, disrupted, names, now=now))

    def _opened(self, disrupted: Mapping[str, ComponentStatus], names: Mapping[str, str], now: int) -> "StatusHistory":
        last = self.find(self.detector.last)
        if last and last.resolved is not None and not last.updates[-1].author and now - last.resolved < REOPEN_WITHIN:
            incident = incident_rules.reopened(incident_rules.widened(last, disrupted, names, now=now), now=now)
        else:
            began = min(self.levels[component][1] for component in disrupted)
            incident = incident_rules.detected(disrupted, names, began=min(began, now), now=now, source=self.source)
        return replace(self, detector=replace(self.detector, current=incident.id)).with_incidents(incident)

    def _closed(self, *, dismissed: bool = False) -> "StatusHistory":
        detector = self.detector
        known = replace(detector, current=None, last=detector.current or detector.last, dismissed=dismissed)
        return replace(self, detector=known)

    def find(self, id: str | None) -> Incident | None:
        """Return an incident, if it is known."""
        return next((incident for incident in self.incidents if incident.id == id), None)

    @property
    def open(self) -> tuple[Incident, ...]:
        """The incidents that are not resolved, the newest first."""
        return tuple(incident for incident in self.incidents if incident.resolved is None)

    def with_incidents(self, *changed: Incident) -> "StatusHistory":
        """Return the history with these incidents added, or replaced if it has them."""
        known = {incident.id: incident for incident in (*self.incidents, *changed)}
        now = self.look.wall if self.look else max((incident.changed for incident in known.values()), default=0)
        return replace(self, incidents=incident_rules.retain(known.values(), now))

    def operated(self, incident: Incident) -> "StatusHistory":
        """Return the history with an operator's version of an incident. Closing the detected incident dismisses it.

        An incident that an operator reopens is theirs, and is no longer closed automatically.
        """
        if incident.id == self.detector.current and incident.resolved is not None:
            return self._closed(dismissed=True).with_incidents(incident)
        before = self.find(incident.id)
        if before and before.resolved is not None and incident.resolved is None:
            incident = replace(incident, automatic=False)
        return self.with_incidents(incident)

    def merged_with(
        self, others: SeriesByKind, theirs: Iterable[Incident], orphans: Iterable[str], now: int
    ) -> "StatusHistory":
        """Merge the history of other instances. An open incident of an instance that is gone is adopted."""
        state = self.with_incidents(*(incident_rules.merged(one, self.find(one.id) or one) for one in theirs))
        bounded = {kind.name: retain(dict(others.get(kind.name, {})), kind, now) for kind in KINDS}
        state = replace(state, others=bounded)
        current = state.find(state.detector.current)
        if current and current.resolved is not None:  # an operator closed it elsewhere
            return state._closed(dismissed=bool(current.updates[-1].author))
        if current is None:
            left = map(state.find, orphans)
            adopted = next((one for one in left if one and one.automatic and one.resolved is None), None)
            if adopted:
                return replace(state, detector=replace(state.detector, current=adopted.id, well=0))
        return state

    def fresh(self) -> "StatusHistory":
        """Return the history for a new start: the last observation was made by another clock."""
        return replace(self, look=None, detector=replace(self.detector, bad=0, well=0))

    def packed(self, most: int) -> bytes:
        """Return the history as at most `most` bytes. Incidents are left out for that, resolved ones first."""
        state = self
        while len(data := orjson.dumps(state._document(), option=orjson.OPT_NON_STR_KEYS)) > most and state.incidents:
            over = [incident for incident in state.incidents if incident.resolved is not None]
            oldest = (over or state.incidents)[-1]
            state = replace(state, incidents=tuple(one for one in state.incidents if one is not oldest))
        return data

    def holds(self, most: int) -> bool:
        """Tell whether all open incidents fit into `most` bytes, and are at most half of the kept ones."""
        few = 2 * len(self.open) <= incident_rules.MOST_INCIDENTS
        return few and StatusHistory.read(replace(self, incidents=self.open).packed(most)).incidents == self.open

    def _document(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "own": self.own,
            "others": self.others,
            "incidents": [incident.document() for incident in self.incidents],
            "detector": _slots(self.detector),
            "levels": self.levels,
            "look": _slots(self.look) if self.look else None,
        }

    @classmethod
    def read(cls, data: bytes) -> "StatusHistory":
        """Read what `packed` returned. Raises ValueError, KeyError, TypeError or AttributeError for anything else."""
        document = orjson.loads(data)
        return cls(
            source=str(uuid.UUID(document["source"])),
            own=_histories(document["own"]),
            others=_histories(document["others"]),
            incidents=tuple(Incident.read(incident) for incident in document["incidents"]),
            detector=Detector(**document["detector"]),
            levels={name: (ComponentStatus(level), int(since)) for name, (level, since) in document["levels"].items()},
            look=Observation(**document["look"]) if document["look"] else None,
        )


Stored = Mapping[str, Mapping[str, Iterable[int]]]  # a series as JSON: components by the beginning of a bucket
Change = Callable[[StatusHistory], StatusHistory]


def _slots(value: Detector | Observation) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _histories(data: Mapping[str, Stored]) -> dict[str, Series]:
    return {kind.name: _series(kind, data[kind.name]) for kind in KINDS}


def _series(kind: Kind, data: Stored) -> Series:
    return {
        int(start): {component: tuple(spent) for component, spent in bucket.items()}
        for start, bucket in list(data.items())[-kind.kept :]
    }

"""All that an instance knows of its past, as one value: what each look at the components makes of it."""

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

GAP = 15_000  # milliseconds without a look after which nobody knows what was meanwhile

SeriesByKind = Mapping[str, Series]  # by kind of bucket


def _nothing() -> dict[str, Series]:
    return {kind.name: {} for kind in KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """When the components were looked at: monotonic and wall time, in milliseconds."""

    monotonic: int
    wall: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusHistory:
    """What is known. `own` is the time observed here, `others` that of all other instances.

    `levels` is how each component was at the last look, and since when (milliseconds since 1970).
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
        """Return the state after a look. What was seen at the last one holds for the time since, if that was short."""
        elapsed = look.monotonic - self.look.monotonic if self.look else 0
        if not 0 <= elapsed <= GAP:
            elapsed = 0
        spent = {"began": look.wall - elapsed, "ended": look.wall}
        before = {each: known for each, (known, _) in self.levels.items() if each in levels}
        own = {kind.name: counted(self.own[kind.name], kind, before, **spent) for kind in KINDS}
        now = {
            each: self.levels[each] if before.get(each) is level else (level, look.wall)
            for each, level in levels.items()
        }
        return replace(self, own=own, levels=now, look=look)._detected(elapsed, names)

    def _detected(self, elapsed: int, names: Mapping[str, str]) -> "StatusHistory":
        """Open, widen or close the incident that the program takes care of."""
        now = self.look.wall if self.look else 0
        disrupted = {each: level for each, (level, _) in self.levels.items() if level.disrupted}
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
            began = min(self.levels[each][1] for each in disrupted)
            incident = incident_rules.detected(disrupted, names, began=min(began, now), now=now, source=self.source)
        return replace(self, detector=replace(self.detector, current=incident.id)).with_incidents(incident)

    def _closed(self, *, dismissed: bool = False) -> "StatusHistory":
        detector = self.detector
        known = replace(detector, current=None, last=detector.current or detector.last, dismissed=dismissed)
        return replace(self, detector=known)

    def find(self, id: str | None) -> Incident | None:
        """Return an incident, if it is known."""
        return next((each for each in self.incidents if each.id == id), None)

    @property
    def open(self) -> tuple[Incident, ...]:
        """The incidents that are not over, the newest first."""
        return tuple(each for each in self.incidents if each.resolved is None)

    def with_incidents(self, *changed: Incident) -> "StatusHistory":
        """Return the state with these incidents, new ones or in place of what they were."""
        known = {each.id: each for each in (*self.incidents, *changed)}
        now = self.look.wall if self.look else max((each.changed for each in known.values()), default=0)
        return replace(self, incidents=incident_rules.retain(known.values(), now))

    def operated(self, incident: Incident) -> "StatusHistory":
        """Return the state with what an operator made of an incident: whoever closes one that is watched ends that.

        One that he opens again is his, and not closed by itself any more.
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
        """Return the state with what all instances told the database. An open incident of one that is gone is ours."""
        state = self.with_incidents(*(incident_rules.merged(each, self.find(each.id) or each) for each in theirs))
        bounded = {kind.name: retain(dict(others.get(kind.name, {})), kind, now) for kind in KINDS}
        state = replace(state, others=bounded)
        current = state.find(state.detector.current)
        if current and current.resolved is not None:  # an operator closed it elsewhere
            return state._closed(dismissed=bool(current.updates[-1].author))
        if current is None:
            left = map(state.find, orphans)
            adopted = next((each for each in left if each and each.automatic and each.resolved is None), None)
            if adopted:
                return replace(state, detector=replace(state.detector, current=adopted.id, well=0))
        return state

    def fresh(self) -> "StatusHistory":
        """Return the state for a new start: what was looked at last is another clock's business."""
        return replace(self, look=None, detector=replace(self.detector, bad=0, well=0))

    def packed(self, most: int) -> bytes:
        """Return it as bytes, at most so many. Incidents are left out for that, those that are over first."""
        state = self
        while len(data := orjson.dumps(state._document(), option=orjson.OPT_NON_STR_KEYS)) > most and state.incidents:
            over = [each for each in state.incidents if each.resolved is not None]
            oldest = (over or state.incidents)[-1]
            state = replace(state, incidents=tuple(each for each in state.incidents if each is not oldest))
        return data

    def holds(self, most: int) -> bool:
        """Tell whether all open incidents fit into so many bytes, and are no more than half of those that are kept."""
        few = 2 * len(self.open) <= incident_rules.MOST_INCIDENTS
        return few and StatusHistory.read(replace(self, incidents=self.open).packed(most)).incidents == self.open

    def _document(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "own": self.own,
            "others": self.others,
            "incidents": [each.document() for each in self.incidents],
            "detector": _slots(self.detector),
            "levels": self.levels,
            "look": _slots(self.look) if self.look else None,
        }

    @classmethod
    def read(cls, data: bytes) -> "StatusHistory":
        """Read what `packed` made. Raises ValueError, KeyError, TypeError or AttributeError for anything else."""
        said = orjson.loads(data)
        return cls(
            source=str(uuid.UUID(said["source"])),
            own=_histories(said["own"]),
            others=_histories(said["others"]),
            incidents=tuple(Incident.read(each) for each in said["incidents"]),
            detector=Detector(**said["detector"]),
            levels={each: (ComponentStatus(level), int(since)) for each, (level, since) in said["levels"].items()},
            look=Observation(**said["look"]) if said["look"] else None,
        )


Change = Callable[[StatusHistory], StatusHistory]


def _slots(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _histories(said: Mapping[str, Any]) -> dict[str, Series]:
    return {kind.name: _series(kind, said[kind.name]) for kind in KINDS}


def _series(kind: Kind, said: Mapping[str, Any]) -> Series:
    return {
        int(start): {component: tuple(spent) for component, spent in bucket.items()}
        for start, bucket in list(said.items())[-kind.kept :]
    }

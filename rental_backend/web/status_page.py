"""What the page for customers shows, in words: everything that its bars say is said in text, too."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from ..infra import uptime
from ..infra.uptime import DAY, HOUR, Bar, Incident, Kind, Level
from .components import NAMES, Component
from .pages import render
from .status_summary import View

PAST = 20  # incidents that are over
NO_DATA = "No data"
SPANS = {HOUR: "Last 24 hours", DAY: "Last 90 days"}
WIDTH = {HOUR: 25, DAY: 6.67}  # of a bar, so that both strips are 600 wide
HEIGHTS = {Level.OPERATIONAL: 30, Level.UNDER_MAINTENANCE: 24, Level.DEGRADED: 20, Level.PARTIAL: 14, Level.MAJOR: 8}
LEAST = 2  # the height of a bar without data


@dataclass(frozen=True, slots=True)
class Mark:
    """A bar as it is drawn: place, height, what it is (a class), and what it says."""

    x: float
    height: int
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The history of a component over a time: bars, the same in a sentence, and in rows what was not as usual."""

    title: str
    share: str
    width: float
    marks: tuple[Mark, ...]
    rows: tuple[tuple[str, str, str], ...]

    @property
    def label(self) -> str:
        """What the bars say, for who does not see them."""
        rows = f"{len(self.rows)} of {len(self.marks)} bars not as usual" if self.rows else "nothing unusual"
        return f"{self.title}: {self.share}, {rows}"


def page(view: View) -> bytes:
    """Return the page."""
    return render(
        "status.html",
        path="/status",
        title="Status",
        view=view,
        key=_key(view),
        updated=_minute(view.now),
        components=[_component(view, each) for each in view.components],
        open=[_incident(each) for each in view.open],
        past=[_incident(each) for each in view.past[:PAST]],
        legend=[(level.value, words(level)) for level in uptime.LEVELS],
    )


def words(state: str) -> str:
    """Return a state as people read it."""
    return state.replace("_", " ").capitalize()


def _key(view: View) -> str:
    """Return what changes when people ought to look again."""
    said = [*view.levels.items(), *((each.id, each.changed) for each in view.open), view.headline]
    return blake2b(repr(said).encode(), digest_size=8).hexdigest()


def _component(view: View, component: Component) -> dict[str, Any]:
    level = view.levels[component.id]
    strips = [_strip(kind, view.bars(component.id, kind)) for kind in SPANS]
    return {"about": component, "state": level.value, "words": words(level), "strips": strips}


def _strip(kind: Kind, bars: list[Bar]) -> Strip:
    unusual = [bar for bar in bars if bar.worst not in (None, Level.OPERATIONAL)]
    width = WIDTH[kind]
    return Strip(
        SPANS[kind],
        _share(uptime.uptime(bars)),
        width - 2,
        tuple(_mark(kind, bar, round(place * width, 2)) for place, bar in enumerate(bars)),
        tuple((_when(kind, bar), words(bar.worst or NO_DATA), _share(bar.up)) for bar in reversed(unusual)),
    )


def _mark(kind: Kind, bar: Bar, x: float) -> Mark:
    worst = bar.worst
    if worst is None:
        return Mark(x, LEAST, "none", f"{_when(kind, bar)}: {NO_DATA.lower()}")
    said = f"{_when(kind, bar)}: {words(worst).lower()}, {_share(bar.up)}"
    return Mark(x, HEIGHTS[worst], worst.value, said)


def _when(kind: Kind, bar: Bar) -> str:
    at = datetime.fromtimestamp(bar.start, UTC)
    return f"{at:%-d %b %Y}" if kind is DAY else f"{at:%-d %b, %H:%M}"


def _share(share: float | None) -> str:
    """Return a share in per cent, never rounded up to all."""
    return NO_DATA.lower() if share is None else f"{math.floor(share * 10_000) / 100:.2f} % up"


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "name": incident.name,
        "status": words(incident.status),
        "impact": words(incident.impact),
        "from": _minute(incident.created),
        "until": None if incident.resolved is None else _minute(incident.resolved),
        "components": _names(incident.components),
        "updates": [(words(each.status), each.text, _minute(each.at)) for each in reversed(incident.updates)],
    }


def _names(components: Iterable[str]) -> str:
    return ", ".join(NAMES.get(each, each) for each in components)


def _minute(milliseconds: int) -> tuple[str, str]:
    """Return a time for programs and for people."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.isoformat(timespec="seconds"), f"{at:%-d %b %Y, %H:%M} UTC"

"""What the page for customers shows, in words: everything that its bars say is said in text, too."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from markupsafe import Markup

from ...infra import status_history as uptime
from ...infra.status_history import DAY, HOUR, Bar, ComponentStatus, Incident, Kind
from ..templates.render import render
from .components import Component, names
from .summary import View

PAST = 20  # incidents that are over
NO_DATA = "No data"
SPANS = {HOUR: "Last 24 hours", DAY: "Last 90 days"}
WIDTH = {HOUR: 25, DAY: 6.67}  # of a bar, so that both strips are 600 wide
HEIGHTS = {
    ComponentStatus.OPERATIONAL: 30,
    ComponentStatus.UNDER_MAINTENANCE: 24,
    ComponentStatus.DEGRADED: 20,
    ComponentStatus.PARTIAL: 14,
    ComponentStatus.MAJOR: 8,
}
LEAST = 2  # the height of a bar without data
TALLEST, GAP = 30, 2
RECTANGLE = Markup(
    '<rect class="{state}" x="{x}" y="{y}" width="{width}" height="{height}"><title>{text}</title></rect>\n'
)


@dataclass(frozen=True, slots=True)
class Strip:
    """The history of a component over a time: bars as drawn, the same in a sentence, and rows of the unusual ones."""

    title: str
    share: str
    bars: int
    drawn: Markup
    rows: tuple[tuple[str, str, str], ...]

    @property
    def label(self) -> str:
        """What the bars say, for who does not see them."""
        rows = f"{len(self.rows)} of {self.bars} bars not as usual" if self.rows else "nothing unusual"
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
        legend=[(level.value, words(level)) for level in uptime.COMPONENT_STATUSES],
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
    drawn = Markup("").join(_rectangle(kind, bar, place) for place, bar in enumerate(bars))
    rows = (
        _row(kind, bar, bar.worst) for bar in reversed(bars) if bar.worst not in (None, ComponentStatus.OPERATIONAL)
    )
    return Strip(SPANS[kind], _share(uptime.uptime(bars)), len(bars), drawn, tuple(rows))


@lru_cache(maxsize=4096)  # but for the last of each strip they are the same all day
def _rectangle(kind: Kind, bar: Bar, place: int) -> Markup:
    """Return a bar as it is drawn: the lower, the worse."""
    when, state, share = _row(kind, bar, bar.worst)
    height = LEAST if bar.worst is None else HEIGHTS[bar.worst]
    return RECTANGLE.format(
        state=bar.worst or "none",
        x=round(place * WIDTH[kind], 2),
        y=TALLEST - height,
        width=WIDTH[kind] - GAP,
        height=height,
        text=f"{when}: {state.lower()}" if bar.worst is None else f"{when}: {state.lower()}, {share}",
    )


def _row(kind: Kind, bar: Bar, worst: ComponentStatus | None) -> tuple[str, str, str]:
    """Return when a bar is, what was worst in it, and how much of it was up."""
    return _when(kind, bar), words(worst or NO_DATA), _share(bar.up)


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
    return ", ".join(names().get(each, each) for each in components)


def _minute(milliseconds: int) -> tuple[str, str]:
    """Return a time for programs and for people."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.isoformat(timespec="seconds"), f"{at:%-d %b %Y, %H:%M} UTC"

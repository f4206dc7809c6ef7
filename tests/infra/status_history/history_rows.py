"""A past made up for tests: looks at two components, one after the other, on clocks of its own."""

import time
from collections.abc import Iterator
from pathlib import Path

from rental_backend.app import COMPONENTS
from rental_backend.infra.status_history import (
    DAY,
    ComponentStatus,
    Impact,
    IncidentStatus,
    StatusHistory,
    open_incident,
)
from rental_backend.infra.status_history.state import Observation

NOW = 1_795_640_400_000  # a full hour (milliseconds since 1970)
NAMES = {"shop": "Web shop", "desk": "Front desk"}
WELL = {"shop": ComponentStatus.OPERATIONAL, "desk": ComponentStatus.OPERATIONAL}
BAD = {**WELL, "shop": ComponentStatus.PARTIAL}
WORSE = {"shop": ComponentStatus.MAJOR, "desk": ComponentStatus.PARTIAL}
EVERY = 2_000


class Past:
    """A state and its two clocks (milliseconds)."""

    def __init__(self, state: StatusHistory | None = None, wall: int = NOW) -> None:
        self.state = state or StatusHistory()
        self.monotonic, self.wall = 1_000_000, wall

    def look(self, levels: dict[str, ComponentStatus]) -> StatusHistory:
        """Look now."""
        self.state = self.state.observed(levels, Observation(monotonic=self.monotonic, wall=self.wall), NAMES)
        return self.state

    def go(self, seconds: float, levels: dict[str, ComponentStatus]) -> StatusHistory:
        """Look every two seconds, for so long."""
        for _ in self._steps(seconds):
            self.look(levels)
        return self.state

    def unseen(self, seconds: float) -> None:
        """Let time go by in which nobody looks."""
        self.monotonic += round(seconds * 1000)
        self.wall += round(seconds * 1000)

    def _steps(self, seconds: float) -> Iterator[int]:
        for step in range(round(seconds * 1000 / EVERY)):
            self.unseen(EVERY / 1000)
            yield step


def remembered(folder: Path) -> None:
    """Write a file of ninety days, as a start of the service finds it: all went well, but on one day at noon."""
    today = DAY.start(round(time.time() * 1000))
    whole, day = DAY.seconds * 1000, today - 20 * DAY.seconds
    well = {each.id: (whole, 0, 0, 0, 0) for each in COMPONENTS}
    days = {today - back * DAY.seconds: well for back in range(89, 0, -1)}
    days[day] = {**well, "catalogue": (whole - 6 * 3_456_000, 0, 0, 0, 6 * 3_456_000)}
    at = day * 1000 + 43_200_000
    cut = open_incident("Catalogue out of reach", Impact.CRITICAL, ("catalogue",), now=at, source="")
    cut = cut.with_update(IncidentStatus.IDENTIFIED, "A cable was cut.", now=at, author="ada")
    cut = cut.with_update(IncidentStatus.RESOLVED, "The cable is mended.", now=at + 20_736_000, author="ada")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status.json").write_bytes(StatusHistory(own={"hour": {}, "day": days}, incidents=(cut,)).packed(2**20))

"""When an incident begins and ends by itself: not with every flutter of a breaker, and not long after it."""

import enum
from dataclasses import dataclass, replace

# D90: when an incident opens and closes.
OPEN_AFTER = 20_000  # milliseconds of disruption until an incident is opened
CLOSE_AFTER = 60_000  # milliseconds without any until it is closed
REOPEN_WITHIN = 15 * 60_000  # milliseconds after its end in which a new disruption belongs to it


class IncidentChange(enum.Enum):
    """What has happened to the incident."""

    NOTHING = enum.auto()
    OPENED = enum.auto()
    CLOSED = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """What an automatic incident depends on.

    `bad` is how long there was a disruption, pauses shorter than `CLOSE_AFTER` left out; `well` how long there has been
    none in a row (milliseconds). `current` is the incident that is open, `last` the one before. After an operator has
    closed it himself, none is opened before all has been well once (`dismissed`).
    """

    bad: int = 0
    well: int = 0
    current: str | None = None
    last: str | None = None
    dismissed: bool = False

    def step(self, elapsed: int, *, disrupted: bool) -> tuple["Detector", IncidentChange]:
        """Return what follows from so many milliseconds more of a disruption, or of none."""
        if disrupted:
            bad = min(self.bad + elapsed, OPEN_AFTER)
            opens = bad >= OPEN_AFTER and self.current is None and not self.dismissed
            return replace(self, bad=bad, well=0), IncidentChange.OPENED if opens else IncidentChange.NOTHING
        well = min(self.well + elapsed, CLOSE_AFTER)
        if well < CLOSE_AFTER:
            return replace(self, well=well), IncidentChange.NOTHING
        closes = self.current is not None
        return replace(
            self, bad=0, well=well, dismissed=False
        ), IncidentChange.CLOSED if closes else IncidentChange.NOTHING

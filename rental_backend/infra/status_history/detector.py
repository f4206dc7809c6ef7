"""The detector of automatic incidents: it ignores a flutter of a breaker, and is soon sure of a disruption."""

import enum
from dataclasses import dataclass, replace

# D90: when an incident opens and closes.
OPEN_AFTER = 20_000  # milliseconds of disruption until an incident is opened
CLOSE_AFTER = 60_000  # milliseconds without disruption until it is closed
REOPEN_WITHIN = 15 * 60_000  # milliseconds after its end in which a new disruption reopens it


class IncidentChange(enum.Enum):
    """What happened to the incident."""

    NOTHING = enum.auto()
    OPENED = enum.auto()
    CLOSED = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """The state of the detector of automatic incidents.

    `bad` is how long a disruption has lasted, not counting pauses shorter than `CLOSE_AFTER`; `well` is how long there
    has been none (both in milliseconds). `current` is the open incident, `last` the one before. `dismissed`: an
    operator closed the incident themselves, so none is opened before all has been well once.
    """

    bad: int = 0
    well: int = 0
    current: str | None = None
    last: str | None = None
    dismissed: bool = False

    def step(self, elapsed: int, *, disrupted: bool) -> tuple["Detector", IncidentChange]:
        """Return the detector and the incident's change after `elapsed` milliseconds with or without disruption."""
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

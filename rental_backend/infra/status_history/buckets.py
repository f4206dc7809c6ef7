"""Arithmetic of time: how long each component was in which state, hour by hour and day by day (UTC).

Only time that was observed is counted, in whole milliseconds. Everything is said as a share of that, so time in which
nobody looked is neither up nor down, and an hour that a clock ran through twice is still at most wholly up.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .levels import COMPONENT_STATUSES, ComponentStatus

NOTICED = 15_000  # milliseconds of a state before it colours a bar

Durations = tuple[int, ...]  # milliseconds by state, in the order of `COMPONENT_STATUSES`
Series = dict[int, dict[str, Durations]]  # by the start of a bucket (seconds since 1970), by component
NO_TIME: Durations = (0,) * len(COMPONENT_STATUSES)


@dataclass(frozen=True, slots=True)
class Kind:
    """Buckets of a length (seconds): how many are kept, and how many of those are shown."""

    name: str
    seconds: int
    kept: int
    shown: int

    def start(self, at: int) -> int:
        """Return the start of the bucket that a time (milliseconds) lies in."""
        return at // 1000 // self.seconds * self.seconds


HOUR, DAY = Kind("hour", 3600, 26, 24), Kind("day", 86400, 92, 90)
KINDS = (HOUR, DAY)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bucket of one component: its start (seconds since 1970), and the milliseconds in each state."""

    start: int
    spent: Durations

    @property
    def observed(self) -> int:
        """Milliseconds in which somebody looked."""
        return sum(self.spent)

    @property
    def up(self) -> float | None:
        """The share in which it worked, as `uptime` says."""
        return uptime([self])

    @property
    def worst(self) -> ComponentStatus | None:
        """The worst state that lasted long enough to be noticed; None if nobody looked."""
        if not self.observed:
            return None
        noticed = [level for level, spent in zip(COMPONENT_STATUSES, self.spent, strict=True) if spent >= NOTICED]
        return (
            noticed[-1]
            if noticed
            else COMPONENT_STATUSES[max(range(len(COMPONENT_STATUSES)), key=self.spent.__getitem__)]
        )


def split(kind: Kind, began: int, ended: int) -> Iterator[tuple[int, int]]:
    """Yield (start of a bucket, milliseconds in it) of a time from `began` to `ended` (milliseconds since 1970)."""
    while began < ended:
        start = kind.start(began)
        until = min(ended, (start + kind.seconds) * 1000)
        yield start, until - began
        began = until


# D89: milliseconds by state, of observed time only.
def counted(series: Series, kind: Kind, levels: Mapping[str, ComponentStatus], *, began: int, ended: int) -> Series:
    """Return the series with a time (milliseconds since 1970) in which each component was in that state."""
    found = dict(series)
    for start, spent in split(kind, began, ended):
        bucket = dict(found.get(start, {}))
        for component, level in levels.items():
            before, at = bucket.get(component, NO_TIME), level.weight
            bucket[component] = (*before[:at], before[at] + spent, *before[at + 1 :])
        found[start] = bucket
    return retain(found, kind, ended)


def retain(series: Series, kind: Kind, now: int) -> Series:
    """Return the newest buckets, as many as are kept; those that a wrong clock put into the future go first."""
    if len(series) <= kind.kept:
        return series
    newest = sorted(series, key=lambda start: (start * 1000 <= now, start))[-kind.kept :]
    return {start: series[start] for start in sorted(newest)}


def bars(kind: Kind, component: str, now: int, *series: Series) -> list[Bar]:
    """Return the buckets of a component to be shown, the oldest first, summed over these series."""
    last = kind.start(now)
    starts = range(last - (kind.shown - 1) * kind.seconds, last + 1, kind.seconds)
    return [Bar(start, total(each.get(start, {}).get(component, NO_TIME) for each in series)) for start in starts]


def total(spent: Iterable[Durations]) -> Durations:
    """Return the sums by state."""
    return tuple(map(sum, zip(NO_TIME, *spent, strict=True)))


def uptime(some: Iterable[Bar]) -> float | None:
    """Return the share of the observed time, maintenance left out, in which nothing was refused; None without such.

    Answers from memory count as up, a partial outage counts as down.
    """
    spent = dict(zip(COMPONENT_STATUSES, total(bar.spent for bar in some), strict=True))
    up = spent[ComponentStatus.OPERATIONAL] + spent[ComponentStatus.DEGRADED]
    counts = up + spent[ComponentStatus.PARTIAL] + spent[ComponentStatus.MAJOR]
    return up / counts if counts else None

"""Arithmetic of time: how long each component had which status, hour by hour and day by day (UTC).

Only observed time is counted, in whole milliseconds. Every figure is a share of it, so time without an observation is
neither up nor down, and an hour that a clock ran through twice is at most 100 % up.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .levels import COMPONENT_STATUSES, ComponentStatus

NOTICED = 15_000  # milliseconds of a status before it colours a bar

Durations = tuple[int, ...]  # milliseconds by status, in the order of `COMPONENT_STATUSES`
Series = dict[int, dict[str, Durations]]  # by the start of a bucket (seconds since 1970), by component
NO_TIME: Durations = (0,) * len(COMPONENT_STATUSES)


@dataclass(frozen=True, slots=True)
class Kind:
    """Buckets of a length in seconds: how many are kept, and how many of those are shown."""

    name: str
    seconds: int
    kept: int
    shown: int

    def start(self, at: int) -> int:
        """Return the start of the bucket that contains a time (milliseconds)."""
        return at // 1000 // self.seconds * self.seconds


HOUR, DAY = Kind("hour", 3600, 26, 24), Kind("day", 86400, 92, 90)
KINDS = (HOUR, DAY)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bucket of one component: its start (seconds since 1970), and the milliseconds in each status."""

    start: int
    spent: Durations

    @property
    def observed(self) -> int:
        """The observed milliseconds."""
        return sum(self.spent)

    @property
    def up(self) -> float | None:
        """The share of time in which the component worked, as `uptime` defines it."""
        return uptime([self])

    @property
    def worst(self) -> ComponentStatus | None:
        """The worst status that lasted long enough to be noticed; None without an observation."""
        if not self.observed:
            return None
        noticed = [level for level, spent in zip(COMPONENT_STATUSES, self.spent, strict=True) if spent >= NOTICED]
        return (
            noticed[-1]
            if noticed
            else COMPONENT_STATUSES[max(range(len(COMPONENT_STATUSES)), key=self.spent.__getitem__)]
        )


def split(kind: Kind, began: int, ended: int) -> Iterator[tuple[int, int]]:
    """Split a time from `began` to `ended` (milliseconds since 1970) into (start of a bucket, milliseconds in it)."""
    while began < ended:
        start = kind.start(began)
        until = min(ended, (start + kind.seconds) * 1000)
        yield start, until - began
        began = until


# D89: milliseconds by state, of observed time only.
def counted(series: Series, kind: Kind, levels: Mapping[str, ComponentStatus], *, began: int, ended: int) -> Series:
    """Return the series plus a time (milliseconds since 1970) in which each component had the given status."""
    result = dict(series)
    for start, spent in split(kind, began, ended):
        bucket = dict(result.get(start, {}))
        for component, level in levels.items():
            before, at = bucket.get(component, NO_TIME), level.weight
            bucket[component] = (*before[:at], before[at] + spent, *before[at + 1 :])
        result[start] = bucket
    return retain(result, kind, ended)


def retain(series: Series, kind: Kind, now: int) -> Series:
    """Return the newest buckets, as many as are kept; buckets that a wrong clock put into the future go first."""
    if len(series) <= kind.kept:
        return series
    newest = sorted(series, key=lambda start: (start * 1000 <= now, start))[-kind.kept :]
    return {start: series[start] for start in sorted(newest)}


def bars(kind: Kind, component: str, now: int, *series: Series) -> list[Bar]:
    """Return the buckets of a component to be shown, the oldest first, summed over the series."""
    last = kind.start(now)
    starts = range(last - (kind.shown - 1) * kind.seconds, last + 1, kind.seconds)
    return [Bar(start, total(one.get(start, {}).get(component, NO_TIME) for one in series)) for start in starts]


def total(spent: Iterable[Durations]) -> Durations:
    """Return the sums by status."""
    return tuple(map(sum, zip(NO_TIME, *spent, strict=True)))


def uptime(some: Iterable[Bar]) -> float | None:
    """Return the share of the observed time, without maintenance, in which nothing was refused; None without any.

    Stale responses count as up, a partial outage counts as down.
    """
    spent = dict(zip(COMPONENT_STATUSES, total(bar.spent for bar in some), strict=True))
    up = spent[ComponentStatus.OPERATIONAL] + spent[ComponentStatus.DEGRADED]
    counts = up + spent[ComponentStatus.PARTIAL] + spent[ComponentStatus.MAJOR]
    return up / counts if counts else None

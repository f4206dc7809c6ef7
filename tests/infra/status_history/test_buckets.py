"""The arithmetic of observed time: nothing is lost, nothing is counted twice, and there is an end to what is kept."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rental_backend.infra.status_history import DAY, HOUR, Bar, ComponentStatus, Kind, bars, uptime
from rental_backend.infra.status_history.buckets import NO_TIME, Series, counted, retain, split
from rental_backend.infra.status_history.levels import COMPONENT_STATUSES
from tests.reaching import share

SOME_TIME = 1_795_640_400_000
MOMENTS = st.integers(SOME_TIME - 10 * 86_400_000, SOME_TIME)
KINDS = st.sampled_from([HOUR, DAY])


TIMES = st.tuples(KINDS, MOMENTS, st.integers(0, 60_000) | st.integers(3_600_000, 3 * 86_400_000))


@given(TIMES)
def test_a_time_is_cut_at_the_edges_of_buckets_and_nothing_of_it_is_lost(drawn: tuple[Kind, int, int]) -> None:
    """The pieces add up, follow each other, and each lies in its bucket."""
    kind, began, took = drawn
    found = list(split(kind, began, began + took))

    assert sum(spent for _, spent in found) == took
    assert all(0 < spent <= kind.seconds * 1000 for _, spent in found)
    assert all(later - earlier == kind.seconds for (earlier, _), (later, _) in itertools.pairwise(found))
    assert not found or found[0][0] == began // 1000 // kind.seconds * kind.seconds


@given(
    kind=KINDS,
    times=st.lists(st.tuples(MOMENTS, st.integers(0, 15_000), st.sampled_from(COMPONENT_STATUSES)), max_size=30),
)
def test_what_is_counted_is_what_was_observed(kind: Kind, times: list[tuple[int, int, ComponentStatus]]) -> None:
    """Over any looks, in any order of time, each state has just the milliseconds that were given to it."""
    wide = Kind(kind.name, kind.seconds, 10_000, kind.shown)  # nothing is dropped here
    series: Series = {}
    for at, took, level in times:
        series = counted(series, wide, {"shop": level}, began=at - took, ended=at)

    for place, level in enumerate(COMPONENT_STATUSES):
        assert sum(bucket["shop"][place] for bucket in series.values()) == sum(
            took for _, took, seen in times if seen is level
        )


def _starts(past: tuple[int, int], future: tuple[int, int]) -> st.SearchStrategy[set[int]]:
    """Draw so many buckets of the past, from the least to the most, and so many of the future, with equal gaps."""
    gaps = st.integers(1, 4)
    return st.builds(
        lambda before, gap, after, wide: {*range(0, -before * gap, -gap), *range(1, 1 + after * wide, wide)},
        *(st.integers(*past), gaps, st.integers(*future), gaps),
    )


def _too_many(kind: Kind) -> st.SearchStrategy[tuple[Kind, set[int]]]:
    """Draw more buckets than are kept, among them of the past too many or too few; or no more than are kept."""
    kept = kind.kept
    cases = (
        _starts((kept + 1, kept + 20), (0, 5)),
        _starts((1, kept - 1), (kept, kept + 20)),
        _starts((0, 20), (0, 6)),
    )
    return st.tuples(st.just(kind), st.one_of(*cases))


BUCKETS = KINDS.flatmap(_too_many)


@given(BUCKETS)
def test_the_newest_buckets_are_kept_and_those_of_a_wrong_clock_go_first(drawn: tuple[Kind, set[int]]) -> None:
    """No more than the kept number; a bucket of the future is given up before any of the past, then the oldest."""
    kind, starts = drawn
    last = kind.start(SOME_TIME)
    series: Series = {last + each * kind.seconds: {"shop": NO_TIME} for each in starts}

    left = retain(series, kind, SOME_TIME)

    past = sorted(start for start in series if start <= last)
    assert len(left) == min(len(series), kind.kept)
    assert set(past[-kind.kept :]) <= set(left) <= set(series)


def test_a_history_has_a_bar_for_every_hour_and_none_is_made_up() -> None:
    """Twenty-four hours up to the present one, ninety days up to today; where nobody looked there is no data."""
    series = counted({}, HOUR, {"shop": ComponentStatus.MAJOR}, began=SOME_TIME - 60_000, ended=SOME_TIME)

    found = bars(HOUR, "shop", SOME_TIME + 1, series, {})

    assert (len(found), len(bars(DAY, "shop", SOME_TIME, {}))) == (24, 90)
    assert [bar.observed for bar in found] == [0] * 22 + [60_000, 0]
    assert [bar.up for bar in found] == [None] * 22 + [0.0, None]
    assert (found[22].worst, found[23].worst) == (ComponentStatus.MAJOR, None)
    assert uptime(found) == 0.0
    assert uptime(bars(DAY, "other", SOME_TIME, series)) is None


@pytest.mark.parametrize(
    ("spent", "up", "worst"),
    [
        ((0, 0, 0, 0, 0), None, None),
        ((3_600_000, 0, 0, 0, 0), 1.0, ComponentStatus.OPERATIONAL),
        ((1_800_000, 1_800_000, 0, 0, 0), 1.0, ComponentStatus.UNDER_MAINTENANCE),
        ((0, 3_600_000, 0, 0, 0), None, ComponentStatus.UNDER_MAINTENANCE),
        ((900_000, 0, 900_000, 0, 0), 1.0, ComponentStatus.DEGRADED),
        ((900_000, 0, 0, 900_000, 0), 0.5, ComponentStatus.PARTIAL),
        ((2_700_000, 0, 0, 0, 900_000), 0.75, ComponentStatus.MAJOR),
        ((3_590_000, 0, 0, 0, 10_000), 3_590_000 / 3_600_000, ComponentStatus.OPERATIONAL),
        ((0, 0, 0, 0, 2_000), 0.0, ComponentStatus.MAJOR),
    ],
)
def test_what_a_bar_says(spent: tuple[int, ...], up: float | None, worst: ComponentStatus | None) -> None:
    """Maintenance is neither up nor down, memory is up, refusals are down; a blip counts, and colours nothing."""
    bar = Bar(0, spent)

    assert (bar.up, bar.worst) == (up, worst)


SEEN = st.lists(st.integers(0, 10_000), min_size=5, max_size=5).map(tuple)
UNCOUNTED = st.integers(0, 10_000).map(lambda spent: (0, spent, 0, 0, 0))  # nobody looked, or only maintenance was seen
SPENT = st.lists(UNCOUNTED, min_size=1, max_size=4) | st.lists(SEEN | UNCOUNTED, min_size=1, max_size=9)


@given(SPENT)
def test_a_share_is_a_share(some: list[tuple[int, ...]]) -> None:
    """Over any buckets it lies between nothing and all, and between the least and the most of them."""
    found = [Bar(0, spent) for spent in some]
    each = [bar.up for bar in found if bar.up is not None]

    share = uptime(found)

    assert (share is None) == (not each)
    if share is not None:
        assert min(each) - 1e-9 <= share <= max(each) + 1e-9


CASES: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], bool]]] = {
    "more buckets than are kept, all of the past": (
        BUCKETS, lambda drawn: sum(start <= 0 for start in drawn[1]) > drawn[0].kept
    ),
    "more than are kept with those of the future only": (
        BUCKETS, lambda drawn: len(drawn[1]) > drawn[0].kept >= sum(start <= 0 for start in drawn[1])
    ),
    "no share": (SPENT, lambda some: all(Bar(0, spent).up is None for spent in some)),
    "bars with and without a share": (SPENT, lambda some: len({Bar(0, spent).up is None for spent in some}) == 2),
    "a time that is cut": (TIMES, lambda drawn: len(list(split(drawn[0], drawn[1], sum(drawn[1:])))) > 1),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_examples_reach_what_they_are_about(
    case: tuple[st.SearchStrategy[Any], Callable[[Any], bool]],
) -> None:
    """One in ten at the least: a property says nothing of what it is not tried on."""
    assert share(*case) >= 0.1

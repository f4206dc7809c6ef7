"""The table of who changed what last: exact for as many as it has seats for, and never too little for the others."""

import itertools
import uuid
from collections import defaultdict

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rental_backend.infra.stale.change_authors import (
    ANYBODY,
    ENTRIES,
    FIRST,
    OTHERS,
    ChangeAuthors,
    LastChange,
    author_key,
)
from rental_backend.resilience import SharedMemory, SharedState

ROOM = ENTRIES - FIRST
ROW = SharedState.row_base(7)


def table() -> ChangeAuthors:
    """An empty table."""
    return ChangeAuthors(SharedState(SharedMemory()).words)


def test_authors_are_numbers_that_mean_nobody_else() -> None:
    """The same for the same account, another for another one, none of the two that are kept for the unknown."""
    accounts = [uuid.UUID(int=number) for number in range(10)] + [uuid.uuid4() for _ in range(1000)]
    assert author_key(None) == ANYBODY
    assert all(OTHERS < author_key(each) < 2**63 for each in accounts)
    assert len({author_key(uuid.uuid4()) for _ in range(1000)}) == 1000


def test_as_many_as_there_are_seats_for_are_known_apart() -> None:
    """Each by his own last change; who made none is not hidden anything."""
    authors = table()
    for number in range(ROOM):
        authors.record(ROW, 10 + number, number + 1, 1000 + number)
    assert [authors.last_change(ROW, 10 + number).count for number in range(ROOM)] == [*range(1, ROOM + 1)]
    assert authors.last_change(ROW, 99) == LastChange(0, 0, 0, 0)
    assert authors.last_change(ROW, ANYBODY).count == ROOM
    assert authors.own_changes(ROW) == {10 + number: 1000 + number for number in range(ROOM)}


def test_who_changed_longest_ago_gives_up_his_seat() -> None:
    """He and whoever has none are taken for the newest of those who gave theirs up."""
    authors = table()
    for number in range(ROOM + 2):
        authors.record(ROW, 10 + number, number + 1, 1000 + number)
    assert [authors.last_change(ROW, who).count for who in (10, 11, 12, 99)] == [2, 2, 3, 2]
    authors.merge(ROW, {10: 5000}, ROOM + 3)
    assert authors.last_change(ROW, 10) == LastChange(
        3, 1002, ROOM + 3, 5000
    )  # he is back, and may be the one of the third change


def test_what_is_told_of_those_without_a_seat_concerns_whoever_is_not_named() -> None:
    """Whoever is named there is known exactly."""
    authors = table()
    authors.record(ROW, 10, 1, 100)
    assert authors.merge(ROW, {OTHERS: 700, 11: 500, ANYBODY: 300}, 2)
    found = {who: authors.last_change(ROW, who).elsewhere for who in (10, 11, 99)}
    assert found == {10: 700, 11: 500, 99: 700}
    assert not authors.merge(ROW, {OTHERS: 700, 11: 500, ANYBODY: 300}, 3)


CROWD = [ANYBODY, *range(2, ROOM + 10)]  # more than have seats
MADE = st.tuples(st.booleans(), st.sampled_from(CROWD), st.integers(1, 10**6))
EACH_ONCE = st.permutations(CROWD).flatmap(
    lambda people: st.tuples(*(st.tuples(st.booleans(), st.just(who), st.integers(1, 10**6)) for who in people))
)
STEPS = st.tuples(st.lists(MADE), EACH_ONCE, st.lists(MADE)).map(lambda parts: list(itertools.chain(*parts)))


@given(STEPS)
@settings(max_examples=40, deadline=None, phases=[Phase.generate])  # to make so many steps fewer takes minutes
def test_no_change_is_ever_forgotten(steps: list[tuple[bool, int, int]]) -> None:
    """After any changes, here and elsewhere, by more people than have seats: at least the last is known of each."""
    authors = table()
    here: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    there: dict[int, int] = defaultdict(int)
    for count, (own, who, at) in enumerate(steps, 1):
        if own:
            authors.record(ROW, who, count, at)
            here[who] = count, max(at, here[who][1])
        else:
            authors.merge(ROW, {who: at}, count)
            there[who] = max(at, there[who])
    assert len({*here, *there}) > ROOM + 1
    for who in {*here, *there}:
        known = authors.last_change(ROW, who)
        assert known.count >= max(here[who][0], here[ANYBODY][0])
        assert known.at >= max(here[who][1], here[ANYBODY][1])
        assert known.elsewhere >= max(there[who], there[ANYBODY])

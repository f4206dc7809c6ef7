"""When incidents begin and end by themselves, what operators may do with them, and how instances agree on them."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rental_backend.infra.status_history import (
    ComponentStatus,
    Impact,
    Incident,
    IncidentStatus,
    StatusHistory,
    open_incident,
    visible,
)
from rental_backend.infra.status_history.incidents import MOST_INCIDENTS, merged

from .history_rows import BAD, NOW, WELL, WORSE, Past


def test_an_incident_opens_and_closes_by_itself() -> None:
    """Twenty seconds of disruption open one, from its beginning on; a minute of being well closes it."""
    past = Past()
    past.go(600, WELL)
    began = past.wall + 2_000
    assert past.go(18, BAD).incidents == ()

    (opened,) = past.go(2, BAD).incidents

    assert (opened.status, opened.impact, opened.components) == (IncidentStatus.INVESTIGATING, Impact.MAJOR, ("shop",))
    assert (opened.name, opened.created, opened.resolved) == ("Disruption: Web shop", began, None)
    past.go(58, WELL)
    assert past.state.incidents == (opened,)
    (closed,) = past.go(2, WELL).incidents
    assert (closed.id, closed.status) == (opened.id, IncidentStatus.RESOLVED)
    assert closed.resolved == closed.updates[-1].at <= past.wall
    assert [each.status for each in closed.updates] == [IncidentStatus.INVESTIGATING, IncidentStatus.RESOLVED]


def test_an_incident_grows_with_what_it_concerns() -> None:
    """More components and a worse impact are added, and stay; the name follows until an operator gives one."""
    past = Past()
    past.go(30, BAD)

    (grown,) = past.go(2, WORSE).incidents

    assert (grown.components, grown.impact) == (("shop", "desk"), Impact.CRITICAL)
    assert grown.name == "Disruption: Web shop, Front desk"
    (kept,) = past.go(10, BAD).incidents
    assert (kept.components, kept.impact) == (grown.components, grown.impact)
    again = Past()
    (named,) = again.go(30, BAD).incidents
    again.state = again.state.operated(named.edited(now=again.wall, name="Power cut"))
    assert again.go(2, WORSE).incidents[0].name == "Power cut"


def test_flapping_makes_one_incident() -> None:
    """Hours of up and down are one incident with few words, whatever their rhythm."""
    for well, bad in [(4, 6), (50, 10), (70, 30), (300, 24), (2, 2)]:
        past = Past()
        for _ in range(40):
            past.go(bad, BAD)
            past.go(well, WELL)
        assert len(past.state.incidents) == 1, (well, bad)
        assert len(past.state.incidents[0].updates) <= 3


def test_blips_make_no_incident() -> None:
    """A few seconds now and then, with more than a minute between them, are in the history and nowhere else."""
    past = Past()
    for _ in range(30):
        past.go(10, BAD)
        past.go(90, WELL)

    assert past.state.incidents == ()


def test_a_disruption_soon_after_is_the_same_and_a_later_one_another() -> None:
    """Within a quarter of an hour an incident is reopened, what operators said stays; after that it is over."""
    past = Past()
    past.go(30, BAD)
    (first,) = past.state.incidents
    past.state = past.state.operated(
        first.with_update(IncidentStatus.IDENTIFIED, "A cable.", now=past.wall, author="ada")
    )
    past.go(120, WELL)
    (reopened,) = past.go(30, BAD).incidents
    assert (reopened.id, reopened.resolved, reopened.status) == (first.id, None, IncidentStatus.INVESTIGATING)
    assert [each.author for each in reopened.updates] == ["", "ada", ""]
    past.go(62 + 15 * 60, WELL)

    later, before = past.go(30, BAD).incidents

    assert before.id == first.id
    assert (later.id != first.id, before.resolved is not None, later.resolved) == (True, True, None)


def test_an_operators_word_is_the_last() -> None:
    """Who closes an incident is not contradicted before all was well once; who reopens one closes it himself."""
    past = Past()
    (opened,) = past.go(30, BAD).incidents
    past.state = past.state.operated(opened.with_update(IncidentStatus.RESOLVED, "Known.", now=past.wall, author="ada"))

    past.go(300, BAD)
    assert len(past.state.incidents) == 1
    past.go(62, WELL)
    assert len(past.go(30, BAD).incidents) == 2
    past.go(62, WELL)

    closed = past.state.incidents[0]
    past.state = past.state.operated(
        closed.with_update(IncidentStatus.MONITORING, "Not quite.", now=past.wall, author="ada")
    )
    past.go(300, WELL)
    assert past.state.incidents[0].resolved is None
    assert past.state.incidents[0].automatic is False


def test_maintenance_is_no_incident() -> None:
    """What an operator has ordered opens none, and ends one."""
    past = Past()
    maintained = dict.fromkeys(WELL, ComponentStatus.UNDER_MAINTENANCE)
    past.go(120, maintained)
    assert past.state.incidents == ()
    past.go(30, BAD)

    (incident,) = past.go(62, maintained).incidents

    assert incident.status is IncidentStatus.RESOLVED


def test_time_in_which_nobody_looked_is_not_counted() -> None:
    """A pause longer than a few looks is no data, neither up nor down, and neither opens nor closes an incident."""
    past = Past()
    past.go(10, BAD)
    past.unseen(3600)
    past.go(8, BAD)

    spent = [sum(bucket["shop"]) for bucket in past.state.own["hour"].values()]

    assert sum(spent) == (10 - 2 + 8 - 2) * 1000
    assert past.state.incidents == ()


@pytest.mark.parametrize("step", [-3600, -90, 90, 3600, 400 * 86400])
def test_a_clock_that_is_set_changes_no_duration(step: int) -> None:
    """Seconds are counted by a clock that is never set; the wall clock only says in which bucket they lie."""
    past = Past()
    past.go(600, WELL)
    past.wall += step * 1000
    past.go(30, BAD)
    past.wall -= step * 1000
    past.go(100, WELL)

    spent = [bucket["shop"] for bucket in past.state.own["day"].values()]

    assert sum(map(sum, spent)) == (600 + 30 + 100 - 2) * 1000
    assert sum(each[3] for each in spent) == 30_000
    (incident,) = past.state.incidents
    assert incident.status is IncidentStatus.RESOLVED
    assert incident.created <= incident.updates[0].at <= incident.updates[1].at == incident.resolved


def test_ninety_days_fit() -> None:
    """A state of ninety full days here and elsewhere, with a hundred incidents, has less than half its place."""
    names = [f"component-{number}" for number in range(8)]
    spent = (86_399_999, 86_399_999, 86_399_999, 86_399_999, 86_399_999)
    full = {
        "hour": {NOW // 1000 + hour * 3600: dict.fromkeys(names, spent) for hour in range(26)},
        "day": {NOW // 1000 + day * 86400: dict.fromkeys(names, spent) for day in range(92)},
    }
    state = StatusHistory(own=full, others=full)
    for number in range(150):
        incident = open_incident("n" * 120, Impact.MAJOR, names, now=NOW + number, source=state.source)
        state = state.with_incidents(
            incident.with_update(IncidentStatus.RESOLVED, "t" * 500, now=NOW + number, author="ada")
        )

    packed = state.packed(512 * 1024)

    print(
        f"state of 90 days: {len(packed)} bytes, without incidents {len(replace(state, incidents=()).packed(1 << 20))}"
    )
    assert len(state.incidents) == MOST_INCIDENTS
    assert len(packed) < 256 * 1024
    assert StatusHistory.read(packed) == state


def test_what_is_too_much_gives_way() -> None:
    """Where there is no room, the oldest incidents that are over go first; open ones never do."""
    state = StatusHistory()
    for number in range(60):
        incident = open_incident(f"{number}", Impact.MINOR, (), now=NOW + number, source="")
        status = IncidentStatus.RESOLVED if number % 2 else IncidentStatus.MONITORING
        state = state.with_incidents(incident.with_update(status, "t" * 1000, now=NOW + number, author="ada"))

    left = StatusHistory.read(state.packed(48 * 1024)).incidents

    assert len([each for each in left if each.resolved is None]) == 30
    assert [each.resolved for each in StatusHistory.read(state.packed(16 * 1024)).incidents] == [None] * 12
    assert [each.name for each in left if each.resolved is not None] == [f"{n}" for n in range(59, 0, -2)][
        : len(left) - 30
    ]


def _twin(created: int, resolved: int | None, *, automatic: bool = True, said: bool = False) -> Incident:
    made = open_incident("", Impact.MAJOR, ("shop",), now=created, source="", automatic=automatic)
    made = made.with_update(IncidentStatus.IDENTIFIED, "", now=created, author="ada" if said else "")
    return made if resolved is None else replace(made, resolved=resolved, status=IncidentStatus.RESOLVED)


def test_the_same_disruption_seen_by_several_is_shown_once() -> None:
    """The first of those that overlap stands for all, unless it is over and the other is not, or somebody spoke."""
    first = _twin(100, 200)
    for other, told in [
        (_twin(150, 190), 1),
        (_twin(150, 260), 1),
        (_twin(150, None), 2),
        (_twin(201, 260), 2),
        (_twin(150, 190, said=True), 2),
        (_twin(150, 190, automatic=False), 2),
    ]:
        assert len(visible([other, first])) == told, other
    assert [each.created for each in visible([_twin(150, None), _twin(100, None)])] == [100]


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(list(IncidentStatus)),
            st.integers(0, 50),
            st.sampled_from(["", "ada", "bob"]),
        ),
        max_size=12,
    )
)
def test_instances_agree_in_the_end(said: list[tuple[bool, IncidentStatus, int, str]]) -> None:
    """Two that tell each other of an incident know the same in the end, and all that operators said of it."""
    ours = theirs = open_incident("", Impact.MAJOR, (), now=0, source="", automatic=True)
    for here, status, now, author in said:
        if here:
            ours = ours.with_update(status, "", now=now, author=author)
        else:
            theirs = theirs.with_update(status, "", now=now, author=author)

    together = merged(ours, theirs)

    assert merged(theirs, ours) == together
    assert merged(together, ours) == merged(together, theirs) == together
    spoken = {each.id for each in itertools.chain(ours.updates, theirs.updates) if each.author}
    assert spoken <= {each.id for each in together.updates}


def test_what_others_leave_behind_is_taken_over() -> None:
    """An open incident of an instance that is gone closes here when all is well; one of a living instance does not."""
    past = Past()
    past.go(10, WELL)
    orphan, alive = (_twin(NOW - each, None) for each in (9_000, 5_000))
    past.state = past.state.merged_with({}, [orphan, alive], [orphan.id], past.wall)

    past.go(120, WELL)

    assert {each.id: each.resolved is not None for each in past.state.incidents} == {orphan.id: True, alive.id: False}


def test_what_an_operator_closed_elsewhere_is_closed_here() -> None:
    """The word that reaches this instance through another one ends its own watch of the incident."""
    past = Past()
    (opened,) = past.go(30, BAD).incidents
    closed = opened.with_update(IncidentStatus.RESOLVED, "Known.", now=past.wall + 1, author="ada")

    past.state = past.state.merged_with({}, [closed], [], past.wall)

    assert past.go(300, BAD).incidents[0].resolved == closed.resolved

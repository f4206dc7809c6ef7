"""Two slots behind a router: the idle one is proven before the switch, and the way back is open while it may be."""

import random

import pytest

from .conftest import Project
from .kinds import ALIKE, DONE, LOST, OTHERS, READS, REFUSED, SLOW, UNCLEAR

SOAK = ("--soak", "60")
# Nothing but the variable is changed by then, and it is changed back where the router was surely not deployed.
ROUTER = {
    **dict.fromkeys(LOST, 5),
    **dict.fromkeys(REFUSED, 6),
    **dict.fromkeys(DONE, 0),
    **dict.fromkeys(SLOW, 0),
    **dict.fromkeys((*OTHERS, *UNCLEAR), 5),
    "foreign instead": 0,  # who else deploys the router carries out the switch, and the public's answers prove it
}
VARIABLE = {**dict.fromkeys(LOST, 3), **dict.fromkeys(REFUSED, 6), **dict.fromkeys(DONE, 0)}
HARMLESS_TO_A_ROUTER = ("other version",)  # the router is deployed at whatever commit its service is set to


def public(project: Project) -> str:
    """The slot that the public is answered by in the end, as the router has it."""
    rows = project.live(project.world.services["router"])
    return rows[0].variables["ACTIVE_SLOT"]


def test_the_status_says_who_answers(project: Project) -> None:
    """Which slot is active, what each runs, and which deployment the public meets."""
    _, blue, green = project.slots()
    ids = [project.world.of(service)[-1].id for service in (blue, green)]

    done = project.run("bluegreen", "status")

    assert (done.code, done.told["active"]) == (0, "blue")
    assert [done.told[name] for name in ("blue", "green", "public")] == [*ids, ids[0]]


def test_a_router_that_was_not_deployed_since_its_variable_changed_is_seen(project: Project) -> None:
    """The variable says green, and the public is still answered by blue."""
    router, _, _ = project.slots()
    router.variables["ACTIVE_SLOT"] = "green"

    assert project.run("bluegreen", "status").code == 1


def test_the_idle_slot_is_deployed_while_the_public_notices_nothing(project: Project) -> None:
    """Only the idle service is deployed, and it is checked through the router."""
    _, _, green = project.slots()

    done = project.run("bluegreen", "deploy", "--commit", project.history.newer, "--origin", *project.world.origins)

    assert done.code == 0, done.told
    assert [given["serviceId"] for given in project.asked("Deploy")] == [green.id]
    assert public(project) == "blue"


def test_an_idle_slot_that_fails_is_not_live(project: Project) -> None:
    """The active slot serves on; the exit code says so."""
    _, _, green = project.slots()
    green.plan = [{"fails_at": "HEALTHCHECK"}]

    assert project.run("bluegreen", "deploy", "--commit", project.history.newer).code == 3


def test_a_deployment_past_a_contract_migration_warns_that_there_is_no_way_back(project: Project) -> None:
    """Before the switch, when it can still be thought over."""
    project.slots()

    done = project.run("bluegreen", "deploy", "--commit", project.history.dropped)

    assert done.code == 0
    assert "took away" in done.finding("no-way-back")["message"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"down": frozenset({"database"})}, "slot-dependencies"),
        ({"answers": 500}, "slot-identity"),
        ({"state": "CRASHED"}, "slot-empty"),
        ({"silent": True}, "slot-not-asked"),
    ],
)
def test_an_idle_slot_that_cannot_take_over_is_not_switched_to(
    project: Project, fault: dict[str, object], code: str
) -> None:
    """The check names why, and the switch changes nothing."""
    project.slots()
    for name, value in fault.items():
        setattr(project.world.of(project.world.services["api-green"])[-1], name, value)

    checked = project.run("bluegreen", "verify")
    switched = project.run("bluegreen", "switch", *SOAK)

    assert (checked.code, code in checked.failed) == (1, True), checked.told
    assert (switched.code, project.world.asked) == (3, [])


def test_what_both_slots_lack_does_not_forbid_the_switch(project: Project) -> None:
    """A database that is down for both is no reason to stay, and not the new slot's fault afterwards."""
    project.slots()
    project.world.down = frozenset({"database"})

    done = project.run("bluegreen", "switch", *SOAK)

    assert (done.code, done.told["verdict"]) == (1, "shared")
    assert public(project) == "green"


def test_the_switch_and_the_way_back(project: Project) -> None:
    """The variable, one deployment of the router, and the public is answered by the other slot; and the same back."""
    router, _, _ = project.slots()

    there = project.run("bluegreen", "switch", *SOAK)
    project.world.clock.seconds += 300
    between = project.world.live(router)[0].variables["ACTIVE_SLOT"]
    back = project.run("bluegreen", "rollback", *SOAK)

    assert (there.code, between, back.code) == (0, "green", 0), back.told
    assert [given["input"]["value"] for given in project.asked("VariableUpsert")] == ["green", "blue"]
    assert [given["serviceId"] for given in project.asked("Deploy")] == [router.id, router.id]
    assert public(project) == "blue"


def test_a_dry_run_checks_and_changes_nothing(project: Project) -> None:
    """`--dry-run` says from which slot to which."""
    project.slots()

    done = project.run("bluegreen", "switch", "--dry-run")

    assert (done.code, project.world.asked) == (0, [])


def test_a_build_that_breaks_after_the_switch_is_left_again(project: Project) -> None:
    """The slot before serves all the time, so the way back is as short as the way there."""
    project.slots()
    row = project.world.of(project.world.services["api-green"])[-1]
    project.fault("Deployment", skip=8, meanwhile=lambda: setattr(row, "down", frozenset({"database"})))

    done = project.run("bluegreen", "switch", "--soak", "120")

    assert (done.code, done.told["verdict"]) == (4, "broken"), done.told
    assert public(project) == "blue"


def test_a_broken_build_past_a_contract_migration_is_not_left_by_itself(project: Project) -> None:
    """Whether the slot before still lives with the database is for a human to know."""
    project.slots()
    row = project.world.of(project.world.services["api-green"])[-1]
    row.commit = project.history.dropped
    project.fault("Deployment", skip=8, meanwhile=lambda: setattr(row, "down", frozenset({"database"})))

    done = project.run("bluegreen", "switch", "--soak", "120")

    assert (done.code, done.told["verdict"], public(project)) == (5, "broken", "green")


def test_switching_back_past_a_contract_migration_is_refused(project: Project) -> None:
    """The slot before runs, but what it needs is gone from the database."""
    project.slots()
    project.world.of(project.world.services["api-green"])[-1].commit = project.history.dropped
    assert project.run("bluegreen", "switch", *SOAK).code == 0
    changes = len(project.world.asked)

    done = project.run("bluegreen", "rollback", *SOAK)

    assert (done.code, len(project.world.asked)) == (5, changes)


def test_a_slot_that_died_past_a_contract_migration_is_not_left_either(project: Project) -> None:
    """That it serves no more does not bring back what the slot before needs."""
    _, blue, _ = project.slots()
    row = project.world.of(blue)[-1]
    row.commit, row.state = project.history.dropped, "CRASHED"

    done = project.run("bluegreen", "rollback", *SOAK)

    assert (done.code, project.world.asked) == (5, [])
    assert "took away" in done.told["summary"]


def test_a_slot_that_died_is_left_when_that_is_asked_for(project: Project) -> None:
    """A switch wants to compare; a rollback does not need to."""
    _, blue, _ = project.slots()
    project.world.of(blue)[-1].state = "CRASHED"

    asked = project.run("bluegreen", "switch", *SOAK)
    untouched = project.world.asked == []
    done = project.run("bluegreen", "rollback", *SOAK)

    assert (asked.code, untouched, done.code) == (5, True, 0), done.told
    assert public(project) == "green"


def test_a_smoke_test_that_cannot_sign_in_stops_the_switch(project: Project) -> None:
    """Every resource is tried at the idle slot, where an account for it is named."""
    project.slots()
    account = {"SMOKE_USERNAME": "smoker", "SMOKE_PASSWORD": "a password for smoking"}

    done = project.run("bluegreen", "switch", *SOAK, **account)

    assert (done.code, project.world.asked) == (6, [])
    assert "a password" not in done.written


def test_a_router_that_fails_leaves_everything_as_it_was(project: Project) -> None:
    """The router before serves on, and the variable is set back, lest a later deployment switches by surprise."""
    router, _, _ = project.slots()
    router.plan = [{"fails_at": "HEALTHCHECK"}]

    done = project.run("bluegreen", "switch", *SOAK)

    assert (done.code, router.variables["ACTIVE_SLOT"], public(project)) == (3, "blue", "blue")


@pytest.mark.parametrize("kind", sorted(set(ROUTER) - ALIKE - set(HARMLESS_TO_A_ROUTER)))
def test_no_fault_of_the_routers_deployment_leads_to_a_second_one(project: Project, kind: str) -> None:
    """The router is deployed once, whatever is answered; where it surely was not, the variable is set back."""
    router, _, _ = project.slots()
    project.fault("Deploy", kind)

    done = project.run("bluegreen", "switch", *SOAK)

    assert (done.code, len(project.asked("Deploy"))) == (ROUTER[kind], 1), done.told
    assert router.variables["ACTIVE_SLOT"] == ("blue" if kind in REFUSED else "green")


@pytest.mark.parametrize("kind", sorted(set(VARIABLE) - ALIKE))
def test_no_fault_of_the_variable_leads_to_a_second_write(project: Project, kind: str) -> None:
    """The variable is written once, and what it is then decides; without it the router is not deployed."""
    router, _, _ = project.slots()
    project.fault("VariableUpsert", kind)

    done = project.run("bluegreen", "switch", *SOAK)

    assert (done.code, len(project.asked("VariableUpsert"))) == (VARIABLE[kind], 1), done.told
    assert len(project.asked("Deploy")) == (1 if kind in DONE else 0)
    assert public(project) == router.variables["ACTIVE_SLOT"]


@pytest.mark.full
@pytest.mark.parametrize("kind", sorted(set(ROUTER) - set(HARMLESS_TO_A_ROUTER)))
def test_a_hundred_faults_of_each_kind_do_no_harm(project: Project, kind: str) -> None:
    """The same a hundred times for each kind, with failing reads at random moments around it."""
    for number in range(100):
        chance = random.Random(f"{kind} {number}")
        project.reset()
        project.slots()
        project.fault("Deploy", kind)
        for operation in ("Deployments", "Deployment", "Variables"):
            project.fault(operation, chance.choice(READS), times=chance.randint(0, 4), skip=chance.randint(0, 9))

        done = project.run("bluegreen", "switch", *SOAK)

        assert len(project.asked("Deploy")) <= 1
        if done.code == 0:
            assert public(project) == "green"

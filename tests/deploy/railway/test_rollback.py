"""Going back, when all is well and when it is not: one change at the most, and never to what is not known."""

import random
from typing import Any

import pytest

from . import kinds
from .conftest import Done, Project
from .kinds import READS

OUTCOMES = {**kinds.OUTCOMES, "unknown state": 5}

SAID = {
    "twice": "more than one",
    "foreign too": "more than one",
    "foreign instead": "not what was asked for",
    "other version": "not what was asked for",
    "no effect": "can be told for certain",
    "denied": "nothing was changed",
    "too many": "nothing was changed",
}
READ = ("ProjectToken", "Topology", "Deployments", "Deployment", "Domains")
ONCE_EACH = tuple((operation, READS[0]) for operation in READ)


def two(project: Project, older: str = "expand", newer: str = "newer") -> tuple[str, str]:
    """Have two versions deployed; return the id of the older deployment and its commit."""
    commits = getattr(project.history, older), getattr(project.history, newer)
    service = project.service("api", "a" * 40, *commits)
    return project.world.of(service)[1].id, commits[0]


def unharmed(project: Project, done: Done, target: str, commit: str) -> None:
    """Whatever happened: one change at the most, to the right target, and success only if that is what answers."""
    assert project.asked("Rollback") in ([], [{"id": target}])
    assert project.asked("Deploy") == []
    if done.code == 0:
        assert [row.commit for row in project.live(project.world.services["api"])] == [commit]


def test_a_broken_deployment_is_left_for_the_one_before(project: Project) -> None:
    """The version before answers again, asked for once, and the result says which deployment it is."""
    target, commit = two(project)

    done = project.run("rollback")

    assert done.code == 0
    assert project.asked("Rollback") == [{"id": target}]
    live = project.live(project.world.services["api"])
    assert [row.commit for row in live] == [commit]
    assert done.told["deployment"] == live[0].id


def test_a_crashed_deployment_is_left(project: Project) -> None:
    """What crashed after it was live can be left, too."""
    target, commit = two(project)
    project.world.of(project.world.services["api"])[-1].crashes = 5

    done = project.run("rollback")

    assert done.code == 0
    unharmed(project, done, target, commit)


def test_a_dry_run_names_the_target_and_changes_nothing(project: Project) -> None:
    """`--dry-run` says from what to what, and asks the platform for nothing."""
    target, _ = two(project)

    done = project.run("rollback", "--dry-run")

    assert (done.code, done.told["to"]) == (0, target)
    assert project.world.asked == []


@pytest.mark.parametrize("kind", OUTCOMES)
def test_no_fault_of_the_change_leads_to_a_second_one(project: Project, kind: str) -> None:
    """Each kind of fault ends as it must: done and verified, refused, or left to a human; never asked for twice."""
    target, commit = two(project)
    project.fault("Rollback", kind)

    done = project.run("rollback")

    assert (done.code, len(project.asked("Rollback"))) == (OUTCOMES[kind], 1), done.told
    assert SAID.get(kind, "") in done.told["summary"]
    unharmed(project, done, target, commit)


@pytest.mark.parametrize(("operation", "kind"), [*ONCE_EACH, *(("Deployments", kind) for kind in READS[1:])])
def test_a_read_that_fails_is_repeated(project: Project, operation: str, kind: str) -> None:
    """A few failed reads change nothing but the time it takes."""
    target, commit = two(project)
    project.fault(operation, kind, times=3)

    done = project.run("rollback")

    assert done.code == 0, done.told
    unharmed(project, done, target, commit)


@pytest.mark.parametrize("operation", READ)
def test_a_platform_that_cannot_be_read_is_not_acted_upon(project: Project, operation: str) -> None:
    """When reads keep failing before the change, there is none, and no verdict."""
    two(project)
    project.fault(operation, "status 500", times=1000)

    done = project.run("rollback")

    assert done.code == 6
    assert project.world.asked == []


@pytest.mark.parametrize("skip", [3, 6])
def test_a_platform_that_falls_silent_after_the_change_is_left_to_a_human(project: Project, skip: int) -> None:
    """The change was asked for; what became of it cannot be read, so nothing more is done."""
    target, commit = two(project)
    project.fault("Deployments", "dropped", times=1000, skip=skip)

    done = project.run("rollback")

    assert done.code == 5
    assert len(project.asked("Rollback")) == 1
    unharmed(project, done, target, commit)


UNFIT = {"image gone": {"kept": False}, "never live": {"fails_at": "HEALTHCHECK"}}


@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT)
def test_what_cannot_be_gone_back_to_is_passed_over(project: Project, unfit: dict[str, Any]) -> None:
    """The target is the newest earlier deployment that was live and can be had, not the newest earlier one."""
    history = project.history
    service = project.service("api", "a" * 40, history.expand, "b" * 40, "c" * 40, history.newer)
    _, target, *between, _ = project.world.of(service)
    for row in between:
        vars(row).update(unfit)

    done = project.run("rollback")

    assert (done.code, done.told["to"]) == (0, target.id), done.told
    unharmed(project, done, target.id, history.expand)


def test_what_is_left_is_what_the_public_meets(project: Project) -> None:
    """A newer deployment that failed before it was live is not what is left, if the one before it has crashed."""
    target, commit = two(project)
    service = project.world.services["api"]
    crashed = project.world.of(service)[-1]
    crashed.crashes = 5
    project.world.start(service, "f" * 40, fails_at="HEALTHCHECK")
    project.world.clock.seconds += 100

    done = project.run("rollback")

    assert (done.code, done.told["from"], done.told["to"]) == (0, crashed.id, target), done.told
    unharmed(project, done, target, commit)


@pytest.mark.full
@pytest.mark.parametrize("kind", OUTCOMES)
def test_a_hundred_faults_of_each_kind_do_no_harm(project: Project, kind: str) -> None:
    """The same a hundred times for each kind, with failing reads at random moments around it."""
    for number in range(100):
        chance = random.Random(f"{kind} {number}")
        project.reset()
        target, commit = two(project)
        project.fault("Rollback", kind)
        for operation in ("Deployments", "Deployment"):
            project.fault(operation, chance.choice(READS), times=chance.randint(0, 4), skip=chance.randint(0, 9))

        done = project.run("rollback", "--timeout", "400")

        assert done.code in (OUTCOMES[kind], 5), done.told
        unharmed(project, done, target, commit)


def test_somebody_elses_deployment_in_flight_stops_it(project: Project) -> None:
    """While another deployment is under way nothing is changed."""
    two(project)
    service = project.world.services["api"]
    project.world.start(service, project.history.newer)

    done = project.run("rollback")

    assert (done.code, project.world.asked) == (7, [])


def test_a_deployment_that_begins_between_two_looks_stops_it(project: Project) -> None:
    """The second look sees what the first did not."""
    two(project)
    service = project.world.services["api"]
    project.fault("Deployments", skip=1, meanwhile=lambda: project.world.start(service, "f" * 40))

    done = project.run("rollback")

    assert (done.code, project.world.asked) == (7, [])


@pytest.mark.parametrize(("skip", "said"), [(3, "more than one"), (5, "began after")])
def test_a_deployment_that_begins_after_ours_is_not_taken_for_it(project: Project, skip: int, said: str) -> None:
    """Somebody deploys while ours is looked for, or becomes live: it is said, and nothing more is changed."""
    two(project)
    service = project.world.services["api"]
    project.fault("Deployments", skip=skip, meanwhile=lambda: project.world.start(service, project.history.expand))

    done = project.run("rollback")

    assert (done.code, len(project.asked("Rollback"))) == (5, 1)
    assert said in done.told["summary"]


def test_an_unknown_state_is_never_acted_upon(project: Project) -> None:
    """A state of which we know nothing may mean anything."""
    two(project)
    project.world.of(project.world.services["api"])[-1].state = "A_STATE_OF_TOMORROW"

    done = project.run("rollback")

    assert (done.code, project.world.asked) == (5, [])


@pytest.mark.parametrize(("older", "newer"), [("old", "good"), ("newer", "dropped"), ("old", "newer")])
def test_a_contract_migration_between_forbids_it(project: Project, older: str, newer: str) -> None:
    """What the database has left behind is not brought back by an older version."""
    two(project, older, newer)

    done = project.run("rollback")

    assert (done.code, project.world.asked) == (5, [])
    assert "took away" in done.told["summary"]


@pytest.mark.parametrize("commit", [None, "d" * 40])
def test_a_version_whose_migrations_are_not_known_is_refused(project: Project, commit: str | None) -> None:
    """Neither a deployment without a commit nor a commit that is not in the checkout can be judged."""
    two(project)
    project.world.of(project.world.services["api"])[1].commit = commit

    done = project.run("rollback")

    assert (done.code, project.world.asked) == (5, [])


def test_an_image_that_is_not_kept_is_refused_also_at_the_last_moment(project: Project) -> None:
    """The retention of images may end between choosing and asking."""
    target, _ = two(project)
    row = next(row for row in project.world.rows if row.id == target)
    project.fault("Deployment", skip=1, meanwhile=lambda: setattr(row, "kept", False))

    done = project.run("rollback")

    assert (done.code, project.world.asked) == (5, [])


@pytest.mark.parametrize("named", ["deployment-of-nobody", "live", "failed"])
def test_a_target_that_cannot_be_right_is_refused(project: Project, named: str) -> None:
    """A deployment of another service, the live one, or one that was never live is no target."""
    two(project)
    rows = project.world.of(project.world.services["api"])
    rows[0].fails_at = "HEALTHCHECK"
    known = {"live": rows[-1].id, "failed": rows[0].id}

    done = project.run("rollback", "--to", known.get(named, named))

    assert (done.code, project.world.asked) == (5, [])


def test_a_deployment_that_failed_before_it_was_live_needs_no_rollback(project: Project) -> None:
    """The one before it still serves: going back would take away what works."""
    two(project)
    service = project.world.services["api"]
    project.world.start(service, project.history.newer, fails_at="HEALTHCHECK")
    project.world.clock.seconds += 100

    done = project.run("rollback")

    assert (done.code, project.world.asked) == (5, [])
    assert "still serves" in done.told["summary"]


def test_going_back_twice_wants_the_target_named(project: Project) -> None:
    """After a rollback the one before is what was left for being broken."""
    two(project)
    assert project.run("rollback").code == 0
    project.world.clock.seconds += 600

    done = project.run("rollback")

    assert done.code == 5
    assert "--to" in done.told["summary"]
    assert len(project.asked("Rollback")) == 1


def test_a_rollback_that_does_not_become_live_is_said(project: Project) -> None:
    """It was asked for once and failed; a human has to look."""
    two(project)
    project.world.services["api"].plan = [{"fails_at": "HEALTHCHECK"}]

    done = project.run("rollback")

    assert (done.code, len(project.asked("Rollback"))) == (5, 1)
    assert "not verified" in done.told["summary"]


@pytest.mark.parametrize(("fault", "enabled"), [("", False), ("status 500", True)])
def test_pushes_can_be_stopped_with_it(project: Project, fault: str, enabled: bool) -> None:
    """Else the next push deploys what was left; if that cannot be stopped, it is said and the rollback stands."""
    two(project)
    if fault:
        project.fault("AutoDeployUpdate", fault)

    done = project.run("rollback", "--freeze")

    assert done.code == 0
    assert project.world.services["api"].auto_deploy is enabled


def test_an_old_deployment_that_moves_into_the_list_is_not_a_new_one(project: Project) -> None:
    """The list is the newest fifty: when one of them vanishes, one that was never seen is in it."""
    service = project.service("api", *["a" * 40] * 55, project.history.expand, project.history.newer)
    target = project.world.of(service)[-2]
    project.fault("Rollback", "dropped", meanwhile=lambda: project.world.rows.remove(project.world.of(service)[30]))

    done = project.run("rollback")

    assert (done.code, len(project.asked("Rollback"))) == (5, 1)
    assert "no new deployment" in done.told["summary"]
    unharmed(project, done, target.id, project.history.expand)

"""Deploying: fenced, verified, watched, and taken back only when this build is what is broken."""

import random

import pytest

from .conftest import Done, Project
from .kinds import ALIKE, OUTCOMES, READS

SOAK = ("--soak", "60")


@pytest.fixture
def deployed(project: Project) -> Project:
    """A project whose service was deployed at `expand`."""
    project.service("api", "a" * 40, project.history.expand)
    return project


def deploy(project: Project, *more: str) -> Done:
    """Deploy the newer version."""
    return project.run("deploy", "--commit", project.history.newer, *SOAK, *more)


def commits(project: Project) -> list[str | None]:
    """What the public is answered by in the end."""
    return [row.commit for row in project.live(project.world.services["api"])]


def test_a_good_version_is_deployed_and_watched(deployed: Project) -> None:
    """It is asked for once, is live, answers for itself, and is healthy for as long as was asked for."""
    done = deploy(deployed)

    assert (done.code, done.told["verdict"]) == (0, "healthy")
    assert len(deployed.asked("Deploy")) == 1
    assert commits(deployed) == [deployed.history.newer]


def test_a_dry_run_says_what_is_live_and_changes_nothing(deployed: Project) -> None:
    """`--dry-run` reads only."""
    done = deploy(deployed, "--dry-run")

    assert (done.code, deployed.world.asked) == (0, [])


@pytest.mark.parametrize("step", ["BUILD_IMAGE", "HEALTHCHECK"])
def test_a_version_that_fails_before_it_is_live_is_left_alone(deployed: Project, step: str) -> None:
    """The one before still serves, so there is nothing to roll back; the exit code says so."""
    deployed.world.services["api"].plan = [{"fails_at": step}]

    done = deploy(deployed)

    assert (done.code, deployed.asked("Rollback")) == (3, [])
    assert commits(deployed) == [deployed.history.expand]


def test_a_version_that_ends_by_itself_is_not_live(deployed: Project) -> None:
    """A program that comes to an end with success is no server."""
    deployed.world.services["api"].plan = [{"stops": 0}]

    assert deploy(deployed).code == 3


@pytest.mark.parametrize(("fault", "skip"), [({"crashes": 80}, 0), ({"answers": 500}, 9), ({"answers": 500}, 12)])
def test_a_broken_version_is_rolled_back(deployed: Project, fault: dict[str, int], skip: int) -> None:
    """It crashes, or answers with errors, be it at the very end of the watch: the version before is brought back."""
    if "answers" in fault:  # it says who it is until it is watched
        deployed.fault("Deployment", skip=skip, meanwhile=lambda: setattr(deployed.world.rows[-1], "answers", 500))
    else:
        deployed.world.services["api"].plan = [fault]

    done = deploy(deployed)

    assert done.code == 4, done.told
    assert len(deployed.asked("Rollback")) == 1
    assert commits(deployed) == [deployed.history.expand]


def test_a_broken_version_can_be_left_in_place(deployed: Project) -> None:
    """`--no-rollback` only tells."""
    deployed.world.services["api"].plan = [{"crashes": 80}]

    done = deploy(deployed, "--no-rollback")

    assert (done.code, done.told["verdict"], deployed.asked("Rollback")) == (1, "broken", [])


def test_a_broken_version_past_a_contract_migration_stays(deployed: Project) -> None:
    """The version before could not live with the database any more, so a human has to look."""
    deployed.world.services["api"].plan = [{"crashes": 80}]

    done = deployed.run("deploy", "--commit", deployed.history.dropped, *SOAK)

    assert (done.code, deployed.asked("Rollback")) == (5, [])
    assert "took away" in done.told["summary"]


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_database_that_is_down_for_everybody_is_no_fault_of_the_build(deployed: Project, when: str) -> None:
    """It was down before, or went down while this build could reach it: nothing is rolled back."""
    if when == "before":
        deployed.world.down = frozenset({"database"})
        deployed.world.services["api"].plan = [{"reached": False}]
    else:
        deployed.fault(
            "Deployment", skip=10, meanwhile=lambda: setattr(deployed.world, "down", frozenset({"database"}))
        )

    done = deploy(deployed)

    assert (done.code, done.told["verdict"]) == (1, "shared")
    assert deployed.asked("Rollback") == []


def test_a_dependency_that_only_this_build_never_reached_is_no_verdict(deployed: Project) -> None:
    """With nobody to compare with it may be the build or the database: nothing is done."""
    deployed.world.services["api"].plan = [{"down": frozenset({"database"})}]

    done = deploy(deployed)

    assert (done.code, done.told["verdict"]) == (6, "unknown")
    assert deployed.asked("Rollback") == []


def test_errors_that_only_the_public_meets_are_seen(deployed: Project) -> None:
    """The platform's own figures show a share of errors that there was not before."""
    deployed.world.services["api"].counts = {200: 900.0, 500: 200.0}

    done = deploy(deployed)

    assert done.code == 4
    assert "18.2%" in " ".join(done.told["evidence"])


@pytest.mark.parametrize("counts", [{200: 900.0, 503: 200.0}, {500: 20.0}, {200: 1000.0, 500: 20.0}])
def test_refusals_in_an_outage_and_few_errors_are_no_reason(deployed: Project, counts: dict[int, float]) -> None:
    """503 is how the application refuses; some errors among few requests, or few among many, prove nothing."""
    deployed.world.services["api"].counts = counts

    assert deploy(deployed).code == 0


@pytest.mark.parametrize("kind", sorted(set(OUTCOMES) - ALIKE))
def test_no_fault_of_the_change_leads_to_a_second_one(deployed: Project, kind: str) -> None:
    """A deployment is asked for once, whatever is answered."""
    deployed.fault("Deploy", kind)

    done = deploy(deployed)

    assert (done.code, len(deployed.asked("Deploy"))) == (OUTCOMES[kind], 1), done.told
    assert deployed.asked("Rollback") == []


@pytest.mark.full
@pytest.mark.parametrize("kind", OUTCOMES)
def test_a_hundred_faults_of_each_kind_do_no_harm(project: Project, kind: str) -> None:
    """The same a hundred times for each kind, with failing reads at random moments around it."""
    for number in range(100):
        chance = random.Random(f"{kind} {number}")
        project.reset()
        project.service("api", "a" * 40, project.history.expand)
        project.fault("Deploy", kind)
        for operation in ("Deployments", "Deployment"):
            project.fault(operation, chance.choice(READS), times=chance.randint(0, 4), skip=chance.randint(0, 9))

        done = deploy(project)

        assert done.code in (OUTCOMES[kind], 5, 6), done.told
        assert len(project.asked("Deploy")) <= 1
        assert project.asked("Rollback") == []


def test_somebody_elses_deployment_of_the_same_version_is_not_ours(deployed: Project) -> None:
    """The platform told the id of ours, and that is not the one that began."""
    service = deployed.world.services["api"]
    deployed.fault("Deploy", "no effect", meanwhile=lambda: deployed.world.start(service, deployed.history.newer))

    done = deploy(deployed)

    assert (done.code, len(deployed.asked("Deploy"))) == (5, 1)
    assert "is not ours" in done.told["summary"]


def test_another_deployment_in_flight_stops_it(deployed: Project) -> None:
    """While another deployment is under way nothing is changed."""
    deployed.world.start(deployed.world.services["api"], "f" * 40)

    done = deploy(deployed)

    assert (done.code, deployed.world.asked) == (7, [])


def test_a_deployment_that_takes_for_ever_is_no_verdict(deployed: Project) -> None:
    """What is not live in time may yet become so: it is said, and nothing is undone."""
    deployed.world.services["api"].plan = [{"state": "BUILDING"}]

    done = deploy(deployed, "--timeout", "600")

    assert (done.code, deployed.asked("Rollback")) == (8, [])

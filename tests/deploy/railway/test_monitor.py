"""Watching: whose fault it is, told from what everybody sees; and no verdict where nothing can be read."""

import pytest

from deploy.railway.model import Deployment
from deploy.railway.monitor import Look, Verdict, Watch
from deploy.railway.probe import Answer, Health

from .conftest import Done, Project
from .world import START


@pytest.fixture
def pair(project: Project) -> Project:
    """Two slots of their own domains, `api` and `other`, at two versions."""
    project.service("api", project.history.newer)
    project.service("other", project.history.expand)
    return project


def monitor(project: Project, *more: str) -> Done:
    """Watch the live deployment for a minute."""
    return project.run("monitor", "--soak", "60", *more)


def test_a_healthy_deployment_is_healthy(pair: Project) -> None:
    """With evidence in numbers."""
    done = monitor(pair, "--beside", "other")

    assert (done.code, done.told["verdict"]) == (0, "healthy")
    assert "questions answered" in done.told["evidence"][0]


def test_what_the_other_slot_lacks_too_is_shared(pair: Project) -> None:
    """A database that is down for everybody does not make a build broken."""
    pair.world.down = frozenset({"database"})

    done = monitor(pair, "--beside", "other")

    assert (done.code, done.told["verdict"]) == (1, "shared")


def test_what_the_other_slot_reaches_makes_the_build_broken(pair: Project) -> None:
    """A build that alone cannot reach the database has wrong settings."""
    pair.world.rows[-2].down = frozenset({"database"})

    done = monitor(pair, "--beside", "other")

    assert (done.code, done.told["verdict"]) == (1, "broken")


@pytest.mark.parametrize(("reached", "verdict"), [(True, "shared"), (False, "unknown")])
def test_a_database_that_was_reached_before_is_shared(pair: Project, reached: bool, verdict: str) -> None:
    """With nobody to compare with, the breakers tell: a build that once reached it has the right settings."""
    pair.world.down = frozenset({"database"})
    pair.world.rows[-2].reached = reached

    assert monitor(pair).told["verdict"] == verdict


def test_redis_for_one_and_the_database_for_all(pair: Project) -> None:
    """One fault of its own is enough, whatever else is down for everybody."""
    pair.world.down = frozenset({"database"})
    pair.world.rows[-2].down = frozenset({"redis"})

    done = monitor(pair, "--beside", "other")

    assert done.told["verdict"] == "broken"
    assert [line.partition(":")[0] for line in done.told["evidence"]] == ["database", "redis"]


def test_an_edge_that_fails_for_both_is_shared(pair: Project) -> None:
    """When both addresses answer 502 it is the edge, not the build."""
    pair.world.edge = (502, "bad gateway")

    assert monitor(pair, "--beside", "other").told["verdict"] == "shared"


def test_an_edge_that_fails_for_one_speaks_against_it(pair: Project) -> None:
    """When only this address answers with an error the build is broken."""
    pair.world.rows[-2].answers = 502

    assert monitor(pair, "--beside", "other").told["verdict"] == "broken"


def test_a_platform_that_cannot_be_read_is_no_verdict(pair: Project) -> None:
    """The application answers, but what the platform thinks of it is not known."""
    pair.fault("Deployment", "status 500", times=1000)

    done = pair.run("monitor", "--soak", "60", "--timeout", "600")

    assert (done.code, done.told["verdict"]) == (6, "unknown")


def test_silence_is_no_verdict(pair: Project) -> None:
    """No answer at all may be our own network's fault."""
    pair.world.rows[-2].silent = True

    done = monitor(pair)

    assert (done.code, done.told["verdict"]) == (6, "unknown")


def test_a_newer_deployment_ends_the_watch_without_a_verdict(pair: Project) -> None:
    """What answers then is not what was to be watched."""
    pair.world.start(pair.world.services["api"], "f" * 40)
    pair.world.clock.seconds += 100

    done = pair.run("monitor", "--deployment", pair.world.rows[-3].id, "--soak", "60")

    assert (done.code, done.told["verdict"]) == (6, "unknown")


def looks(here: Health, beside: Health | None, count: int) -> Watch:
    """A watch of a deployment that the platform calls live."""
    told = {"status": "SUCCESS", "createdAt": START.isoformat(), "deploymentStopped": False, "canRollback": True}
    names = {"id": "d", "serviceId": "s", "environmentId": "e", "projectId": "p", "meta": {}}
    found = Deployment.read({**told, **names})
    return Watch("d", looks=[Look(found, here, beside)] * count)


def healthy(*down: str, status: int = 200, deployment: str = "d") -> Health:
    """An answer of the application."""
    answer = Answer(status)
    answer.headers["X-Request-ID"] = "1"
    return Health(answer, deployment, "c", frozenset(down))


@pytest.mark.parametrize("count", [1, 2])
def test_two_bad_answers_are_no_verdict_yet(count: int) -> None:
    """Something may go wrong twice."""
    assert looks(healthy(status=500), healthy(), count).judge().verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("here", "beside", "verdict"),
    [
        (healthy("database"), healthy("database"), Verdict.SHARED),
        (healthy("database"), healthy(), Verdict.BROKEN),
        (healthy("database"), None, Verdict.UNKNOWN),
        (healthy("database"), healthy(status=500), Verdict.UNKNOWN),
        (healthy(status=500), healthy(status=500), Verdict.SHARED),
        (healthy(status=500), healthy(), Verdict.BROKEN),
        (healthy(status=500), None, Verdict.BROKEN),
        (Health(Answer(0, fault="timeout")), healthy(), Verdict.UNKNOWN),
        (healthy(), healthy("database"), Verdict.HEALTHY),
        (healthy(deployment="another"), healthy(), Verdict.UNKNOWN),
    ],
)
def test_every_pair_of_answers_has_its_verdict(here: Health, beside: Health | None, verdict: Verdict) -> None:
    """What this build says beside what the other slot says decides, and nothing else."""
    assert looks(here, beside, 3).judge().verdict is verdict

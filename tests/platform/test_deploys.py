"""Deploying, rolling back and switching slots under load, on a platform that does what `deploy/railway.json` says."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import requests

from tests.faults.load import Load, load
from tests.platform.conftest import MakeService
from tests.platform.edge import Edge
from tests.platform.platform import Failed
from tests.serving import ROOT, until

pytestmark = pytest.mark.alone(waiting=True)

ENOUGH = 2_000
PAUSE = 0.02  # of each client; the deployments have the processors, too
HASTY = {"PRESTOP_DELAY": "0"}
SLOT: dict[str, str] = json.loads((ROOT / "deploy" / "slot.json").read_text())


@dataclass(frozen=True)
class Outcome:
    """What the clients saw of one operation."""

    requests: int
    lost: Counter[str]  # what was answered instead: the status, and the reason that was given
    seconds: float


def under_load(running: Load, operation: Callable[[], object], *, at_least: int) -> Outcome:
    """Do something while the clients go on asking, until they have asked often enough, and some time afterwards."""
    before, began = len(running.seen), time.monotonic()
    operation()
    until(lambda: len(running.seen) - before >= at_least and time.monotonic() - began > 1, 240)
    seen = running.seen[before:]
    lost = Counter(f"{each.status} {each.body[:200]!r}" for each in seen if each.status not in (200, 201))
    return Outcome(len(seen), lost, round(time.monotonic() - began, 1))


def commit(edge: Edge, **headers: str) -> str:
    """Which commit answers through an edge."""
    return str(requests.get(edge.url, headers=headers, timeout=5).json()["commit"])


def test_a_deploy_loses_no_request(make_service: MakeService, token: str) -> None:
    """While one deployment takes over from another, every request is answered, and afterwards the new one answers."""
    service = make_service("api", release="")  # in the way of nobody, and a third of the time; the long ones have it
    first = service.deploy(RAILWAY_GIT_COMMIT_SHA="one")

    with load(service.edge.port, token, readers=2, writers=1, pause=0.05) as running:
        seen = under_load(running, lambda: service.deploy(RAILWAY_GIT_COMMIT_SHA="two"), at_least=100)

    assert seen.lost == Counter(), service.edge.failures
    assert (commit(service.edge), first.killed) == ("two", False)


@pytest.mark.full
@pytest.mark.parametrize("wrong", [{"PRESTOP_DELAY": "soon"}, {"GUNICORN_CMD_ARGS": "--no-such-option"}])
def test_a_deployment_that_fails_changes_nothing(make_service: MakeService, wrong: dict[str, str]) -> None:
    """Neither a release that fails nor a start that does takes the former deployment away."""
    service = make_service("api")
    service.deploy(RAILWAY_GIT_COMMIT_SHA="good")

    with pytest.raises(Failed):
        service.deploy(RAILWAY_GIT_COMMIT_SHA="bad", **wrong)

    assert commit(service.edge) == "good"


@pytest.mark.full
@pytest.mark.parametrize("variables", [{}, SLOT], ids=["two workers", "a slot as shipped"])
def test_deploy_and_rollback_lose_none_of_2000_requests(
    make_service: MakeService, token: str, variables: dict[str, str]
) -> None:
    """Each under load, from and to the same service, with the same variables as before after the rollback."""
    service = make_service("api", **variables)
    first = service.deploy(RAILWAY_GIT_COMMIT_SHA="one")

    with load(service.edge.port, token, readers=6, writers=2, pause=PAUSE) as running:
        deploy = under_load(running, lambda: service.deploy(RAILWAY_GIT_COMMIT_SHA="two"), at_least=ENOUGH)
        assert commit(service.edge) == "two"
        rollback = under_load(running, lambda: service.rollback(first), at_least=ENOUGH)
        assert commit(service.edge) == "one"

    print(f"deploy {deploy}\nrollback {rollback}")
    assert (deploy.lost, rollback.lost) == (Counter(), Counter()), service.edge.failures
    assert [each.killed for each in service.deployments] == [False, False, False]


@pytest.mark.full
def test_switching_slots_loses_none_of_2000_requests(make_service: MakeService, router: Edge, token: str) -> None:
    """A router before two services, switched over and back under load; the idle slot can be tried through it."""
    slots = {name: make_service(name) for name in ("blue", "green")}
    for name, service in slots.items():
        service.deploy(RAILWAY_GIT_COMMIT_SHA=name)
    router.register({name: service.edge.port for name, service in slots.items()})
    router.switch("blue")
    assert (commit(router), commit(router, **{"X-Slot": "green"})) == ("blue", "green")

    with load(router.port, token, readers=6, writers=2, pause=PAUSE) as running:
        over = under_load(running, lambda: router.switch("green"), at_least=ENOUGH)
        assert commit(router) == "green"
        back = under_load(running, lambda: router.switch("blue"), at_least=ENOUGH)
        assert commit(router) == "blue"

    print(f"switch {over}\nswitch back {back}")
    assert (over.lost, back.lost) == (Counter(), Counter()), router.failures


@pytest.mark.full
def test_without_overlap_and_delay_requests_are_lost(make_service: MakeService, token: str) -> None:
    """The negative control of the above: the same load, the same deploy, no patience."""
    service = make_service("api", overlap=0.0, **HASTY)
    service.deploy()

    with load(service.edge.port, token, readers=6, writers=2, pause=PAUSE) as running:
        hasty = under_load(running, service.deploy, at_least=ENOUGH)

    print(f"hasty {hasty}")
    assert hasty.lost


@pytest.mark.full
def test_replacing_workers_loses_no_request(make_service: MakeService, token: str) -> None:
    """Workers that leave after so many requests, as they do against leaks, do so unnoticed."""
    service = make_service("api", GUNICORN_CMD_ARGS="--max-requests=150 --max-requests-jitter=50")
    deployment = service.deploy()

    with load(service.edge.port, token, readers=6, writers=2, pause=PAUSE) as running:
        seen = under_load(running, lambda: None, at_least=ENOUGH)

    print(f"replacing {seen}")
    assert deployment.log.read_text().count("Autorestarting worker") >= ENOUGH // 200
    assert seen.lost == Counter(), service.edge.failures

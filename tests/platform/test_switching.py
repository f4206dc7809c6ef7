"""Switching slots by the tool itself: Railway's API is pretended, the router and both slots behind it run."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.railway import checkout
from tests.deploy.railway.conftest import SLOT_KEY, Done, Project
from tests.deploy.railway.history import History
from tests.deploy.railway.routing import CADDY, CADDYFILE
from tests.faults.load import load
from tests.platform.conftest import PACE, MakeService
from tests.platform.platform import Service
from tests.platform.project import Platform
from tests.platform.test_deploys import ENOUGH, PAUSE, commit, under_load

pytestmark = pytest.mark.alone

AS_ROUTER = replace(
    PACE, release="", start=f"{CADDY} run --config {CADDYFILE} --adapter caddyfile", check="/router/health"
)


@pytest.fixture
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """The versions that the slots run, as git knows them."""
    return History(tmp_path_factory.mktemp("history"))


@pytest.fixture
def slots(make_service: MakeService, history: History) -> dict[str, Service]:
    """Blue and green, each deployed."""
    made = {name: make_service(name) for name in ("blue", "green")}
    for service, version in zip(made.values(), (history.expand, history.newer), strict=True):
        service.deploy(RAILWAY_GIT_COMMIT_SHA=version)
    return made


@pytest.fixture
def router(slots: dict[str, Service], tmp_path: Path) -> Iterator[Service]:
    """The router's service, which is Caddy with our Caddyfile, deployed with blue as the active slot."""
    folder = tmp_path / "router"
    folder.mkdir()
    hosts = {f"{name.upper()}_HOST": "127.0.0.1" for name in slots}
    ports = {f"{name.upper()}_PORT": str(slot.edge.port) for name, slot in slots.items()}
    known = {**hosts, **ports, "SLOT_KEY": SLOT_KEY, "RAILWAY_GIT_COMMIT_SHA": "", "HOME": str(tmp_path)}
    made = Service(known, AS_ROUTER, folder)
    made.deploy(ACTIVE_SLOT="blue")
    yield made
    made.stop()


@pytest.fixture
def project(
    slots: dict[str, Service], router: Service, history: History, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """What the platform knows of these, and the tool that asks it."""
    monkeypatch.setattr(checkout, "ROOT", history.folder)
    made, world = Project(history), Platform(router)
    for name, slot in slots.items():
        world.runs(slot, f"api-{name}")
    domain = {"id": "front", "domain": f"127.0.0.1:{router.edge.port}", "targetPort": 8080}
    world.runs(router, "router", ACTIVE_SLOT="blue", SLOT_KEY=SLOT_KEY)
    world.services["router"].domains.append(domain)
    made.world = world
    made.api.start_over(world)
    yield made
    for each in world.deploying:
        each.join(60)
    made.stop()


@pytest.mark.full
def test_the_tool_switches_slots_and_back_without_losing_one_of_2000_requests(
    project: Project, router: Service, token: str, history: History
) -> None:
    """The tool tells the API, the router is deployed anew over the one before it, and nobody notices but the commit."""
    done: list[Done] = []

    def tool(action: str) -> Callable[[], None]:
        return lambda: done.append(project.run("bluegreen", action, "--soak", "60"))

    with load(router.edge.port, token, readers=6, writers=2, pause=PAUSE) as running:
        assert commit(router.edge) == history.expand
        over = under_load(running, tool("switch"), at_least=ENOUGH)
        assert commit(router.edge) == history.newer
        back = under_load(running, tool("rollback"), at_least=ENOUGH)
        assert commit(router.edge) == history.expand

    print(f"switch {over}\nswitch back {back}")
    assert [each.code for each in done] == [0, 0], [each.told for each in done]
    assert (over.lost, back.lost) == (Counter(), Counter()), router.edge.failures
    assert [len(project.asked(name)) for name in ("VariableUpsert", "Deploy")] == [2, 2]

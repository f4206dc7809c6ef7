"""A pretended project, and the tool run against it as from a shell."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from deploy.railway import checkout
from deploy.railway.cli import main

from .api import PROJECT_TOKEN, Api, Fault
from .applications import Edge
from .history import History
from .world import SECRETS, Row, Service, World

SLOT_KEY = "a-key-for-the-idle-slot"


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code, its result as data, and all that it wrote."""

    code: int
    told: dict[str, Any]
    written: str

    @property
    def failed(self) -> list[str]:
        """The codes of the checks that failed."""
        return list(self.told.get("failed", []))

    def finding(self, code: str) -> dict[str, str]:
        """The finding with a code."""
        return next(each for each in self.told["findings"] if each["code"] == code)


class Project:
    """A project with one service, `api`, whose two newest commits were deployed in this order: good, then newer."""

    def __init__(self, history: History) -> None:
        self.world, self.history = World(), history
        self.api, self.edge = Api(self.world), Edge(self.world)
        self.environ = {"RAILWAY_TOKEN": PROJECT_TOKEN}
        self._add_backing()

    def _add_backing(self) -> None:
        for name in ("Postgres", "Redis"):
            self.world.has(self.world.add(name), "9" * 40)

    def service(self, name: str = "api", *commits: str, **more: Any) -> Service:
        """A service with secrets among its variables, and these commits deployed long ago."""
        made = self.world.add(name, variables={**SECRETS, "PORT": "8080"}, **more)
        self.world.has(made, *commits)
        self.edge.publish(made)
        self.settle()
        return made

    def slots(self) -> tuple[Service, Service, Service]:
        """A router with blue active at the older commit, and green idle at the newer."""
        blue = self.world.add("api-blue", variables=dict(SECRETS))
        green = self.world.add("api-green", variables=dict(SECRETS))
        hosts = {"BLUE_HOST": "api-blue.railway.internal", "GREEN_HOST": "api-green.railway.internal"}
        router = self.world.add("router", variables={"ACTIVE_SLOT": "blue", "SLOT_KEY": SLOT_KEY, **hosts})
        self.world.has(blue, self.history.expand)
        self.world.has(green, self.history.newer)
        self.world.has(router, self.history.newer)
        self.edge.publish(router, router=True)
        self.settle()
        return router, blue, green

    def settle(self) -> None:
        """Let what was deployed be old."""
        self.world.clock.seconds += 600

    def fault(self, operation: str, kind: str = "", **more: Any) -> None:
        """Have something go wrong."""
        self.api.faults.append(Fault(operation, kind, **more))

    def asked(self, name: str) -> list[dict[str, Any]]:
        """The mutations of a name that arrived."""
        return [given for operation, given in self.world.asked if operation == name]

    def run(self, *arguments: str, **environ: str) -> Done:
        """Run the tool; nothing that it writes may hold a secret."""
        output, errors = io.StringIO(), io.StringIO()
        code = main(
            [*arguments, "--json", "--api-url", self.api.url],
            environ={**self.environ, **environ},
            clock=self.world.clock,
            output=output,
            errors=errors,
        )
        written = output.getvalue() + errors.getvalue()
        self._refuse_secrets(written)
        told = json.loads(output.getvalue())
        assert told["exit"] == code
        return Done(code, told, written)

    def _refuse_secrets(self, written: str) -> None:
        for secret in (PROJECT_TOKEN, SLOT_KEY, "hunter2hunter2", "redispassword", *SECRETS.values()):
            assert secret not in written

    def live(self, service: Service) -> list[Row]:
        """What the edge sends requests to after everything has settled."""
        self.world.clock.seconds += 300
        return self.world.live(service)

    def reset(self) -> None:
        """Begin anew, with a project that has nothing but a database and Redis."""
        self.edge.stop()
        self.world = World()
        self.api.start_over(self.world)
        self.edge = Edge(self.world)
        self._add_backing()

    def stop(self) -> None:
        """Close all doors."""
        self.edge.stop()
        self.api.stop()


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A git repository with versions before and after a contract revision."""
    return History(tmp_path_factory.mktemp("history"))


@pytest.fixture
def project(history: History, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A pretended project, for the tool that stands in the checkout of `history`."""
    monkeypatch.setattr(checkout, "ROOT", history.folder)
    made = Project(history)
    yield made
    made.stop()

"""What the pretended API of Railway knows of services that run: the router is deployed when the API is told to."""

import threading
import time

from tests.deploy.railway.world import PretendedClock, Row, World
from tests.platform.platform import Service

HASTE = 20  # how many of the tool's seconds pass in one


class HurriedClock(PretendedClock):
    """A clock on which waiting costs something, so that what runs beside gets its time."""

    def sleep(self, seconds: float) -> None:
        """Let some of its seconds pass."""
        super().sleep(seconds)
        time.sleep(seconds / HASTE)


class Platform(World):
    """A project whose router is deployed when the API is told to, with the variables that the API was told."""

    def __init__(self, router: Service) -> None:
        super().__init__()
        self.clock = HurriedClock()
        self._router = router
        self.deploying: list[threading.Thread] = []

    def runs(self, service: Service, name: str, **variables: str) -> None:
        """Have a service with what runs there as its one deployment, live for long."""
        assert service.active
        (row,) = self.has(self.add(name, variables=variables), service.active.environ["RAILWAY_GIT_COMMIT_SHA"])
        row.id = service.active.id

    def deploy(self, service: str, commit: str | None) -> Row:
        """Do what serviceInstanceDeployV2 does; only the router is ever deployed here."""
        row = super().deploy(service, commit)
        assert row.service == "router"
        row.id, row.state = f"router-{len(self._router.deployments) + 1}", "DEPLOYING"
        active = {"ACTIVE_SLOT": row.variables["ACTIVE_SLOT"]}
        self.deploying.append(threading.Thread(target=self._router.deploy, kwargs=active))
        self.deploying[-1].start()
        return row

    def status(self, row: Row) -> str:
        """The state of a deployment, that of the router's newest as it is."""
        if row.state == "DEPLOYING" and self._router.active and self._router.active.id == row.id:
            for each in self.of(self.services["router"]):
                each.state = "SUCCESS" if each is row else "REMOVED"
        return super().status(row)

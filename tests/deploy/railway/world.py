"""A pretended project on Railway: services, deployments that come alive and end with the clock, variables, domains."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.railway.clock import Clock

START = datetime(2026, 11, 25, 12, tzinfo=UTC)
PROJECT, ENVIRONMENT = "project-1", "environment-1"
BUILT, LIVE = 20.0, 40.0  # seconds after its beginning at which a deployment is built, and is live
OVERLAP, DRAINING = 30.0, 45.0
SECRETS = {
    "SECRET_KEY": "a-signing-key-that-nobody-may-ever-see",
    "DATABASE_URL": "postgresql://postgres:hunter2hunter2@postgres.railway.internal:5432/railway",
    "REDIS_URL": "redis://default:redispassword@redis.railway.internal:6379",
}
SETTINGS: dict[str, Any] = {
    "dockerfilePath": "deploy/Dockerfile",
    "startCommand": "python -m deploy.start",
    "preDeployCommand": ["python -m flask --app wsgi release"],
    "healthcheckPath": "/health/ready",
    "healthcheckTimeout": 120,
    "restartPolicyType": "ON_FAILURE",
    "restartPolicyMaxRetries": 10,
    "numReplicas": 2,
    "overlapSeconds": 30,
    "drainingSeconds": 45,
    "sleepApplication": False,
}


class PretendedClock(Clock):
    """A clock on which waiting costs nothing."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        """Seconds since the beginning of the test."""
        return self.seconds

    def today(self) -> datetime:
        """The pretended date and time."""
        return START + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        """Go forward."""
        self.seconds += seconds


@dataclass
class Row:
    """One deployment. `fails_at` is a step, `crashes` and `stops` seconds after it was live; `state` overrules all."""

    id: str
    service: str
    commit: str | None
    born: float
    variables: dict[str, str]
    fails_at: str = ""
    error: str = "exit code 1"
    crashes: float | None = None
    stops: float | None = None
    state: str = ""
    shows: float = 0.0  # when the list has it
    kept: bool = True  # its image can still be gone back to
    image: str | None = None
    down: frozenset[str] = frozenset()  # what this build cannot reach
    reached: bool = True  # whether it has reached what nobody can reach now
    answers: int = 200  # with which status it answers
    silent: bool = False
    mode: str = "normal"
    build_log: list[str] = field(default_factory=list)
    deploy_log: list[str] = field(default_factory=lambda: ["Listening at: http://[::]:8080 (1)"])

    @property
    def live_at(self) -> float | None:
        """When it is live, if ever."""
        return None if self.fails_at else self.born + LIVE


@dataclass
class Service:
    """One service; `plan` are attributes of the deployments to come, the next one first."""

    name: str
    variables: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=lambda: dict(SETTINGS))
    domains: list[dict[str, Any]] = field(default_factory=list)
    custom: list[dict[str, Any]] = field(default_factory=list)
    auto_deploy: bool = True
    commit: str = "0" * 40
    plan: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[int, float] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id that the platform knows it by."""
        return f"id-of-{self.name}"


class World:
    """The project. `down` is what nobody can reach; `asked` are the mutations that arrived, in order."""

    def __init__(self) -> None:
        self.clock = PretendedClock()
        self.services: dict[str, Service] = {}
        self.rows: list[Row] = []
        self.down: frozenset[str] = frozenset()
        self.origins = {"https://www.omomrentals.shop"}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.edge: tuple[int, str] | None = None  # what the edge answers in place of everything
        self._numbers = itertools.count(1)

    def add(self, name: str, **more: Any) -> Service:
        """Add a service."""
        self.services[name] = Service(name, **more)
        return self.services[name]

    def by_id(self, id: str) -> Service:
        """The service of that id."""
        return next(service for service in self.services.values() if service.id == id)

    def start(self, service: Service, commit: str | None = None, **more: Any) -> Row:
        """Begin a deployment."""
        planned = service.plan.pop(0) if service.plan else {}
        wanted = {"commit": commit or service.commit, "variables": dict(service.variables), **planned, **more}
        row = Row(id=f"deployment-{next(self._numbers)}", service=service.name, born=self.clock.now(), **wanted)
        self.rows.append(row)
        return row

    def has(self, service: Service, *commits: str) -> list[Row]:
        """Have a service with these commits deployed one after the other in the past; the last one is live."""
        made = []
        for commit in commits:
            made.append(self.start(service, commit))
            self.clock.seconds += 3600
        return made

    def of(self, service: Service) -> list[Row]:
        """The deployments of a service, oldest first."""
        return [row for row in self.rows if row.service == service.name]

    def live(self, service: Service) -> list[Row]:
        """Those that the edge sends requests to: two while they overlap."""
        return [row for row in self.of(service) if self.status(row) == "SUCCESS" and not self.stopped(row)]

    def replaced_at(self, row: Row) -> float | None:
        """When a newer deployment of the service was live."""
        newer = [each for each in self.rows if each.service == row.service and each.born > row.born]
        times = [each.live_at for each in newer if each.live_at is not None and each.live_at <= self.clock.now()]
        return min(times, default=None)

    def status(self, row: Row) -> str:
        """The state of a deployment now."""
        age = self.clock.now() - row.born
        if row.state:
            return row.state
        if age < 2:
            return "INITIALIZING"
        if age < BUILT:
            return "BUILDING"
        if row.fails_at in ("SNAPSHOT_CODE", "BUILD_IMAGE", "PUBLISH_IMAGE"):
            return "FAILED"
        if age < LIVE:
            return "DEPLOYING"
        if row.fails_at:
            return "FAILED"
        replaced = self.replaced_at(row)
        if replaced is not None:
            since = self.clock.now() - replaced
            if since >= OVERLAP:
                return "REMOVED" if since >= OVERLAP + DRAINING else "REMOVING"
        if row.crashes is not None and age >= LIVE + row.crashes:
            return "CRASHED"
        return "SUCCESS"

    def stopped(self, row: Row) -> bool:
        """Whether its program ended by itself."""
        return row.stops is not None and self.clock.now() - row.born >= LIVE + row.stops

    def deploy(self, service: str, commit: str | None) -> Row:
        """Do what serviceInstanceDeployV2 does."""
        return self.start(self.by_id(service), commit)

    def roll_back(self, id: str) -> Row:
        """Do what deploymentRollback does: the old version and its variables, as a new deployment."""
        target = next(row for row in self.rows if row.id == id)
        service = self.services[target.service]
        planned = service.plan.pop(0) if service.plan else {}
        wanted = {"commit": target.commit, "image": target.image, "down": target.down, **planned}
        service.variables = dict(target.variables)
        return self.start(service, **wanted)

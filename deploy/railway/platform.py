"""The environment of the project that the tool works on: its services, deployments, variables and settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from deploy.railway import operations as ops
from deploy.railway.client import Client
from deploy.railway.exits import NoVerdict, UsageError
from deploy.railway.model import Deployment, Domain, Event, LogLine
from deploy.railway.report import without_named

Read = TypeVar("Read")
WINDOW = 50  # deployments that are looked at, newest first


@dataclass(frozen=True)
class Service:
    """A service of the environment."""

    name: str
    id: str


class Railway:
    """One environment of one project. Reading raises `NoVerdict`; changing, also `NotDone` and `Unknown`."""

    def __init__(self, client: Client, project: str, environment: str) -> None:
        self.client, self.project, self.environment = client, project, environment
        self._names: dict[str, str] = {}

    @classmethod
    def of(cls, client: Client, environ: Mapping[str, str]) -> "Railway":
        """That of the project token, or of RAILWAY_PROJECT_ID and RAILWAY_ENVIRONMENT_ID for other tokens."""
        if client.token.of_project:
            scope = _understood(lambda: client.read(ops.PROJECT_TOKEN)["projectToken"])
            return cls(client, str(scope["projectId"]), str(scope["environmentId"]))
        project, environment = environ.get("RAILWAY_PROJECT_ID"), environ.get("RAILWAY_ENVIRONMENT_ID")
        if not project or not environment:
            raise UsageError("RAILWAY_API_TOKEN needs RAILWAY_PROJECT_ID and RAILWAY_ENVIRONMENT_ID beside it")
        return cls(client, project, environment)

    def services(self) -> dict[str, str]:
        """The ids of the project's services, by their names."""
        if not self._names:
            data = self.client.read(ops.TOPOLOGY, id=self.project)
            edges = _understood(lambda: data["project"]["services"]["edges"])
            self._names = _understood(lambda: {edge["node"]["name"]: edge["node"]["id"] for edge in edges})
        return self._names

    def service(self, name: str) -> Service:
        """The service of that name. Raises `UsageError` if there is none."""
        known = self.services()
        if name not in known:
            raise UsageError(f"there is no service {name!r}; there are: {', '.join(sorted(known)) or 'none'}")
        return Service(name, known[name])

    def deployments(self, service: Service) -> list[Deployment]:
        """The newest deployments of a service, removed ones too, newest first."""
        wanted = {"projectId": self.project, "environmentId": self.environment, "serviceId": service.id}
        data = self.client.read(ops.DEPLOYMENTS, input={**wanted, "includeDeleted": True}, first=WINDOW)
        nodes = _understood(lambda: [edge["node"] for edge in data["deployments"]["edges"]])
        found = [Deployment.read(node) for node in nodes]
        ours = [each for each in found if (each.service, each.environment) == (service.id, self.environment)]
        return sorted(ours, key=lambda each: each.created_at, reverse=True)

    def deployment(self, id: str) -> Deployment:
        """One deployment, with its instances."""
        data = self.client.read(ops.DEPLOYMENT, id=id)
        return Deployment.read(data.get("deployment"))

    def instance(self, service: Service) -> dict[str, Any]:
        """The settings of a service as the platform has them."""
        data = self.client.read(ops.INSTANCE, environmentId=self.environment, serviceId=service.id)
        return _understood(lambda: dict(data["serviceInstance"]))

    def variables(self, service: Service) -> dict[str, str]:
        """The variables of a service, secrets among them: not to be shown."""
        data = self.client.read(ops.VARIABLES, **self._scope(service))
        return _understood(lambda: {str(name): str(value) for name, value in data["variables"].items()})

    def domains(self, service: Service) -> list[Domain]:
        """The public names of a service, custom ones first."""
        data = self.client.read(ops.DOMAINS, **self._scope(service))
        return _understood(lambda: [*map(_custom, data["domains"]["customDomains"]), *_plain(data["domains"])])

    def events(self, deployment: str) -> list[Event]:
        """The steps of a deployment, in order."""
        data = self.client.read(ops.EVENTS, id=deployment, first=100)
        nodes = _understood(lambda: [edge["node"] for edge in data["deploymentEvents"]["edges"]])
        return _understood(lambda: [_event(node) for node in sorted(nodes, key=lambda node: str(node["createdAt"]))])

    def build_logs(self, deployment: str, lines: int) -> list[LogLine]:
        """The last lines of a build."""
        data = self.client.read(ops.BUILD_LOGS, deploymentId=deployment, limit=lines)
        return _last(lines, data, "buildLogs")

    def deploy_logs(self, deployment: str, lines: int, wanted: str | None = None) -> list[LogLine]:
        """The last lines that a deployment wrote; `wanted` is a filter of the platform."""
        data = self.client.read(ops.DEPLOY_LOGS, deploymentId=deployment, limit=lines, filter=wanted)
        return _last(lines, data, "deploymentLogs")

    def http_logs(self, deployment: str, lines: int, wanted: str | None = None) -> list[dict[str, Any]]:
        """The last requests to a deployment."""
        data = self.client.read(ops.HTTP_LOGS, deploymentId=deployment, beforeLimit=lines, filter=wanted)
        return _understood(lambda: [dict(row) for row in data["httpLogs"]][-lines:])

    def answered(self, service: Service, begin: datetime, end: datetime) -> dict[int, float]:
        """How many requests to a service were answered with which status, within a period."""
        period = {"startDate": begin.isoformat(), "endDate": end.isoformat()}
        data = self.client.read(ops.HTTP_METRICS, serviceId=service.id, environmentId=self.environment, **period)
        groups = _understood(lambda: list(data["httpMetricsGroupedByStatus"]))
        return _understood(
            lambda: {int(each["statusCode"]): sum(float(s["value"]) for s in each["samples"]) for each in groups}
        )

    def auto_deploy(self, service: Service) -> tuple[bool, str]:
        """Whether pushes deploy a service, and why not."""
        data = self.client.read(ops.AUTO_DEPLOY, **self._scope(service))
        state = _understood(lambda: data["serviceInstanceAutoDeployStatus"])
        return _understood(lambda: (bool(state["enabled"]), str(state["reason"] or "")))

    def deploy(self, service: Service, commit: str | None) -> str:
        """Begin a deployment and return its id."""
        wanted = {"serviceId": service.id, "environmentId": self.environment, "commitSha": commit}
        return str(self.client.change(ops.DEPLOY, **wanted)["serviceInstanceDeployV2"])

    def roll_back(self, deployment: str) -> bool:
        """Begin a deployment of what an earlier one was; whether the platform says it did."""
        return self.client.change(ops.ROLLBACK, id=deployment).get("deploymentRollback") is True

    def update(self, service: Service, settings: Mapping[str, Any]) -> None:
        """Change settings of a service; they count from its next deployment on."""
        wanted = {"serviceId": service.id, "environmentId": self.environment, "input": dict(settings)}
        self.client.change(ops.INSTANCE_UPDATE, **wanted)

    def set_variable(self, service: Service, name: str, value: str) -> None:
        """Set a variable of a service without deploying it."""
        wanted = {**self._scope(service), "name": name, "value": value, "skipDeploys": True}
        self.client.change(ops.VARIABLE_UPSERT, input=wanted)

    def freeze(self, service: Service) -> None:
        """Have pushes deploy a service no more."""
        self.client.change(ops.AUTO_DEPLOY_UPDATE, input={**self._scope(service), "enabled": False})

    def _scope(self, service: Service) -> dict[str, Any]:
        return {"projectId": self.project, "environmentId": self.environment, "serviceId": service.id}


def _understood(read: Callable[[], Read]) -> Read:
    """What was read of an answer; one in another form than expected is no verdict."""
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NoVerdict("the platform answered in a form that is not understood") from None


def _last(lines: int, data: Mapping[str, Any], name: str) -> list[LogLine]:
    """The platform returns one line more than asked for."""
    rows = _understood(lambda: list(data[name]))
    rows = rows[-lines:]
    return _understood(
        lambda: [LogLine(row["timestamp"], row["severity"] or "", without_named(row["message"])) for row in rows]
    )


def _event(node: Mapping[str, Any]) -> Event:
    error = (node["payload"] or {}).get("error")
    return Event(str(node["step"]), node["completedAt"] is not None, without_named(error) if error else None)


def _custom(node: Mapping[str, Any]) -> Domain:
    status = node["status"]
    return Domain(
        node["domain"],
        node["targetPort"],
        custom=True,
        verified=bool(status["verified"]),
        certificate=str(status["certificateStatus"]),
        fault=status["certificateErrorMessage"] or "",
        records=tuple(status["dnsRecords"]),
    )


def _plain(domains: Mapping[str, Any]) -> list[Domain]:
    return [Domain(node["domain"], node["targetPort"]) for node in domains["serviceDomains"]]

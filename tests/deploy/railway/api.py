"""Railway's GraphQL API over HTTP, as it is: its headers, its errors with status 200, and the faults of a test."""

import json
from datetime import datetime, timedelta
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from graphql import build_schema, execute_sync, parse, validate
from graphql.language import DocumentNode

from .faults import DROP, REPLIES, Fault, Reply, as_json
from .world import ENVIRONMENT, LIVE, PROJECT, START, Row, World

SCHEMA = build_schema(Path(__file__).with_name("schema.graphql").read_text())
PROJECT_TOKEN, ACCOUNT_TOKEN = "project-token-for-tests", "account-token-for-tests"


class Root:
    """The resolvers."""

    def __init__(self, world: World) -> None:
        self.world = world

    def projectToken(self, _: Any) -> dict[str, Any]:  # noqa: N802 - the platform's name
        """Of which environment the token is."""
        return {"projectId": PROJECT, "environmentId": ENVIRONMENT}

    def project(self, _: Any, id: str) -> dict[str, Any]:
        """The project with its services."""
        nodes = [{"node": {"id": each.id, "name": each.name}} for each in self.world.services.values()]
        return {"id": id, "name": "rental", "services": {"edges": nodes}, "environments": {"edges": []}}

    def serviceInstance(self, _: Any, serviceId: str, environmentId: str) -> dict[str, Any]:  # noqa: N802, N803, ARG002
        """The settings of a service."""
        return self.world.by_id(serviceId).settings

    def deployments(self, _: Any, input: dict[str, Any], first: int = 10, after: str | None = None) -> dict[str, Any]:
        """The newest deployments of a service."""
        del after
        now = self.world.clock.now()
        rows = [row for row in self.world.of(self.world.by_id(input["serviceId"])) if row.shows <= now]
        edges = [{"cursor": row.id, "node": self._node(row)} for row in rows[::-1][:first]]
        return {"edges": edges, "pageInfo": {"hasNextPage": len(rows) > first, "endCursor": None}}

    def deployment(self, _: Any, id: str) -> dict[str, Any]:
        """One deployment."""
        return self._node(next(row for row in self.world.rows if row.id == id))

    def deploymentEvents(self, _: Any, id: str, first: int) -> dict[str, Any]:  # noqa: N802
        """Its steps, up to the one that failed."""
        row = next(row for row in self.world.rows if row.id == id)
        steps = [
            "SNAPSHOT_CODE",
            "BUILD_IMAGE",
            "PUBLISH_IMAGE",
            "PRE_DEPLOY_COMMAND",
            "CREATE_CONTAINER",
            "HEALTHCHECK",
        ]
        if row.fails_at:
            steps = steps[: steps.index(row.fails_at) + 1]
        nodes = [
            {
                "id": step,
                "step": step,
                "createdAt": (START + timedelta(seconds=row.born + number)).isoformat(),
                "completedAt": START.isoformat(),
                "payload": {"error": row.error} if step == row.fails_at else None,
            }
            for number, step in enumerate(steps)
        ]
        return {"edges": [{"node": node} for node in nodes[:first]]}

    def buildLogs(self, _: Any, deploymentId: str, limit: int) -> list[dict[str, Any]]:  # noqa: N802, N803
        """One line more than was asked for."""
        return self._log(next(row for row in self.world.rows if row.id == deploymentId).build_log, limit)

    def deploymentLogs(self, _: Any, deploymentId: str, limit: int, **__: Any) -> list[dict[str, Any]]:  # noqa: N802, N803
        """One line more than was asked for."""
        return self._log(next(row for row in self.world.rows if row.id == deploymentId).deploy_log, limit)

    def httpLogs(self, _: Any, beforeLimit: int, **__: Any) -> list[dict[str, Any]]:  # noqa: N802, N803
        """Some requests."""
        row = {"requestId": "r", "method": "GET", "path": "/api/customers", "httpStatus": 200, "totalDuration": 12}
        return [{"timestamp": START.isoformat(), **row} for _ in range(beforeLimit + 1)]

    def httpMetricsGroupedByStatus(self, _: Any, serviceId: str, startDate: str, **__: Any) -> list[dict[str, Any]]:  # noqa: N802, N803
        """How many requests were answered how: since the newest deployment, as the test said; before, all well."""
        service = self.world.by_id(serviceId)
        since = START + timedelta(seconds=self.world.of(service)[-1].born + LIVE)
        counts = service.counts if datetime.fromisoformat(startDate) >= since else {200: 1000.0}
        return [{"statusCode": code, "samples": [{"ts": 0, "value": value}]} for code, value in counts.items()]

    def variables(self, _: Any, serviceId: str, **__: Any) -> dict[str, str]:  # noqa: N803
        """The variables of a service."""
        return self.world.by_id(serviceId).variables

    def domains(self, _: Any, serviceId: str, **__: Any) -> dict[str, Any]:  # noqa: N803
        """The public names of a service."""
        service = self.world.by_id(serviceId)
        return {"serviceDomains": service.domains, "customDomains": service.custom}

    def serviceInstanceAutoDeployStatus(self, _: Any, serviceId: str, **__: Any) -> dict[str, Any]:  # noqa: N802, N803
        """Whether pushes deploy it."""
        return {"enabled": self.world.by_id(serviceId).auto_deploy, "canEnable": True, "reason": None}

    def serviceInstanceDeployV2(self, _: Any, serviceId: str, commitSha: str | None = None, **__: Any) -> str:  # noqa: N802, N803
        """Begin a deployment."""
        return self.world.deploy(serviceId, commitSha).id

    def deploymentRollback(self, _: Any, id: str) -> bool:  # noqa: N802
        """Begin a deployment of an old version."""
        self.world.roll_back(id)
        return True

    def serviceInstanceUpdate(self, _: Any, serviceId: str, input: dict[str, Any], **__: Any) -> bool:  # noqa: N802, N803
        """Change settings."""
        self.world.by_id(serviceId).settings.update(input)
        return True

    def variableUpsert(self, _: Any, input: dict[str, Any]) -> bool:  # noqa: N802
        """Set a variable."""
        assert input["skipDeploys"], "without it the platform would deploy by itself"
        self.world.by_id(input["serviceId"]).variables[input["name"]] = input["value"]
        return True

    def serviceInstanceAutoDeployUpdate(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """Switch deploying by push."""
        self.world.by_id(input["serviceId"]).auto_deploy = input["enabled"]
        return {"enabled": input["enabled"], "canEnable": True}

    def _node(self, row: Row) -> dict[str, Any]:
        world, status = self.world, self.world.status(row)
        running = status == "SUCCESS" and not world.stopped(row)
        meta = {name: value for name, value in (("commitHash", row.commit), ("image", row.image)) if value}
        return {
            "id": row.id,
            "status": status,
            "createdAt": (START + timedelta(seconds=row.born)).isoformat(),
            "serviceId": world.services[row.service].id,
            "environmentId": ENVIRONMENT,
            "projectId": PROJECT,
            "canRollback": row.kept and status in ("SUCCESS", "REMOVED", "REMOVING"),
            "deploymentStopped": world.stopped(row),
            "meta": meta,
            "instances": [{"id": "i", "status": "RUNNING" if running else "REMOVED"}],
        }

    @staticmethod
    def _log(lines: list[str], limit: int) -> list[dict[str, Any]]:
        return [{"timestamp": START.isoformat(), "severity": "info", "message": line} for line in lines[-(limit + 1) :]]


@lru_cache(maxsize=64)
def _document(query: str) -> tuple[DocumentNode, tuple[str, ...]]:
    document = parse(query)
    return document, tuple(error.message for error in validate(SCHEMA, document))


class Api:
    """The server. `faults` are used up one after the other."""

    def __init__(self, world: World) -> None:
        self.world, self.root, self.faults = world, Root(world), list[Fault]()
        self.requests: list[str] = []
        handler = type("Handler", (_Handler,), {"api": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/graphql/v2"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def start_over(self, world: World) -> None:
        """Serve another world, without faults."""
        self.world, self.root = world, Root(world)
        self.faults.clear()

    def stop(self) -> None:
        """Close the door."""
        self.server.shutdown()
        self.server.server_close()

    def fault_of(self, operation: str) -> str:
        """The fault that this request meets, if any."""
        for fault in self.faults:
            if fault.operation == operation and fault.times > 0:
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.meanwhile:
                    fault.meanwhile()
                return fault.kind
        return ""

    def execute(self, body: dict[str, Any]) -> dict[str, Any]:
        """Carry an operation out."""
        document, _ = _document(body["query"])
        done = execute_sync(SCHEMA, document, self.root, variable_values=body.get("variables"))
        errors = [{"message": str(error.original_error or error.message)} for error in done.errors or ()]
        return {"data": done.data, **({"errors": errors} if errors else {})}


class _Handler(BaseHTTPRequestHandler):
    api: Api
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = self._reply(body)
        self.close_connection = True
        if reply is None:
            return
        status, content, headers = reply
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _reply(self, body: dict[str, Any]) -> Reply | None:
        name = body["operationName"]
        api = self.api
        api.requests.append(name)
        mutation = body["query"].lstrip().startswith("mutation")
        if mutation:
            api.world.asked.append((name, body["variables"]))
        project = self.headers.get("Project-Access-Token") == PROJECT_TOKEN
        if not project and self.headers.get("Authorization") != f"Bearer {ACCOUNT_TOKEN}":
            return REPLIES["denied"]()
        if name == "ProjectToken" and not project:
            return as_json({"errors": [{"message": "Project Token not found"}], "data": None})
        if wrong := _document(body["query"])[1]:
            return as_json({"errors": [{"message": message} for message in wrong]}, 400)
        return self._with_fault(api.fault_of(name), body)

    def _with_fault(self, kind: str, body: dict[str, Any]) -> Reply | None:
        api, world = self.api, self.api.world
        before = len(world.rows)
        if kind in REPLIES:
            return REPLIES[kind]()
        if kind == "foreign instead":
            world.start(_touched(world, body), "f" * 40)
            return DROP
        if kind == "no effect":
            return as_json({"data": {"deploymentRollback": True, "serviceInstanceDeployV2": "deployment-of-nobody"}})
        told = api.execute(body)
        new = world.rows[before:]
        if kind == "late":
            for row in new:
                row.shows = world.clock.now() + 45
        elif kind == "late and dropped":
            for row in new:
                row.shows = world.clock.now() + 45
            return DROP
        elif kind == "twice":
            api.execute(body)
        elif kind == "foreign too":
            world.clock.seconds += 0.5
            world.start(_touched(world, body), "f" * 40)
        elif kind == "other version":
            for row in new:
                row.commit = "e" * 40
        elif kind == "unknown state":
            for row in new:
                row.state = "A_STATE_OF_TOMORROW"
        elif kind == "retention":
            del world.rows[0]
        return REPLIES[kind.removesuffix(" after")]() if kind.endswith(" after") else as_json(told)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _touched(world: World, body: dict[str, Any]) -> Any:
    """The service that an operation is about."""
    given = body["variables"]
    if "serviceId" in given:
        return world.by_id(given["serviceId"])
    return world.services[next(row for row in world.rows if row.id == given["id"]).service]

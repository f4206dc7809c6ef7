"""Reading logs of a deployment, that of a failed one too, with secrets hidden."""

from collections.abc import Mapping
from typing import Any

from deploy.railway.context import Online
from deploy.railway.exits import Exit, NoVerdict
from deploy.railway.model import LogLine, Status
from deploy.railway.platform import Service
from deploy.railway.report import Result, secrets_of

KINDS = ("build", "deploy", "http")


def read(
    context: Online, service: Service, deployment: str | None, *, kind: str, lines: int, wanted: str | None
) -> Result:
    """The last lines of a log: of the deployment, else of the newest one, which is the one that failed if one did."""
    railway = context.railway
    context.report.hide(secrets_of(railway.variables(service)))
    if deployment is None:
        rows = [row for row in railway.deployments(service) if row.status is not Status.SKIPPED]
        if not rows:
            raise NoVerdict(f"{service.name} was never deployed")
        deployment = rows[0].id
    if kind == "http":
        told = [_request(row) for row in railway.http_logs(deployment, lines, wanted)]
    elif kind == "build":
        told = [_line(row) for row in railway.build_logs(deployment, lines)]
    else:
        told = [_line(row) for row in railway.deploy_logs(deployment, lines, wanted)]
    data = {"deployment": deployment, "kind": kind, "lines": told}
    return Result(Exit.OK, f"{len(told)} lines of the {kind} log of {deployment}", tuple(told), data)


def _line(row: LogLine) -> str:
    return f"{row.at} {row.severity:5} {row.message}"


def _request(row: Mapping[str, Any]) -> str:
    answered = f"{row.get('httpStatus')} {row.get('totalDuration')} ms"
    return f"{row.get('timestamp')} {answered} {row.get('method')} {row.get('path')} {row.get('requestId')}"

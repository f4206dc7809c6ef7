"""Why a deployment failed: the step that failed, what the logs say at it, and the known cause of that."""

from collections.abc import Iterator, Mapping, Sequence

from deploy.railway import causes
from deploy.railway.exits import NoVerdict
from deploy.railway.findings import Finding, failed, passed, skipped, warned
from deploy.railway.model import Deployment, Event, Status
from deploy.railway.platform import Railway

LINES = 200
SHOWN = 5
BUILDING = ("SNAPSHOT_CODE", "BUILD_IMAGE", "PUBLISH_IMAGE")
STEPS = {
    "SNAPSHOT_CODE": "is the repository still connected, and the commit in it?",
    "WAIT_FOR_DEPENDENCIES": "a service that this one refers to is not live",
    "BUILD_IMAGE": "`logs --build` shows it",
    "PUBLISH_IMAGE": "the platform's own step: deploy again, then look at its status page",
    "PRE_DEPLOY_COMMAND": "`logs --deploy` shows it",
    "MIGRATE_VOLUMES": "the service must have no volume: with one, deployments cannot overlap",
    "CONFIGURE_NETWORK": "the platform's own step: deploy again, then look at its status page",
    "CREATE_CONTAINER": "does the start command name what is in the image? `config diff`",
    "HEALTHCHECK": "ask the path of the health check yourself; `logs --deploy` shows what the program says",
    "DRAIN_INSTANCES": "the platform's own step; the new version serves",
}
STATES = {
    Status.SKIPPED: (
        "skipped",
        "the deployment was skipped: a check of the commit failed",
        "mend the check, and push again",
    ),
    Status.WAITING: ("waiting-for-checks", "the deployment waits for the checks of its commit", "look at the checks"),
    Status.NEEDS_APPROVAL: ("needs-approval", "the deployment waits for somebody to approve it", "approve it"),
    Status.SLEEPING: (
        "sleeping",
        "the service sleeps, and its first caller is answered 502 or 404",
        "sleepApplication false",
    ),
    Status.UNKNOWN: (
        "state-unknown",
        "the deployment is in a state that this tool does not know",
        "look at the dashboard",
    ),
}


def explain(railway: Railway, deployment: Deployment, variables: Mapping[str, str], path: str) -> Iterator[Finding]:
    """Say how a deployment does, and why if badly. `path` is that of its health check."""
    status = deployment.status
    if status in STATES:
        yield failed(*STATES[status])
    elif status.in_flight:
        yield warned("in-flight", f"{deployment} is under way", "`monitor` follows it")
    elif status in (Status.FAILED, Status.CRASHED):
        yield from _failure(railway, deployment, variables, path)
    elif deployment.stopped or status.ended:
        said = f"{deployment} has ended: its program came to an end, or somebody stopped it"
        yield failed("ended", said, "deploy again; a start command has to keep running")
    elif deployment.running == 0:
        yield failed("no-instance", f"no instance of {deployment} runs", "deploy again")
    else:
        yield passed("deployment", f"{deployment} is live with {deployment.running or 'some'} instances")


def _failure(railway: Railway, deployment: Deployment, variables: Mapping[str, str], path: str) -> Iterator[Finding]:
    step = _failed_step(railway, deployment)
    lines, unread = _lines(railway, deployment, step)
    if unread:
        yield skipped("logs", unread)
    if known := next(_reasons(step, lines, variables, path), None):
        yield known
        return
    said = f"{deployment} failed"
    if step:
        said += f" at {step.step}: {step.error or 'no reason given'}"
    for line in lines[-SHOWN:]:
        said += f"\n       | {line[:300]}"
    yield failed("failed", said, STEPS.get(step.step, "") if step else "`logs` shows more")


def _reasons(step: Event | None, lines: Sequence[str], variables: Mapping[str, str], path: str) -> Iterator[Finding]:
    """Name known causes, the most telling first."""
    building = step is not None and step.step in BUILDING
    said = [*lines, *([step.error] if step and step.error else [])]
    if found := causes.known(causes.BUILD if building else causes.RUN, said):
        yield found
    if step is None or step.step != "HEALTHCHECK":
        return
    listening, port = causes.listened_at(lines), variables.get("PORT", "").strip()
    if listening is not None and port.isdecimal() and listening != int(port):
        message = f"the program listens at {listening}, and the platform asks at {port}"
        yield failed("port-mismatch", message, "let it read PORT: start by `python -m deploy.start`")
    elif listening is None:
        message = "the program never came to listen, so the health check found nobody"
        yield failed("not-listening", message, "`logs --deploy` shows how far it came")
    else:
        message = f"the program listens, but {path} was not answered 200 in time"
        yield failed("health-check", message, "is that its path? `config diff`; else raise healthcheckTimeout")


def _failed_step(railway: Railway, deployment: Deployment) -> Event | None:
    try:
        events = railway.events(deployment.id)
    except NoVerdict:
        return None  # not every version of the API has them
    wrong = [event for event in events if event.error]
    return wrong[-1] if wrong else None


def _lines(railway: Railway, deployment: Deployment, step: Event | None) -> tuple[list[str], str]:
    """The log that belongs to the step, and why it could not be read if so."""
    try:
        if step and step.step in BUILDING:
            return [line.message for line in railway.build_logs(deployment.id, LINES)], ""
        return [line.message for line in railway.deploy_logs(deployment.id, LINES)], ""
    except NoVerdict as error:
        return [], f"the logs could not be read: {error}"

"""The way to the API: which header a token has, what is repeated and what not, operations that the API accepts."""

import socket
from pathlib import Path
from threading import Thread

import pytest
from graphql import build_schema, parse, validate

from deploy.railway import operations
from deploy.railway.client import Client, NotDone, Token, Unknown
from deploy.railway.clock import Clock
from deploy.railway.exits import NoVerdict, Unauthorised, UsageError
from deploy.railway.operations import Operation
from deploy.railway.platform import Railway, Service

from .api import ACCOUNT_TOKEN, PROJECT_TOKEN, SCHEMA
from .conftest import Project
from .kinds import LOST, READS
from .world import ENVIRONMENT, PROJECT

SCOPE = {"RAILWAY_PROJECT_ID": PROJECT, "RAILWAY_ENVIRONMENT_ID": ENVIRONMENT}


def client(project: Project, **environ: str) -> Client:
    """A client with the token of an environment."""
    token = Token.from_environ(environ or {"RAILWAY_TOKEN": PROJECT_TOKEN})
    assert token is not None
    return Client(project.api.url, token, project.world.clock, deadline=10_000)


@pytest.mark.parametrize("operation", operations.ALL, ids=lambda operation: operation.name)
def test_the_api_accepts_every_operation(operation: Operation) -> None:
    """Names, types and nullability are those of the schema."""
    assert validate(SCHEMA, parse(operation.text)) == []


def test_an_operation_that_the_api_would_refuse_is_caught() -> None:
    """Railway's own documentation asks a rollback for the new deployment; it answers true or false."""
    wrong = "mutation Rollback($id: String!) { deploymentRollback(id: $id) { id status } }"
    schema = build_schema(Path(__file__).with_name("schema.graphql").read_text())

    assert validate(schema, parse(wrong)) != []


def test_a_project_token_has_a_header_of_its_own(project: Project) -> None:
    """As a bearer it is refused; an account's token is a bearer and knows no environment."""
    both = {"RAILWAY_TOKEN": PROJECT_TOKEN, "RAILWAY_API_TOKEN": ACCOUNT_TOKEN}

    assert Railway.of(client(project, **both), {}).environment == ENVIRONMENT
    assert Railway.of(client(project, RAILWAY_API_TOKEN=ACCOUNT_TOKEN), SCOPE).services()
    with pytest.raises(Unauthorised):
        Railway.of(client(project, RAILWAY_API_TOKEN=PROJECT_TOKEN), SCOPE).services()
    with pytest.raises(UsageError, match="RAILWAY_PROJECT_ID"):
        Railway.of(client(project, RAILWAY_API_TOKEN=ACCOUNT_TOKEN), {})


def test_a_token_does_not_travel_in_the_clear() -> None:
    """Without https only this machine is spoken to."""
    token = Token.from_environ({"RAILWAY_TOKEN": "a token"})
    assert token is not None

    for url in ("http://backboard.example/graphql", "http://127.0.0.1.example/", "http://localhost.example/"):
        with pytest.raises(UsageError, match="https"):
            Client(url, token, Clock(), deadline=1)
    assert "a token" not in repr(token)


@pytest.mark.parametrize("kind", READS)
def test_a_read_is_repeated_five_times_and_then_given_up(project: Project, kind: str) -> None:
    """Pauses grow, and a Retry-After is kept to."""
    railway = Railway.of(client(project), {})
    project.fault("Topology", kind, times=5)
    before, began = len(project.api.requests), project.world.clock.now()

    with pytest.raises(NoVerdict):
        railway.services()

    assert len(project.api.requests) - before == 5
    assert project.world.clock.now() - began >= (28 if kind == "too many" else 6)


def test_a_denial_is_not_repeated(project: Project) -> None:
    """Asking again with the same token is no use."""
    railway = Railway.of(client(project), {})
    project.fault("Topology", "denied", times=5)

    with pytest.raises(Unauthorised):
        railway.services()

    assert project.api.requests.count("Topology") == 1


@pytest.mark.parametrize("kind", [*LOST, "denied", "too many"])
def test_a_change_is_sent_once(project: Project, kind: str) -> None:
    """Whatever is answered; and only what certainly was not done is told so."""
    service = Service("api", project.service("api", "a" * 40).id)
    railway = Railway.of(client(project), {})
    project.fault("Deploy", kind)
    expected = {"denied": Unauthorised, "too many": NotDone}.get(kind, Unknown)

    with pytest.raises(expected):
        railway.deploy(service, None)

    assert len(project.asked("Deploy")) == 1


def test_a_door_that_is_closed_certainly_took_nothing_in(project: Project) -> None:
    """A refused connection carried no request."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    there = Token("Project-Access-Token", "x", "x")

    with pytest.raises(NotDone):
        Client(f"http://127.0.0.1:{port}/", there, project.world.clock, deadline=1).change(operations.ROLLBACK, id="x")


def test_an_answer_that_does_not_come_leaves_it_open(project: Project) -> None:
    """The request was taken in, and then there is silence: it may have been done."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        held: list[socket.socket] = []
        Thread(target=lambda: held.append(silent.accept()[0]), daemon=True).start()
        there = Token("Project-Access-Token", "x", "x")

        with pytest.raises(Unknown):
            Client(url, there, project.world.clock, deadline=1, patience=0.1).change(operations.ROLLBACK, id="x")

        assert held


def test_a_log_has_no_more_lines_than_were_asked_for(project: Project) -> None:
    """The platform returns one more, at the wrong end."""
    service = project.service("api", "a" * 40)
    row = project.world.of(service)[0]
    row.deploy_log = row.build_log = [f"line {number}" for number in range(10)]
    railway = Railway.of(client(project), {})

    logs = railway.deploy_logs(row.id, 3), railway.build_logs(row.id, 3)

    assert [[line.message for line in log] for log in logs] == [["line 7", "line 8", "line 9"]] * 2
    assert len(railway.http_logs(row.id, 3)) == 3


def test_an_answer_in_another_form_is_no_verdict(project: Project) -> None:
    """A deployment without a status is not one that failed."""
    service = project.service("api", "a" * 40)
    railway = Railway.of(client(project), {})
    railway.client.read = lambda *_, **__: {"deployments": {"edges": [{"node": {"id": "d"}}]}}  # type: ignore[method-assign]

    with pytest.raises(NoVerdict, match="not understood"):
        railway.deployments(Service("api", service.id))

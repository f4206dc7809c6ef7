"""What the documents tell an operator to type can be typed."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from deploy.railway.cli import parser
from rental_backend.app import create_app
from rental_backend.config import Config
from rental_backend.web.endpoint.contracts import contract_of
from tests.serving import ROOT

GUIDE = "rental_backend/web/templates/guides/operations.md"
PAGES = ("deploy/RUNBOOK.md", "deploy/OPERATIONS.md", "README.md", ".github/CONTRIBUTING.md", GUIDE)
COMMAND = re.compile(r"(?:(?<=[\s`])|^)(deploy/railway-tool|flask) ([^`\n]+)", re.MULTILINE)


def commands(text: str, program: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of a program in a text: up to a comment, `&&`, or the end of the code."""
    for found in COMMAND.finditer(text):
        if found[1] == program:
            yield shlex.split(found[2].split(" &&")[0], comments=True)


def told(program: str) -> list[tuple[str, ...]]:
    """The calls of a program on all pages, each once."""
    calls = {tuple(call) for page in PAGES for call in commands((ROOT / page).read_text(), program)}
    assert len(calls) >= 5
    return sorted(calls)


@pytest.fixture(scope="module")
def app() -> Flask:
    """The application, which connects to nothing until it is asked something."""
    return create_app(Config.from_environ({"ENVIRONMENT": "test"}))


def known(app: Flask, arguments: list[str]) -> bool:
    """Whether `flask` takes these arguments; nothing is run."""
    context = click.Context(app.cli)
    command = app.cli.get_command(context, arguments[0])
    if command is None:
        return False
    try:
        command.make_context(arguments[0], arguments[1:])
    except click.UsageError:
        return False
    return True


@pytest.mark.parametrize("call", told("deploy/railway-tool"), ids=" ".join)
def test_the_tool_takes_what_is_told(call: tuple[str, ...]) -> None:
    """Commands, actions and options are those it has."""
    if call != ("--help",):
        assert parser().parse_args(call).command == call[0]


@pytest.mark.parametrize("call", told("flask"), ids=" ".join)
def test_flask_takes_what_is_told(
    app: Flask, call: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the application registers it; a file that is named is there."""
    monkeypatch.chdir(tmp_path)
    for path in map(Path, call):
        if path.suffix == ".dump" or path.name == "FILE":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    assert known(app, list(call))


def test_what_is_not_there_is_found_out(app: Flask) -> None:
    """A command that is gone and an option that there is not fail, in whatever form they are written."""
    page = "`deploy/railway-tool swap` or\n    $ deploy/railway-tool rollback --too x   # y\n"
    page += "`flask mood`, `flask mode --for`"

    for call in commands(page, "deploy/railway-tool"):
        with pytest.raises(SystemExit):
            parser().parse_args(call)
    assert [known(app, call) for call in commands(page, "flask")] == [False, False]


def test_the_order_by_http_is_taken(app: Flask) -> None:
    """The path, the method and the body of the runbook's request are those of a route."""
    text = (ROOT / "deploy" / "RUNBOOK.md").read_text()
    (request,) = re.findall(r"curl -X (\w+) \$shop(/\S+) .*?-d '([^']+)'", text, re.DOTALL)
    method, path, body = request

    endpoint, _ = app.url_map.bind("localhost").match(path, method)
    contract = contract_of(app.view_functions[endpoint])

    assert contract
    assert contract.accepts
    assert contract.accepts.load(json.loads(body))["mode"] == "read-only"


def test_the_baseline_of_the_predecessor_is_a_revision() -> None:
    """`alembic stamp` names one that there is."""
    revisions = {each for page in PAGES for each in re.findall(r"alembic stamp (\d+)", (ROOT / page).read_text())}

    assert len(revisions) == 1
    assert len(list((ROOT / "migrations" / "versions").glob(f"{revisions.pop()}_*.py"))) == 1

"""Requests made up from the document, fit and unfit: whatever comes, the answer is documented and never a 500."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from sqlalchemy.orm import Session

from tests.scanner import SENT, SHORTEST

from .conformance import Documented
from .stage import stage

# What ends the session or puts the service into another mode, and what the tool reads: their examples are tested.
LEFT_OUT = {"auth_logout", "operations_set_mode", "docs_document"}
ENOUGH = 20_000
EACH = 80  # requests of an operation, fit and again as many unfit


@dataclass
class Run:
    """A shop that is asked at random, and what was wrong with its answers: the first of each kind."""

    client: FlaskClient
    documented: Documented
    asked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)

    def ask(self, case: Case) -> None:
        """Send a request and judge its answer."""
        sent = case.as_transport_kwargs()
        sent["headers"].pop("Authorization", None)  # made up, while the client is signed in
        sent["headers"].pop("Accept-Encoding", None)  # which the client would leave packed
        if isinstance(sent.get("json"), dict):  # made up of what was answered before: no secret, if it is found there
            sent["json"] = {name: _short(name, value) for name, value in sent["json"].items()}
        response = self.client.open(**sent)
        self.statuses[response.status_code] += 1
        name = case.operation.definition.raw["operationId"]
        self.asked[name] += 1
        for fault in self.documented.faults(name, response):
            self.wrong.setdefault(
                fault[:120], f"{fault}\n    {case.method} {case.formatted_path} {case.query} {case.body}"
            )


def _short(name: str, value: object) -> object:
    return value[: SHORTEST - 1] if name in SENT and isinstance(value, str) else value


@pytest.fixture
def run(build: Callable[..., Flask], session: Session, tmp_path: Path) -> Run:
    """An application of its own."""
    app = build(JOURNAL_FOLDER=str(tmp_path), LOG_LEVEL="ERROR")
    doors = app.extensions["dependencies"]
    doors.start()
    assert doors.wait_until_settled(10)
    return Run(stage(app, session), Documented(app.test_client().get("/openapi.json").get_json()))


def _operations(run: Run) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    for found in schemathesis.openapi.from_wsgi("/openapi.json", run.client.application).get_all_operations():
        operation = found.ok()
        if operation.definition.raw["operationId"] not in LEFT_OUT:
            yield operation


def _ask(run: Run, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, times: int) -> None:
    said = operation.definition.raw
    there = None  # ids of rows that are there; what is unfit may be so in its path, too
    if mode is GenerationMode.POSITIVE:
        there = {each["name"]: each["example"] for each in said["parameters"] if each["in"] == "path"}

    @seed(8)
    @settings(
        max_examples=times,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=there))
    def ask(case: Case) -> None:
        run.ask(case)

    ask()


def test_one_request_of_each_operation(run: Run) -> None:
    """A request that fits, of each operation."""
    for operation in _operations(run):
        _ask(run, operation, GenerationMode.POSITIVE, 1)

    print("\n".join(run.wrong.values()))
    assert run.wrong == {}
    assert run.statuses[401] <= 1  # a refresh token that is none
    assert run.statuses[200] > len(run.asked) / 2
    assert set(run.asked) == set(run.documented.operations) - LEFT_OUT


@pytest.mark.full
def test_twenty_thousand_requests(run: Run) -> None:
    """Requests that fit and that do not, of every operation: no failure, nothing undocumented."""
    for operation in _operations(run):
        for mode in GenerationMode:
            with contextlib.suppress(Unsatisfiable):  # nothing is unfit for what takes nothing
                _ask(run, operation, mode, EACH)

    print("\n".join(run.wrong.values()))
    assert run.wrong == {}
    assert run.asked.total() >= ENOUGH

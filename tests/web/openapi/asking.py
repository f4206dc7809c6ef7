"""A shop that is asked at random, by the document, and what is wrong with its answers."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import APIOperation, Case, GenerationMode
from werkzeug.test import TestResponse

from tests.scanner import SENT, SHORTEST

from .conformance import Documented

# What ends the session or changes what the service does, and what the tool reads: their examples are tested.
LEFT_OUT = {"auth_logout", "operations_set_mode", "log_level_set_log_level", "drills_begin_drill", "docs_document"}
ENOUGH = 20_000
PATIENT: dict[str, Any] = {
    "deadline": None, "database": None, "phases": [Phase.generate], "suppress_health_check": list(HealthCheck),
}  # fmt: skip


@dataclass
class Run:
    """The shop, and the first of each kind of fault. `renew` signs in whoever was signed out by what he asked."""

    client: FlaskClient
    documented: Documented
    renew: Callable[[], str]
    asked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)

    def ask(self, case: Case) -> TestResponse:
        """Send a request, judge its answer, and return it."""
        sent = case.as_transport_kwargs()
        sent["headers"].pop("Authorization", None)  # made up, while the client is signed in
        sent["headers"].pop("Accept-Encoding", None)  # which the client would leave packed
        sent["path"] = sent["path"].replace("?", "%3F")  # a whole row may stand where an id belongs, with all its texts
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
        if response.status_code == 401:
            self.client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.renew()}"
        return response

    def __str__(self) -> str:
        said = ", ".join(f"{number} x {status}" for status, number in sorted(self.statuses.items()))
        return "\n".join([*self.wrong.values(), f"{self.asked.total()} of {len(self.asked)} operations: {said}"])


def _short(name: str, value: object) -> object:
    return value[: SHORTEST - 1] if name in SENT and isinstance(value, str) else value


def operations(run: Run) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    """Yield each operation that is asked."""
    for found in schemathesis.openapi.from_wsgi("/openapi.json", run.client.application).get_all_operations():
        operation = found.ok()
        if operation.definition.raw["operationId"] not in LEFT_OUT:
            yield operation


def ask_for(run: Run, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, times: int) -> None:
    """Ask for an operation so many times, by requests that fit its description or do not."""
    said = operation.definition.raw
    there = None  # ids of rows that are there; what is unfit may be so in its path, too
    if mode is GenerationMode.POSITIVE:
        there = {each["name"]: each["example"] for each in said["parameters"] if each["in"] == "path"}

    @seed(8)
    @settings(max_examples=times, **PATIENT)
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=there))
    def ask(case: Case) -> None:
        run.ask(case)

    ask()

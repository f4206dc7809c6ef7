"""Requests made up from the document, fit and unfit: whatever comes, the answer is documented and never a 500."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode

from .asking import ENOUGH, LEFT_OUT, PATIENT, Run

EACH = 80  # requests of an operation, fit and again as many unfit


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
    @settings(max_examples=times, **PATIENT)
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=there))
    def ask(case: Case) -> None:
        run.ask(case)

    ask()


def test_one_request_of_each_operation(run: Run) -> None:
    """A request that fits, of each operation."""
    for operation in _operations(run):
        _ask(run, operation, GenerationMode.POSITIVE, 1)

    print(run)
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

    print(run)
    assert run.wrong == {}
    assert run.asked.total() >= ENOUGH

"""Requests that follow from others: ids and values that one answers go into those that come after it.

What belongs together is found in the document: an operation takes what another answers. Such sequences reach what
requests made up one by one do not: a row that was changed, retired, changed again, and asked for by another way.
"""

import contextlib
import itertools
from typing import Any

import pytest
import schemathesis
from hypothesis import seed, settings
from hypothesis.errors import Flaky
from schemathesis import Case, GenerationMode
from schemathesis.core.transport import Response
from schemathesis.generation.stateful.state_machine import APIStateMachine

from .asking import ENOUGH, LEFT_OUT, PATIENT, Run, ask_for, operations

TOGETHER, STEPS = 5, 40  # stories of one kind, and the requests of each at the most
RELATIONS = 1_000  # between operations, at the least
ALONE = 10  # requests of each operation that no story reaches


def _machine(run: Run) -> type[APIStateMachine]:
    """Return what makes stories, and has them told to the shop."""
    document = schemathesis.openapi.from_wsgi("/openapi.json", run.client.application)
    machine: type[APIStateMachine] = document.exclude(operation_id=sorted(LEFT_OUT)).as_state_machine()

    class Stories(machine):  # type: ignore[misc, valid-type]
        def call(self, case: Case, **_: Any) -> Response:
            return Response.from_any(run.ask(case))

        def validate_response(self, *_: Any, **__: Any) -> None:
            """It is judged already."""

    return Stories


@pytest.mark.full
def test_twenty_thousand_requests_that_follow_from_others(run: Run) -> None:
    """Over the whole document, on rows that the stories make themselves: no failure, nothing undocumented."""
    stories = _machine(run)
    assert sum(len(each.outgoing) for each in stories._transitions.operations.values()) >= RELATIONS

    for number in itertools.count():
        with contextlib.suppress(Flaky):  # the shop remembers, and so answers the same otherwise the next time
            seed(number)(stories).run(settings=settings(max_examples=TOGETHER, stateful_step_count=STEPS, **PATIENT))
        if run.asked.total() >= ENOUGH:
            break

    print(f"{TOGETHER * (number + 1)} stories, of {len(run.asked)} operations")
    for operation in operations(run):
        if operation.definition.raw["operationId"] not in run.asked:  # no other answers what it takes
            ask_for(run, operation, GenerationMode.POSITIVE, ALONE)

    print(run)
    assert run.wrong == {}
    assert set(run.asked) == set(run.documented.operations) - LEFT_OUT
    assert run.statuses[401] <= ENOUGH / 100

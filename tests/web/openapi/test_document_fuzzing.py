"""Requests made up from the document, fit and unfit: whatever comes, the answer is documented and never a 500."""

import contextlib

import pytest
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from .asking import ENOUGH, LEFT_OUT, Run, ask_for, operations

pytestmark = pytest.mark.long

EACH = 50  # requests of an operation, fit and again as many unfit


def test_one_request_of_each_operation(run: Run) -> None:
    """A request that fits, of each operation."""
    for operation in operations(run):
        ask_for(run, operation, GenerationMode.POSITIVE, 1)

    print(run)
    assert run.wrong == {}
    assert run.statuses[401] <= 1  # a refresh token that is none
    assert run.statuses[200] > len(run.asked) / 2
    assert set(run.asked) == set(run.documented.operations) - LEFT_OUT


@pytest.mark.full
def test_twenty_thousand_requests(run: Run) -> None:
    """Requests that fit and that do not, of every operation: no failure, nothing undocumented."""
    for operation in operations(run):
        for mode in GenerationMode:
            with contextlib.suppress(Unsatisfiable):  # nothing is unfit for what takes nothing
                ask_for(run, operation, mode, EACH)

    print(run)
    assert run.wrong == {}
    assert run.asked.total() >= ENOUGH

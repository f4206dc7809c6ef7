"""A breaker with a clock of the test's."""

import sys
from collections.abc import Iterator

import pytest

from rental_backend.resilience import Breaker, Policy

from .calls import classify
from .clock import Clock


@pytest.fixture
def clock() -> Clock:
    """The breaker's clock."""
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """A closed breaker that opens after 5 failures in a row, else with the default policy."""
    return Breaker("thing", classify=classify, policy=Policy(consecutive=5), clock=clock, starts_closed=True)


@pytest.fixture
def eager() -> Iterator[None]:
    """Have threads take turns as often as they can, so that races show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)

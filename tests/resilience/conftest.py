"""A breaker with a clock of the test's."""

import sys
from collections.abc import Iterator

import pytest

from rental_backend.resilience import Breaker

from .calls import judge
from .clock import Clock


@pytest.fixture
def clock() -> Clock:
    """The breaker's clock."""
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """A closed breaker with the default policy."""
    return Breaker("thing", judge=judge, clock=clock, starts_closed=True)


@pytest.fixture
def eager() -> Iterator[None]:
    """Have threads take turns as often as they can, so that races show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)

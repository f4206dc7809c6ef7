"""What pybreaker's storage and state objects show."""

from datetime import UTC, datetime, timedelta

import pybreaker
import pytest

from rental_backend.resilience import CLOSED, OPEN, Breaker
from rental_backend.resilience.pybreaker_storage import NamedState

from .calls import fail, trip, wait_out
from .clock import Clock


def test_the_storage_shows_the_page(breaker: Breaker, clock: Clock) -> None:
    """Name, state, counters and the time of opening are there by pybreaker's names."""
    storage = breaker._state_storage
    assert isinstance(storage, pybreaker.CircuitBreakerStorage)
    assert (storage.name, storage.state, storage.opened_at) == ("page", CLOSED, None)
    fail(breaker, times=4)
    assert (storage.counter, storage.success_counter) == (4, 0)
    fail(breaker)
    clock.advance(90)
    assert storage.state == OPEN
    opened = storage.opened_at
    assert opened is not None
    assert abs(opened + timedelta(seconds=90) - datetime.now(UTC)) < timedelta(seconds=30)


def test_the_storage_is_read_only(breaker: Breaker) -> None:
    """Nobody goes around the breaker, which alone writes transitions."""
    storage = breaker._state_storage
    with pytest.raises(AttributeError, match="becomes open by its own methods"):
        storage.state = OPEN
    with pytest.raises(AttributeError, match="not to be set"):
        storage.opened_at = datetime.now(UTC)
    assert breaker.closed


def test_the_state_object_is_pybreakers(breaker: Breaker, clock: Clock) -> None:
    """`state` is an object with the name of the state in force, of this process's transitions and of others'."""
    assert isinstance(breaker.state, pybreaker.CircuitBreakerState)
    trip(breaker)
    assert isinstance(breaker.state, NamedState)
    assert breaker.state.name == OPEN
    other = Breaker("thing", memory=breaker.engine.breaker_state.memory, clock=clock)
    assert wait_out(other, clock).begin_probe()
    assert (breaker.state.name, other.state.name) == ("half-open", "half-open")

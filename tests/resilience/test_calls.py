"""What the tests of the breaker do to it has to happen, or they would prove nothing."""

import pytest

from rental_backend.resilience import Breaker, Policy

from .calls import classify, outage, succeed, trip
from .workers import Worker


def _breaker() -> Breaker:
    return Breaker("thing", policy=Policy(), classify=classify, starts_closed=True)


def test_a_breaker_that_does_not_open_is_noticed() -> None:
    """One that opens is not."""
    forced = _breaker()
    forced.force_closed(reason="a test", actor="a test")

    with pytest.raises(AssertionError):
        trip(forced)
    trip(_breaker())


def test_a_call_that_answers_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that answers what it was told is not."""
    succeed(_breaker())
    monkeypatch.setattr(Breaker, "call", lambda *_: "something else")

    with pytest.raises(AssertionError):
        succeed(_breaker())


def test_a_worker_that_fails_or_is_silent_is_noticed() -> None:
    """Its error is told here; one that says nothing is not waited for without end."""
    worker = Worker(fail=outage)
    try:
        with pytest.raises(AssertionError, match="Outage"):
            worker.do("fail")
        with pytest.raises(AssertionError, match="is silent for"):
            worker.answer(0.01)
    finally:
        worker.kill()

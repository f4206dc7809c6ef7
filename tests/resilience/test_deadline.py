"""The budget of one request."""

import threading
from types import SimpleNamespace

import pytest

from rental_backend.resilience import budget, deadline, limit, uncounted

from .clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that budgets are measured by."""
    clock = Clock()
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=clock))
    return clock


def test_without_a_budget_a_wait_is_what_is_asked() -> None:
    """Outside any request only the dependency's own deadline counts."""
    assert limit(7.5) == 7.5


def test_a_wait_is_never_longer_than_what_is_left(clock: Clock) -> None:
    """The budget shrinks as time passes and cuts only what exceeds it."""
    with budget(2.0):
        assert limit(0.8) == 0.8
        assert limit(5.0) == 2.0
        clock.advance(1.5)
        assert limit(0.8) == 0.5
        assert limit(0.3) == 0.3


def test_a_spent_budget_leaves_the_least_wait(clock: Clock) -> None:
    """A wait is never zero or negative, which would mean forever to some drivers."""
    with budget(1.0):
        clock.advance(60)
        assert limit(0.8) == 0.01


def test_the_budget_ends_with_its_block_even_by_an_error(clock: Clock) -> None:
    """Nothing of one request's budget is left for the next."""
    with pytest.raises(ZeroDivisionError), budget(0.1):
        clock.advance(1 / 0)
    assert limit(3.0) == 3.0


def test_an_inner_budget_gives_the_outer_one_back(clock: Clock) -> None:
    """After an inner block the outer budget is in force again, less the time that passed."""
    with budget(2.0):
        with budget(0.5):
            assert limit(9.0) == 0.5
            clock.advance(0.4)
        assert limit(9.0) == pytest.approx(1.6)


def test_a_budget_belongs_to_its_thread(clock: Clock) -> None:
    """Another request, in another thread, is not cut by ours."""
    seen: list[float] = []
    with budget(0.5):
        other = threading.Thread(target=lambda: seen.append(limit(4.0)))
        other.start()
        other.join(5)
        assert (seen, limit(4.0)) == ([4.0], 0.5)
    assert clock() == 1000.0


def test_work_of_our_own_does_not_count(clock: Clock) -> None:
    """After it as much is left as before, and after the request nothing remains of it."""
    with budget(2.0):
        clock.advance(0.5)
        with uncounted():
            clock.advance(60)
        assert limit(5.0) == 1.5
        clock.advance(1.0)
        assert limit(5.0) == 0.5
    with uncounted():
        assert limit(7.5) == 7.5

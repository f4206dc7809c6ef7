"""Counting over the last seconds."""

from rental_backend.resilience import Verdict
from rental_backend.resilience.window import Window


def test_an_empty_window_counts_nothing() -> None:
    """Before the first call there are no successes and no failures."""
    assert Window().counts(5.0) == (0, 0)


def test_verdicts_are_counted_by_kind() -> None:
    """Successes and failures are counted apart, within a second and over several."""
    window = Window()
    for verdict, at in (
        (Verdict.SUCCESS, 7.0),
        (Verdict.SUCCESS, 7.9),
        (Verdict.FAILURE, 7.95),
        (Verdict.FAILURE, 9.0),
    ):
        window.record(verdict, at)
    assert window.counts(9.5) == (2, 2)


def test_what_is_older_than_the_window_is_forgotten() -> None:
    """A verdict counts until the window's length has passed, second by second."""
    window = Window(seconds=10)
    window.record(Verdict.FAILURE, 100.0)
    window.record(Verdict.SUCCESS, 101.0)
    assert window.counts(109.99) == (1, 1)
    assert window.counts(110.0) == (1, 0)
    assert window.counts(111.0) == (0, 0)


def test_memory_is_bounded_by_seconds_not_by_calls() -> None:
    """However many calls a second sees, it takes one bucket; old ones go when counts are asked for."""
    window = Window(seconds=3)
    for second in range(50):
        for _ in range(100):
            window.record(Verdict.SUCCESS, second + 0.5)
        assert window.counts(second + 0.5)[0] <= 300
    assert len(window._buckets) == 3


def test_clear_forgets_all() -> None:
    """After `clear` counting begins anew."""
    window = Window()
    window.record(Verdict.FAILURE, 1.0)
    window.clear()
    assert window.counts(1.0) == (0, 0)


def test_a_clock_that_goes_back_loses_no_verdict_and_keeps_none_forever() -> None:
    """Verdicts of before and after a jump back are counted, and both are gone when the window has passed."""
    window = Window(seconds=10)
    window.record(Verdict.SUCCESS, 1000.0)
    window.record(Verdict.FAILURE, 400.0)
    assert window.counts(400.5) == (1, 1)
    assert window.counts(1010.0) == (0, 0)

"""The look at how long something takes sees what is too slow and what is too quick."""

import pytest

from tests.infra.timing import within


@pytest.mark.parametrize(
    ("most", "least", "said"),
    [
        (0.0, 0.0, r"^took 0\.\d+ s of its own, not 0\.000 s at the most$"),
        (10.0, 5.0, r"^took 0\.\d+ s, not 5\.000 s at the least$"),
    ],
    ids=["too slow", "too quick"],
)
def test_a_time_that_is_not_kept_is_noticed(most: float, least: float, said: str) -> None:
    """And told, with what it should have been."""
    with pytest.raises(AssertionError, match=said), within(most, least=least):
        pass
    with within(10.0):
        pass

"""What is awaited in tests comes in time, or it is said what did not."""

from functools import partial

import pytest

from tests.serving import until


def _never(_: str = "") -> bool:
    return False


def test_what_comes_is_returned() -> None:
    """The value that was awaited is the answer, however often it had to be asked for."""
    answers = iter((0, None, [], "there"))

    assert until(lambda: next(answers)) == "there"


def test_what_does_not_come_is_said() -> None:
    """In words, or else by the source of the condition; the values in it, which may be secrets, are not told."""
    token = "eyJ-what-nobody-may-read"
    said = {
        "full service": partial(until, lambda: False, 0.01, "full service"),
        "lambda: _never(token)": partial(until, lambda: _never(token), 0.01),
        "_never": partial(until, _never, 0.01),
        "token.isspace": partial(until, token.isspace, 0.01),
    }
    for words, call in said.items():
        with pytest.raises(AssertionError, match=r"^not within 0\.01 s: ") as caught:
            call()
        assert words.rpartition(".")[2] in str(caught.value)
        assert token not in str(caught.value)
    with pytest.raises(AssertionError, match=r"^not within 0\.01 s: _never$"):
        until(partial(_never, token), 0.01)

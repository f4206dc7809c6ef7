"""A helper that judges has a test that it can fail, with a proof that one without would be named."""

from pathlib import Path

import pytest

from tests.house.asserting import unproved

TESTS = Path(__file__).parents[1]


def test_each_helper_that_judges_can_fail() -> None:
    """Some test awaits that it fails: `with pytest.raises(AssertionError): refusal(…)`."""
    assert unproved(TESTS) == []


JUDGING = {
    "assert": "def judge(found):\n    assert found == 1\n",
    "raise": "def judge(found):\n    raise AssertionError('no')\n",
    "method": "class Stage:\n    def judge(self):\n        if self.ready:\n            assert self.done()\n",
    "of a fixture": "@pytest.fixture\ndef stage():\n    def judge():\n        assert found == 1\n    return judge\n",
    "block": "@contextmanager\ndef judge():\n    yield\n    assert took < 1\n",
}
OTHER = (
    "def narrow(found):\n    assert found is not None\n    assert isinstance(found, str)\n    assert found.port\n"
    "@pytest.fixture\ndef app():\n    assert services.wait(10)\n    yield app\n"
    "def _served():\n    assert services.wait(10)\n    yield app\n"
)


@pytest.mark.parametrize("text", JUDGING.values(), ids=JUDGING)
def test_one_without_a_test_would_be_named(tmp_path: Path, text: str) -> None:
    """Wherever it stands and however it judges; what only speaks of types or sets up is none."""
    (tmp_path / "stage.py").write_text(OTHER + text)
    (tmp_path / "test_stage.py").write_text(
        "def test_it():\n    judge(1)\n    with pytest.raises(ValueError): judge(2)\n"
    )
    assert unproved(tmp_path) == ["stage.py: judge"]

    (tmp_path / "test_stage.py").write_text(
        "def test_it():\n    with pytest.raises(AssertionError):\n        judge(2)\n"
    )
    assert unproved(tmp_path) == []

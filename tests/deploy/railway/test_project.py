"""The pretended project sees what the tool must never do."""

import pytest

from . import conftest
from .api import Root
from .conftest import SLOT_KEY, Project


def test_a_variable_that_would_deploy_by_itself_is_noticed(project: Project) -> None:
    """The tool deploys by its own word only."""
    service = project.service("api", "a" * 40)
    change = {"serviceId": service.id, "name": "A", "value": "b"}

    assert Root(project.world).variableUpsert(None, {**change, "skipDeploys": True})
    with pytest.raises(AssertionError, match="deploy by itself"):
        Root(project.world).variableUpsert(None, {**change, "skipDeploys": False})


@pytest.mark.parametrize("written", [f'{{"exit": 0, "key": "{SLOT_KEY}"}}', '{"exit": 5}'], ids=["secret", "exit code"])
def test_a_secret_or_another_exit_code_is_noticed(
    project: Project, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """Whatever command is run: nothing it writes holds a secret, and it says the code with which it ends."""

    def main(*_: object, output: "conftest.io.StringIO", **__: object) -> int:
        output.write(written)
        return 0

    monkeypatch.setattr(conftest, "main", main)
    with pytest.raises(AssertionError):
        project.run("status")
    with pytest.raises(AssertionError):
        project._refuse_secrets(f"the key is {SLOT_KEY}")
    project._refuse_secrets("nothing")

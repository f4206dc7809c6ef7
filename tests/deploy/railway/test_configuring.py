"""The settings of a service: checked for what the platform would refuse, compared, and brought there once."""

import io
import json
from typing import Any

import pytest

from deploy.railway import checkout, settings
from deploy.railway.cli import main
from deploy.railway.settings import Settings, validate
from rental_backend.config import Config

from .conftest import Project
from .kinds import DONE, LOST, REFUSED
from .world import SETTINGS, START

DEPLOY = {name: value for name, value in SETTINGS.items() if name != "dockerfilePath"}


def test_our_own_settings_are_valid() -> None:
    """Those of this checkout, with the delay that the program itself has."""
    output = io.StringIO()

    code = main(["config", "validate", "--json"], environ={}, output=output)

    assert (code, json.loads(output.getvalue())["failed"]) == (0, [])
    assert Config.prestop_delay == settings.PRESTOP


def wrong(project: Project, build: dict[str, Any] | None = None, **deploy: Any) -> list[str]:
    """The checks that fail for the usual settings with these changes."""
    del project  # whose checkout has the files that are looked at
    given = Settings({"dockerfilePath": "deploy/Dockerfile", **(build or {})}, {**DEPLOY, **deploy})
    return [found.code for found in validate(given, {}, START) if found.level == "FAIL"]


def test_the_usual_settings_are_valid(project: Project) -> None:
    """Their types are right, and a stop takes no longer than it may."""
    done = project.run("config", "validate")

    assert (done.code, done.failed) == (0, [])
    assert "5 + 30 + 5 s" in done.finding("config-timing")["message"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"overlapSeconds": "30"}, "config-types"),
        ({"drainingSeconds": "45"}, "config-types"),
        ({"drainingSeconds": True}, "config-types"),
        ({"sleepApplication": "false"}, "config-types"),
        ({"preDeployCommand": "flask migrate"}, "config-types"),
        ({"drainSeconds": 45}, "config-unknown"),
        ({"drainingSeconds": 39}, "config-timing"),
        ({"overlapSeconds": 0}, "config-overlap"),
        ({"restartPolicyType": "on-failure"}, "config-restart"),
        ({"startCommand": "gunicorn -b :$PORT wsgi:app"}, "config-start"),
        ({"healthcheckPath": ""}, "config-health"),
        ({"build": {"watchPaths": ["/deploy"]}}, "config-unknown"),
        ({"build": {"dockerfilePath": "Dockerfile"}}, "config-dockerfile"),
    ],
)
def test_what_the_platform_would_refuse_or_regret_is_named(project: Project, change: dict[str, Any], code: str) -> None:
    """Text for a number, a misspelt name, no time to drain, no overlap, a variable that no shell replaces."""
    assert wrong(project, **change) == [code]


def test_forty_seconds_are_enough_and_a_longer_delay_is_counted(project: Project) -> None:
    """PRESTOP_DELAY + graceful_timeout + 5 <= drainingSeconds, to the second."""
    assert wrong(project, drainingSeconds=40) == []
    done = project.run("config", "validate", PRESTOP_DELAY="11")

    assert (done.code, done.failed) == (2, ["config-timing"])


@pytest.mark.parametrize("text", ["", "[]", '{"deploy": 5}'])
def test_a_file_in_another_form_is_refused(
    project: Project, text: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No JSON, or not of that form."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "deploy").mkdir()
    (folder / "deploy" / "railway.json").write_text(text)
    monkeypatch.setattr(checkout, "ROOT", folder)

    assert project.run("config", "validate").code == 2


def test_a_difference_is_told_and_brought_there(project: Project) -> None:
    """`diff` exits with 1 and names it, `apply` sends only what differs, and then there is none."""
    service = project.service("api", "a" * 40)
    service.settings |= {"drainingSeconds": 0, "preDeployCommand": None}

    before = project.run("config", "diff")
    dry = project.run("config", "apply", "--dry-run")
    untouched = project.world.asked == []
    applied = project.run("config", "apply")
    after = project.run("config", "diff")

    assert (before.code, dry.code, untouched, applied.code, after.code) == (1, 0, True, 0, 0)
    assert before.told["drift"]["drainingSeconds"] == {"platform": 0, "file": 45}
    sent = project.asked("InstanceUpdate")[0]["input"]
    assert sent == {"drainingSeconds": 45, "preDeployCommand": DEPLOY["preDeployCommand"]}


def test_a_command_may_be_a_text_or_a_list(project: Project) -> None:
    """The platform tells a single command in either form."""
    service = project.service("api", "a" * 40)
    service.settings["preDeployCommand"] = DEPLOY["preDeployCommand"][0]

    assert project.run("config", "diff").code == 0


@pytest.mark.parametrize(
    ("kind", "code"), [*((kind, 1) for kind in LOST), *((kind, 6) for kind in REFUSED), *((kind, 0) for kind in DONE)]
)
def test_settings_are_sent_once_and_read_back(project: Project, kind: str, code: int) -> None:
    """What the platform has then decides, not what it answered."""
    project.service("api", "a" * 40).settings["drainingSeconds"] = 0
    project.fault("InstanceUpdate", kind)

    done = project.run("config", "apply")

    assert (done.code, len(project.asked("InstanceUpdate"))) == (code, 1)


def test_invalid_settings_are_not_brought_anywhere(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform would fail the next deployment over them."""
    project.service("api", "a" * 40)
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "deploy").mkdir()
    (folder / "deploy" / "railway.json").write_text(json.dumps({"deploy": {**DEPLOY, "overlapSeconds": "30"}}))
    monkeypatch.setattr(checkout, "ROOT", folder)

    done = project.run("config", "apply")

    assert (done.code, project.world.asked) == (2, [])

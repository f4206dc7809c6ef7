"""The command line: what it writes where, its exit codes, and that no secret is in any of it."""

import io
import os
import subprocess
from pathlib import Path

import pytest

from deploy.railway.cli import main
from deploy.railway.clock import Clock
from deploy.railway.exits import Exit
from deploy.railway.report import Report, Result, secrets_of

from .conftest import Project
from .world import SECRETS

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("arguments", [[], ["deploy", "--soak", "soon"], ["cors"], ["bluegreen"], ["unknown"]])
def test_wrong_usage_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And says how it is used."""
    with pytest.raises(SystemExit) as ended:
        main(arguments, environ={})

    assert ended.value.code == Exit.USAGE
    assert "usage:" in capsys.readouterr().err


def test_without_a_token_nothing_is_asked(project: Project) -> None:
    """The variables that may hold one are named."""
    done = project.run("rollback", RAILWAY_TOKEN="")

    assert (done.code, project.api.requests) == (2, [])
    assert "RAILWAY_API_TOKEN" in done.told["summary"]


def test_the_command_runs_from_the_checkout() -> None:
    """With whatever Python is on the path."""
    done = subprocess.run(
        [ROOT / "deploy" / "railway-tool", "diagnose", "--offline"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "migrations-head" in done.stdout, done.stderr
    assert done.returncode in (0, 1)


def test_a_human_reads_lines_and_a_script_one_object(project: Project) -> None:
    """Progress goes to standard error either way."""
    project.service("api", project.history.expand)
    output, errors = io.StringIO(), io.StringIO()
    arguments = ["monitor", "--soak", "10", "--api-url", project.api.url]
    main(arguments, environ=project.environ, clock=project.world.clock, output=output, errors=errors)

    assert output.getvalue().splitlines()[-1].endswith(": healthy")
    assert "platform: SUCCESS" in errors.getvalue()
    assert project.run("monitor", "--soak", "10").told["verdict"] == "healthy"


def test_a_log_shows_no_secret(project: Project) -> None:
    """Values of variables, passwords in URLs, and what is named a secret are hidden; the rest is not."""
    service = project.service("api", project.history.expand)
    project.world.of(service)[0].deploy_log = [
        f"connecting to {SECRETS['DATABASE_URL']}",
        "trying postgresql://somebody:else@elsewhere/db",
        "the password is hunter2hunter2",
        'login {"password": "open sesame", "Authorization": "Bearer abc.def.ghi"}',
        f"key {SECRETS['SECRET_KEY']} on PORT 8080",
    ]

    done = project.run("logs", "--deploy")

    written = " ".join(done.told["lines"])
    for hidden in ("somebody:else", "hunter2", "sesame", "abc.def"):
        assert hidden not in written
    assert "elsewhere/db" in written
    assert "on PORT 8080" in written


@pytest.mark.parametrize("kind", ["--build", "--deploy", "--http"])
def test_the_log_of_the_newest_deployment_is_read_the_failed_one(project: Project, kind: str) -> None:
    """Not that of the live one, which knows nothing of the failure."""
    service = project.service("api", project.history.expand)
    failed = project.world.start(service, project.history.newer, fails_at="HEALTHCHECK", build_log=["built"])
    project.world.clock.seconds += 100

    done = project.run("logs", kind, "--lines", "5")

    assert (done.code, done.told["deployment"]) == (0, failed.id)
    assert done.told["lines"]


def test_only_what_is_known_to_be_harmless_is_shown() -> None:
    """A variable that nobody has heard of may be a secret."""
    given = {"PORT": "8080", "ENVIRONMENT": "production", "STRIPE": "sk_live_1234", "RAILWAY_SERVICE_ID": "service-1"}

    assert secrets_of(given) == {"sk_live_1234"}
    assert secrets_of({"X_HOST": "redis://a:secretpart@h"}) == {"secretpart"}


def test_a_secret_that_json_would_escape_is_hidden_all_the_same() -> None:
    """It is hidden before it is written."""
    output = io.StringIO()
    report = Report(Clock(), as_json=True, output=output)
    report.hide(['pass"word\\'])

    report.finish("x", Result(Exit.OK, 'it is pass"word\\', data={'pass"word\\': ['pass"word\\']}))

    assert "word" not in output.getvalue()

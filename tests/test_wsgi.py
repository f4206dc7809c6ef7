"""What a start does before the first answer, and what it leaves for later."""

import contextlib
import json
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from rental_backend.infra.runtime.modes import Mode, Modes
from rental_backend.resilience import SharedMemory, SharedState
from tests.serving import until

ROOT = Path(__file__).parent.parent
LATER = ("rental_backend.cli.database", "rental_backend.demo", "rental_backend.doctor", "rental_backend.tables")
BEHIND_THE_FIRST_ANSWER = ("flask", "orjson", "psycopg", "redis", "sqlalchemy", "structlog", "werkzeug")
NEVER = ("alembic", "markdown_it", "opentelemetry", "google.protobuf", "requests", "urllib3")
AS_GUNICORN_DOES = f"""
import gc, json, runpy, sys
from types import SimpleNamespace

hooks = runpy.run_path("gunicorn.conf.py")
collecting = [gc.isenabled()]
early = [name for name in {BEHIND_THE_FIRST_ANSWER!r} if name in sys.modules]
from wsgi import app

behind = [name for name in {BEHIND_THE_FIRST_ANSWER!r} if name in sys.modules]
collecting.append(gc.isenabled())
imported = [name for name in sys.modules if name.startswith({LATER + NEVER!r})]
from rental_backend.parties.models import Customer

made = []
for age in (1, 2):
    hooks["pre_fork"](None, SimpleNamespace(age=age))
    made.append(Customer.__mapper__.configured)
lines = len(app.test_cli_runner().invoke(args=["--help"]).output.split("\\n"))
print(json.dumps([early, behind, imported, collecting, made, lines]))
"""


def test_a_start_imports_and_makes_only_what_a_first_answer_needs() -> None:
    """No command, no demonstration, no tracing; mappers after the first worker is there. Garbage is collected again."""
    environ = {"ENVIRONMENT": "test", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", AS_GUNICORN_DOES],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    early, behind, imported, collecting, made, lines_of_help = json.loads(done.stdout)

    assert early == []
    assert behind == [*BEHIND_THE_FIRST_ANSWER]  # so that a name which nobody imports proves nothing
    assert imported == []
    assert collecting == [True, True]
    assert made == [False, True]
    assert lines_of_help > 13  # the commands are there as soon as one asks


@pytest.mark.parametrize(
    ("mode", "kept", "silent"),
    [("", None, False), ("normal", Mode.NORMAL, True), ("read-only", None, True), ("", Mode.EMERGENCY, True)],
)
def test_health_is_told_early_only_where_the_mode_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str, kept: Mode | None, silent: bool
) -> None:
    """An order that outlives a restart is read by the application alone, so its presence has health wait for it."""
    for name, value in (("ENVIRONMENT", "test"), ("MODE", mode), ("JOURNAL_FOLDER", str(tmp_path))):
        monkeypatch.setenv(name, value)
    if kept:
        assert (
            Modes(SharedState(SharedMemory()), tmp_path, "normal")
            .set(kept, reason="a test", actor="ann", keep=True)
            .kept
        )

    assert runpy.run_path("gunicorn.conf.py")["_early"].silent is silent


def test_a_stopped_application_leaves_no_thread(build: Callable[..., Flask]) -> None:
    """Whatever it began in the background has ended soon; a worker that goes on asking would open connections again."""
    before = set(threading.enumerate())
    services = build().extensions["services"]
    services.start()
    assert services.wait_until_settled(10)
    began = set(threading.enumerate()) - before
    assert {"warmer", "stale-writer", "stale-marks", "background", "probe-database"} <= {each.name for each in began}

    services.stop()

    with contextlib.suppress(AssertionError):
        until(lambda: not any(each.is_alive() for each in began), 30, "the end of all threads")
    left = {each for each in began if each.is_alive()}
    assert {each.name for each in left} == set()

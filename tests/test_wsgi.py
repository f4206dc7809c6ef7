"""What a start does before the first answer, and what it leaves for later."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from tests.serving import until

ROOT = Path(__file__).parent.parent
LATER = ("rental_backend.cli.database", "rental_backend.demo", "rental_backend.doctor", "rental_backend.tables")
NEVER = ("alembic", "markdown_it", "opentelemetry", "google.protobuf", "requests", "urllib3")
AS_GUNICORN_DOES = f"""
import gc, json, runpy, sys
from types import SimpleNamespace

hooks = runpy.run_path("gunicorn.conf.py")
collecting = [gc.isenabled()]
from wsgi import app

collecting.append(gc.isenabled())
imported = [name for name in sys.modules if name.startswith({LATER + NEVER!r})]
from rental_backend.parties.models import Customer

made = []
for age in (1, 2):
    hooks["pre_fork"](None, SimpleNamespace(age=age))
    made.append(Customer.__mapper__.configured)
print(json.dumps([imported, collecting, made, len(app.test_cli_runner().invoke(args=["--help"]).output.split("\\n"))]))
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
    imported, collecting, made, lines_of_help = json.loads(done.stdout)

    assert imported == []
    assert collecting == [True, True]
    assert made == [False, True]
    assert lines_of_help > 13  # the commands are there as soon as one asks


def test_a_stopped_application_leaves_no_thread(build: Callable[..., Flask]) -> None:
    """Whatever it began in the background has ended soon; a worker that goes on asking would open connections again."""
    before = set(threading.enumerate())
    services = build().extensions["services"]
    services.start()
    assert services.wait_until_settled(10)
    began = set(threading.enumerate()) - before
    assert {"warmer", "stale-writer", "stale-marks", "background", "probe-database"} <= {each.name for each in began}

    services.stop()

    until(lambda: not any(each.is_alive() for each in began), 10, "the end of all threads")

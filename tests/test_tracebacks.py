"""What is written down of exceptions: kinds, facts and the stack, and no message."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy
from flask import Flask
from sqlalchemy.orm import Session

from deploy.private.servers import PostgresServer
from rental_backend.infra.postgres.failures import without_values
from rental_backend.tracebacks import describe, named
from rental_backend.web.middleware import logs
from tests import factories

ROOT = Path(__file__).parent.parent
VALUE = "ann@planted.example"
SECOND = "second-of-two"
NOBODY_CATCHES = """
import gc, sys, threading
import wsgi

value = "@".join(("ann", "planted.example"))

def fail():
    raise ValueError(value)

class Finalized:
    def __del__(self):
        fail()

thread = threading.Thread(target=fail, name="a worker")
thread.start()
thread.join()
Finalized()
fail()
"""


def _caught(fail: Callable[[], object]) -> Exception:
    try:
        fail()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def _grouped() -> None:
    raise ExceptionGroup(VALUE, [ValueError(VALUE), KeyError(VALUE)])


def _chained() -> None:
    try:
        int(VALUE)
    except ValueError as error:
        error.add_note(VALUE)
        raise RuntimeError(VALUE) from error


def _in_a_circle() -> None:
    first, second = ValueError(VALUE), KeyError(VALUE)
    first.__context__, second.__context__ = second, first
    raise first


@pytest.mark.parametrize("fail", [_grouped, _chained, _in_a_circle])
def test_no_message_is_written(fail: Callable[[], None]) -> None:
    """Neither of the exception nor of its causes, parts and notes; the stack is, with the lines of the source."""
    told = describe(_caught(fail))

    assert VALUE not in told
    assert "ValueError" in told
    assert f"in {fail.__name__}" in told


def test_a_missing_module_and_a_file_are_told_by_their_facts() -> None:
    """Which module is missing is no value; which file, may be one."""
    assert (
        named(_caught(lambda: __import__("no_such_module"))) == "ModuleNotFoundError (No module named 'no_such_module')"
    )
    assert named(_caught(lambda: Path(f"/nowhere/{VALUE}").read_text())) == "FileNotFoundError (ENOENT)"


def test_an_error_of_the_database_is_told_by_state_constraint_and_table(session: Session) -> None:
    """SQLAlchemy's message holds the statement with its parameters, the server's the key that is in use."""
    factories.user(session, email=VALUE, username="first-of-two")

    caught = _caught(lambda: factories.user(session, email=VALUE, username=SECOND))
    told = describe(caught)

    assert VALUE in str(caught.__cause__)
    assert "psycopg.errors.UniqueViolation (SQLSTATE 23505, constraint " in told
    assert "table users" in told
    assert not any(each in told for each in (VALUE, SECOND, "$argon2id$"))


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was logged, at the most talkative level."""
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    logs.configure("DEBUG")
    yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def test_what_libraries_say_of_an_exception_is_said_without_its_message(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """As the argument of a message, or as the message."""
    log = logging.getLogger("psycopg")
    log.warning("error ignored in %s: %s", "rollback", ValueError(VALUE))
    log.warning(ValueError(VALUE))

    assert [line["event"] for line in lines()] == ["error ignored in rollback: ValueError", "ValueError"]


def test_the_most_talkative_level_tells_no_row_and_no_parameter(
    app: Flask, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    """SQLAlchemy logs statements then, without what they are given and what they find."""
    talkative = logging.getLogger("sqlalchemy")
    talkative.setLevel("DEBUG")
    database = app.extensions["services"].database
    with database.reading() as session:
        session.execute(sqlalchemy.text("SELECT CAST(:value AS text)"), {"value": VALUE}).all()
    talkative.setLevel("WARNING")

    told = json.dumps(lines())
    assert "SELECT CAST" in told
    assert VALUE not in told


def test_what_nobody_catches_is_logged_without_its_message() -> None:
    """In a thread, in a finalizer and in the program itself, which fails all the same."""
    environ = {"ENVIRONMENT": "test", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", NOBODY_CATCHES],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert (VALUE in done.stdout, done.stderr) == (False, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"].removeprefix("nobody caught an error in ") for line in found] == [
        "a worker",
        "a finalizer",
        "the main thread",
    ]
    assert all(line["exception"].endswith("\nValueError") for line in found)


@pytest.mark.parametrize(
    "statement",
    [f"SELECT '{VALUE}'::uuid", f"SELECT '{VALUE}'::integer", f"SELECT '{VALUE}'::date", f"SELECT '{{{VALUE}'::text[]"],
)
def test_a_message_of_the_server_ends_before_its_value(postgres: PostgresServer, statement: str) -> None:
    """Programs of the server and migrations tell the rest of it."""
    with psycopg.connect(postgres.url) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(statement.encode())

    message = caught.value.diag.message_primary or ""
    assert VALUE in message
    assert VALUE not in without_values(message)
    assert len(without_values(message)) > 10

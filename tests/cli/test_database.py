"""The `flask` commands, run as a deployment runs them."""

import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
import sqlalchemy
import structlog
from flask import Flask
from sqlalchemy.engine import make_url

from deploy.private.servers import PostgresServer
from rental_backend.config import driver_url
from rental_backend.web.middleware import logs
from tests.cluster import NEWEST

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PASSWORD = "hidden word of the administrator"


@contextmanager
def _database(postgres: PostgresServer, template: str) -> Iterator[str]:
    """Make a database like another, for a while, and give its URL."""
    name = f"commands_{uuid.uuid4().hex[:8]}"
    server = sqlalchemy.create_engine(driver_url(postgres.url), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def own(settings: dict[str, str], postgres: PostgresServer) -> Iterator[dict[str, str]]:
    """The settings for an empty database of its own."""
    with _database(postgres, "template1") as url:
        yield {**settings, "DATABASE_URL": url}


@pytest.fixture
def migrated(settings: dict[str, str], postgres: PostgresServer) -> Iterator[dict[str, str]]:
    """The settings for a database of its own at the newest revision."""
    with _database(postgres, NEWEST) as url:
        yield {**settings, "DATABASE_URL": url}


def flask(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command from the checkout."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _ask(environ: dict[str, str], question: str) -> list[tuple[object, ...]]:
    engine = sqlalchemy.create_engine(driver_url(environ["DATABASE_URL"]))
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(sqlalchemy.text(question))]
    engine.dispose()
    return found


def test_migrate_brings_an_empty_database_to_the_newest_revision(own: dict[str, str]) -> None:
    """Once makes the tables, twice does no harm."""
    first, second = flask(own, "migrate"), flask(own, "migrate")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout.startswith("Migrated from nothing to ")
    assert second.stdout.startswith("Nothing to migrate: the database is at ")
    assert _ask(own, "SELECT count(*) FROM customers") == [(0,)]


def test_the_administrator_is_created_once_and_can_sign_in(
    migrated: dict[str, str], build: Callable[..., Flask]
) -> None:
    """The generated password is shown this once, works, and no second administrator is made."""
    environ = {**migrated, "ADMIN_USERNAME": "boss", "ADMIN_EMAIL": "boss@example.org"}

    first, second = flask(environ, "create-admin"), flask(environ, "create-admin")

    shown = re.search(r"Password, shown only this once: (\S{12,})$", first.stdout.strip())
    assert first.returncode == 0, first.stderr
    assert shown is not None
    assert first.stdout.count(shown[1]) == 1
    assert shown[1] not in first.stderr
    assert (second.returncode, second.stdout.strip()) == (
        0,
        "There are users already; no administrator was created.",
    )
    assert _ask(environ, "SELECT username, email, is_superuser, is_active, user_type FROM users") == [
        ("boss", "boss@example.org", True, True, "SUPERADMIN")
    ]
    app = build(**environ)
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    answer = app.test_client().post("/api/auth/login", json={"username": "boss", "password": shown[1]})
    assert (answer.status_code, answer.get_json()["user"]["userType"]) == (200, "SUPERADMIN")


def test_a_given_password_is_taken_and_never_printed(migrated: dict[str, str]) -> None:
    """ADMIN_PASSWORD is used, is stored as a hash only, and appears nowhere."""
    done = flask({**migrated, "ADMIN_PASSWORD": PASSWORD}, "create-admin")

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "Administrator admin created, with the password of ADMIN_PASSWORD."
    assert PASSWORD not in done.stdout + done.stderr
    ((stored,),) = _ask(migrated, "SELECT password FROM users")
    assert str(stored).startswith("$argon2id$")


def test_a_given_password_that_is_easy_to_guess_makes_no_administrator(migrated: dict[str, str]) -> None:
    """The setting is named, its value is not."""
    weak = "admin-2024"
    done = flask({**migrated, "ADMIN_PASSWORD": weak}, "create-admin")

    assert done.returncode == 1
    assert re.search(r"^Error: .*ADMIN_PASSWORD: Is easy to guess", done.stderr, re.MULTILINE), done.stderr
    assert weak not in done.stdout + done.stderr
    assert _ask(migrated, "SELECT count(*) FROM users") == [(0,)]


def test_without_a_database_the_command_fails_in_one_line(settings: dict[str, str]) -> None:
    """An outage is said in a sentence, without a traceback, password or URL, and fails."""
    away = "postgresql://shop:secret-word@127.0.0.1:1/shop"

    done = flask({**settings, "DATABASE_URL": away, "ADMIN_PASSWORD": PASSWORD}, "create-admin")

    assert done.returncode != 0
    assert re.search(r"^Error: .*not available", done.stderr, re.MULTILINE), done.stderr
    for said in ("Traceback", "secret-word", PASSWORD):
        assert said not in done.stdout + done.stderr


@pytest.mark.full
def test_two_deployments_at_once_make_one_administrator(migrated: dict[str, str]) -> None:
    """Of two that start at the same moment one makes him; both end well or say why not."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "create-admin"]
    started = [
        subprocess.Popen(command, cwd=ROOT, env=migrated, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = ["".join(each.communicate(timeout=60)) for each in started]

    assert _ask(migrated, "SELECT count(*) FROM users") == [(1,)]
    assert sum("Password, shown only this once" in text for text in said) == 1
    assert "Traceback" not in "".join(said)


def test_logs_keep_out_of_what_a_command_answers(
    build: Callable[..., Flask], capsys: pytest.CaptureFixture[str]
) -> None:
    """A program reads the answer, so what is logged goes to standard error: from the building of the application on."""
    log = structlog.get_logger("somebody")

    @click.command()
    def told() -> None:
        log.warning("at work")
        click.echo("{}")

    app = build()
    log.warning("a server")
    app.cli.add_command(told)
    done = app.test_cli_runner().invoke(args=["told"])
    logs.configure("WARNING")
    with click.Context(click.Command("flask")):  # in which that program has the application built
        build()
        log.warning("while building")
    logs.configure("WARNING")

    assert (done.stdout, "at work" in done.stderr) == ("{}\n", True)
    out, err = capsys.readouterr()
    assert ("while building" in out, "while building" in err) == (False, True)
    assert ("a server" in out, "a server" in err) == (True, False)

"""Toy revisions, and databases of their own to run them on."""

import json
import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy.engine import make_url

from deploy.private.servers import PostgresServer
from rental_backend.infra.migration import Migrator, Server
from tests.serving import until

ROOT = Path(__file__).parent.parent.parent
REVISION = '''"""Toy {name}."""

from alembic import op

from migrations import safely
from rental_backend.infra.migration import BadRows

revision = {name!r}
down_revision = {before!r}
{more}


def upgrade():
    {work}


def downgrade():
    pass
'''


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what the condition returns as soon as that is true; whoever runs meanwhile has the processors."""
    return until(condition, seconds)


class Toys:
    """A line of toy revisions in a folder, and a database; `said` holds what runs in this process told."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url, self.folder = url, folder
        self.said: list[str] = []
        self._last: str | None = None
        self.ini = folder / "alembic.ini"
        (folder / "versions").mkdir()
        self.ini.write_text(
            f"[alembic]\nscript_location = {ROOT}/migrations\nversion_locations = {folder}/versions\n"
            f"prepend_sys_path = {ROOT}\npath_separator = os\n"
        )

    def add(self, name: str, *work: str, more: str = "") -> None:
        """Append a revision that executes statements, or calls `safely.…`."""
        self.write(name, self._last, *work, more=more)
        self._last = name

    def write(self, name: str, before: str | None, *work: str, more: str = "") -> None:
        """Write the file of a revision, anew if it is there."""
        lines = [line if line.startswith("safely.") else f"op.execute({line!r})" for line in work]
        path = self.folder / "versions" / f"{name}.py"
        path.write_text(REVISION.format(name=name, before=before, more=more, work="\n    ".join(lines) or "pass"))

    def migrator(self, *, wait: float = 10, **timeouts: float) -> Migrator:
        """Return what `flask migrate` runs, in this process."""
        return Migrator(Server(self.url, **timeouts), self.ini, wait=wait, say=self.said.append)

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start `flask migrate` as a deployment does."""
        return subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "migrate", "--json", *options],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "ENVIRONMENT": "test",
                "DATABASE_URL": self.url,
                "ALEMBIC_CONFIG": str(self.ini),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        """Ask the database around the tool."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(question.encode())
            return cursor.fetchall() if cursor.description is not None else []

    @property
    def revision(self) -> str | None:
        """Where the database is."""
        return next((row[0] for row in self.ask("SELECT version_num FROM alembic_version")), None)

    @contextmanager
    def holding(self, statement: str) -> Iterator[psycopg.Connection[Any]]:
        """Keep a transaction open that has executed the statement."""
        with psycopg.connect(self.url, application_name="a long report") as connection:
            connection.execute(statement.encode())
            yield connection
            connection.rollback()


@pytest.fixture
def toys(postgres: PostgresServer, tmp_path: Path) -> Iterator[Toys]:
    """No revisions yet, on an empty database of its own."""
    name = f"toys_{uuid.uuid4().hex[:8]}"
    url = make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(postgres.url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
        yield Toys(tmp_path, url)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


Command = Callable[..., Result]


@pytest.fixture
def command(toys: Toys, build: Callable[..., Flask]) -> Iterator[Command]:
    """Run a flask command on the toys: `command("migrate", "--wait=1", DATABASE_URL=...)`."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str, **environ: str) -> Result:
        app = build(**{"DATABASE_URL": toys.url, **environ})
        with app.app_context():
            return app.test_cli_runner().invoke(args=[*arguments, "--config", str(toys.ini)])

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


def finished(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    """Return a run's exit code, the object it printed, and what it said meanwhile."""
    out, said = process.communicate(timeout=30)
    return process.returncode, json.loads(out) if out else {}, said

"""Backups: made beside the requests by the real pg_dump, watched, called off, fetched, forgotten in time, restored."""

import hashlib
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from deploy.private import binaries
from deploy.private.servers import PostgresServer
from rental_backend.infra.postgres.backups import LOCK, BackupFailed, Backups
from rental_backend.settings.backups import service as backups
from rental_backend.settings.models import BackupStatus, SystemBackup
from tests import factories
from tests.accounts.administering import at_once, client_of, logged
from tests.refusals import refusal
from tests.serving import ROOT, until

pytestmark = [pytest.mark.usefixtures("seeded"), pytest.mark.long]

FORM = {"backup_name": "before the move", "backup_type": "FULL", "retention_days": "7", "description": "all"}
PROGRAMS = binaries.postgres("pg_dump").parent
BACKUPS = "/api/system/backups"
# A program in place of pg_dump that says a little, then waits to be stopped, or hears that nobody listens.
SLOW = """#!/bin/sh
echo 'pg_dump: dumping contents of table "public.x"' >&2
while printf 0123456789; do sleep 0.1; done
"""


class Shop:
    """An application that backs up into a folder, and its administrator."""

    def __init__(self, app: Flask, client: FlaskClient, folder: Path) -> None:
        self.app, self.client, self.folder = app, client, folder
        self.database = app.extensions["services"].database
        self.backups = app.extensions["services"].backups

    def ask(self, **more: Any) -> str:
        """Note down a backup; return its path."""
        answer = self.client.post(f"{BACKUPS}?started_by=somebody", json={**FORM, **more})
        assert answer.status_code == 201, answer.text
        return f"{BACKUPS}/{answer.get_json()['id']}"

    def show(self, path: str) -> dict[str, Any]:
        """Return a backup as it is shown now."""
        found: dict[str, Any] = self.client.get(path).get_json()
        return found

    def make(self, **more: Any) -> dict[str, Any]:
        """Make a backup, and return it when it is over."""
        path = self.ask(**more)
        assert self.client.post(f"{path}/start").get_json()["backup_status"] == "RUNNING"
        until(lambda: self.show(path)["backup_status"] != "RUNNING", 30, "the backup")
        return self.show(path)


Open = Callable[..., Shop]


@pytest.fixture
def open_shop(build: Callable[..., Flask], session: Session, tmp_path: Path) -> Iterator[Open]:
    """Make a shop whose programs are those of a folder."""

    def opened(programs: Path) -> Shop:
        folders = {"BACKUP_FOLDER": str(tmp_path / "backups"), "JOURNAL_FOLDER": str(tmp_path / "journal")}
        app = build(PG_BIN=str(programs), **folders)
        app.extensions["services"].start()
        assert app.extensions["services"].wait_until_settled(10)
        admin = factories.user(session, username="admin", is_superuser=True)
        return Shop(app, client_of(app, session, admin), tmp_path / "backups")

    yield opened
    until(lambda: all(each.name != "backup" for each in threading.enumerate()), 15, "the end of all backups")


@pytest.fixture
def shop(open_shop: Open) -> Shop:
    """A shop with the programs of PostgreSQL."""
    return open_shop(PROGRAMS)


@pytest.fixture
def slow_shop(open_shop: Open, tmp_path: Path) -> Shop:
    """A shop whose backups never end by themselves."""
    program = tmp_path / "programs" / "pg_dump"
    program.parent.mkdir()
    program.write_text(SLOW)
    program.chmod(0o755)
    return open_shop(program.parent)


def test_a_backup_is_made_and_fetched(shop: Shop, session: Session) -> None:
    """It is shown with its size and digest, the file is what is downloaded, and who did what is logged."""
    done = shop.make()

    assert (done["backup_status"], done["error_message"], done["progress"]) == ("COMPLETED", None, 100)
    fetched = shop.client.get(f"{BACKUPS}/{done['id']}/download")
    assert fetched.data[:5] == b"PGDMP"
    assert fetched.headers["Content-Length"] == str(done["backup_size"]) == str(len(fetched.data))
    assert fetched.headers["Content-Disposition"] == 'attachment; filename="before-the-move.dump"'
    assert hashlib.sha256(fetched.data).hexdigest() == done["sha256"]
    (file,) = shop.folder.iterdir()
    assert (file.name, file.stat().st_mode & 0o077) == (done["backup_path"], 0)
    shop.app.extensions["services"].audit_outbox.flush()
    until(lambda: len(logged(session)) == 3, 5, "the journal")
    assert [each[:2] for each in logged(session)] == [(a, "backups") for a in ("CREATE", "START", "DOWNLOAD")]


def test_a_backup_is_restored_into_another_database(shop: Shop, session: Session, postgres: PostgresServer) -> None:
    """By the documented command, into an empty database; every row of every table is the same there."""
    factories.customer(session, first_name="Zoë", notes="line\nbreak\t\\N")
    session.execute(text("UPDATE system_settings SET setting_value = '12.5' WHERE setting_key = 'rental_tax_percent'"))
    session.commit()
    before = _content(postgres.url)
    done = shop.make()
    name = f"restored_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = postgres.url.replace("/rental", f"/{name}")
    environ = {**os.environ, "ENVIRONMENT": "test", "DATABASE_URL": url, "PG_BIN": str(PROGRAMS)}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "restore", str(shop.folder / done["backup_path"])]

    first, second = (
        subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False) for _ in range(2)
    )

    assert first.returncode == 0, first.stderr
    after = _content(url)
    ours = {"system_backups", "security_audit_logs", "refresh_tokens", "users"}  # what making it has changed
    assert {name: rows for name, rows in after.items() if name not in ours} == {
        name: rows for name, rows in before.items() if name not in ours
    }
    assert len(after["customers"]) == 1
    assert second.returncode == 1
    assert "already exists" in second.stderr


def test_nothing_is_restored_without_a_database_named(tmp_path: Path) -> None:
    """The programs would otherwise take whatever server this machine has."""
    with pytest.raises(BackupFailed, match="DATABASE_URL"):
        Backups("", tmp_path, str(PROGRAMS)).restore(tmp_path / "any.dump")


def _content(url: str) -> dict[str, list[str]]:
    """Return every row of every table as text."""
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {
            name: sorted(row for (row,) in connection.execute(f"SELECT t::text FROM {name} t").fetchall())
            for (name,) in names
        }


def test_the_password_is_on_no_command_line(slow_shop: Shop, postgres: PostgresServer) -> None:
    """Neither it nor the address is; the program is told by its environment."""
    path = slow_shop.ask()
    slow_shop.client.post(f"{path}/start")
    pid = until(lambda: _child("pg_dump"), 5, "the program")

    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")

    slow_shop.client.post(f"{path}/cancel")
    assert postgres.password.encode() not in command
    assert b"127.0.0.1" not in command
    assert f"PGPASSWORD={postgres.password}".encode() in environ
    assert not any(each.startswith((b"DATABASE_URL", b"SECRET_KEY")) for each in environ)


def _child(name: str) -> int | None:
    """Return the id of a process that this one has started, by what is on its command line."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and name.encode() in (path / "cmdline").read_bytes():
                return int(path.name)
        except OSError:  # it has just ended
            continue
    return None


def test_a_backup_is_called_off(slow_shop: Shop) -> None:
    """How far it is is shown; a second one is refused meanwhile; once cancelled, program and file are gone."""
    path, other = slow_shop.ask(), slow_shop.ask()
    slow_shop.client.post(f"{path}/start")
    until(lambda: slow_shop.show(path)["backup_metadata"]["bytes"] > 0, 5, "progress")
    assert slow_shop.show(path)["backup_metadata"]["tables"] == 1

    assert refusal(slow_shop.client.post(f"{other}/start"), 409)["code"] == "backup_running"
    assert refusal(slow_shop.client.delete(path), 409)["code"] == "backup_running"
    assert slow_shop.client.post(f"{path}/cancel").get_json()["backup_status"] == "CANCELLED"

    until(lambda: _child("pg_dump") is None, 5, "the end of the program")
    until(lambda: not list(slow_shop.folder.iterdir()), 5, "no file")
    assert slow_shop.show(path)["backup_status"] == "CANCELLED"
    assert refusal(slow_shop.client.post(f"{path}/cancel"), 409)["code"] == "backup_over"
    assert refusal(slow_shop.client.post(f"{path}/start"), 409)["code"] == "backup_not_startable"


def test_of_two_that_start_together_one_runs(slow_shop: Shop) -> None:
    """The other is a conflict."""
    paths = [slow_shop.ask() for _ in range(4)]

    def start(path: str) -> Any:
        return lambda: slow_shop.client.post(f"{path}/start")

    assert sorted(at_once(*map(start, paths))) == [200, 409, 409, 409]
    for path in paths:
        slow_shop.client.post(f"{path}/cancel")


@pytest.mark.parametrize("kind", ["INCREMENTAL", "DIFFERENTIAL"])
def test_what_is_not_made_is_not_promised(shop: Shop, kind: str) -> None:
    """Only whole backups can be made; the page is told so, and none is noted down."""
    refusal(shop.client.post(BACKUPS, json={**FORM, "backup_type": kind}), 422, fields=("backup_type",))

    assert shop.client.get(BACKUPS).get_json() == []


def test_without_the_programs_it_is_refused(open_shop: Open, tmp_path: Path) -> None:
    """503 with a code of its own, and the backup can be started later."""
    shop = open_shop(tmp_path)
    path = shop.ask()

    refused = refusal(shop.client.post(f"{path}/start"), 503)

    assert (refused["code"], "PG_BIN" in refused["detail"]) == ("backup_programs_missing", True)
    assert shop.show(path)["backup_status"] == "PENDING"


def test_a_program_that_fails_is_told(open_shop: Open, tmp_path: Path) -> None:
    """The backup has failed with the program's last error, no file is left, and it can be started again."""
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\nprintf half\necho 'pg_dump: error: server version mismatch' >&2\nexit 1\n")
    program.chmod(0o755)
    shop = open_shop(tmp_path)

    done = shop.make()

    assert (done["backup_status"], done["error_message"]) == ("FAILED", "pg_dump: error: server version mismatch")
    assert list(shop.folder.iterdir()) == []
    assert shop.client.post(f"{BACKUPS}/{done['id']}/start").status_code == 200
    until(lambda: shop.show(f"{BACKUPS}/{done['id']}")["backup_status"] == "FAILED", 10)


def test_a_backup_nobody_makes_any_more_fails(shop: Shop, session: Session, postgres: PostgresServer) -> None:
    """Not at once after it was promised, and not while anybody holds the lock; then it does, and another may begin."""
    path = shop.ask()
    running = update(SystemBackup).values(backup_status=BackupStatus.RUNNING, started_at=datetime.now(UTC))
    session.execute(running)
    session.commit()
    backups.reap(shop.database)
    assert shop.show(path)["backup_status"] == "RUNNING"

    session.execute(running.values(started_at=datetime.now(UTC) - timedelta(minutes=1)))
    with psycopg.connect(postgres.url, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        session.commit()
        backups.reap(shop.database)
        assert shop.show(path)["backup_status"] == "RUNNING"

    until(lambda: backups.reap(shop.database) or shop.show(path)["backup_status"] == "FAILED", 5)
    assert "ended before it was done" in shop.show(path)["error_message"]


def test_a_backup_is_forgotten_in_time(shop: Shop, session: Session) -> None:
    """What is older than was said is gone from the list and the folder; a younger one and an odd one stay."""
    ids = [uuid.UUID(shop.ask(retention_days=days).rpartition("/")[2]) for days in (3, 5, 5)]
    shop.folder.mkdir()
    for each in ids:
        shop.backups.path(each).write_bytes(b"PGDMP")
    done = {"backup_status": BackupStatus.COMPLETED, "completed_at": datetime.now(UTC) - timedelta(days=4)}
    session.execute(update(SystemBackup).values(**done))
    session.execute(update(SystemBackup).where(SystemBackup.id == ids[2]).values(retention_days="always"))
    session.commit()

    backups.expire(shop.database, shop.backups)

    assert {each["id"] for each in shop.client.get(BACKUPS).get_json()} == set(map(str, ids[1:]))
    assert {path.name for path in shop.folder.iterdir()} == {f"{each}.dump" for each in ids[1:]}


def test_a_backup_is_removed(shop: Shop) -> None:
    """Its file goes with it; what is gone is neither fetched nor started."""
    path = f"{BACKUPS}/{shop.make()['id']}"

    assert shop.client.delete(path).status_code == 204

    assert list(shop.folder.iterdir()) == []
    refusal(shop.client.get(f"{path}/download"), 404)
    refusal(shop.client.post(f"{path}/start"), 404)


def test_a_file_of_another_machine_is_not_here(shop: Shop) -> None:
    """The row is there, the file is not: 404 with a code of its own."""
    done = shop.make()
    (shop.folder / done["backup_path"]).unlink()

    refused = refusal(shop.client.get(f"{BACKUPS}/{done['id']}/download"), 404)

    assert refused["code"] == "backup_file_away"


def test_the_setting_says_how_long_a_backup_is_kept(shop: Shop) -> None:
    """Unless the form does."""
    shop.client.put("/api/system/settings/backup_retention_days", json={"setting_value": 12})

    assert shop.show(shop.ask())["retention_days"] == "7"
    assert shop.show(shop.ask(retention_days=""))["retention_days"] == "12"
    refusal(shop.client.post(BACKUPS, json={**FORM, "retention_days": "soon"}), 422, fields=("retention_days",))

"""Security events outlive the database and the process, and are stored once."""

import fcntl
import os
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.private.servers import PostgresServer
from rental_backend.actor import Actor
from rental_backend.errors import AppError
from rental_backend.infra.audit_outbox import AuditOutbox, SecurityEvent
from tests.serving import until

from .conftest import OpenDatabase

ANN = Actor(uuid.uuid4(), "ann", "10.0.0.1", "a browser", "request-1")
INSERT = text("INSERT INTO events VALUES (:id, :action) ON CONFLICT DO NOTHING")


def store(session: Session, events: list[SecurityEvent]) -> None:
    """Store events in a toy table."""
    session.execute(INSERT, [{"id": event.id, "action": event.action} for event in events])


def event(action: str, **more: Any) -> SecurityEvent:
    """Make an event."""
    return SecurityEvent(actor=ANN, action=action, resource="toys", **more)


@pytest.fixture
def stored(frail_postgres: PostgresServer) -> Callable[[], list[str]]:
    """Make the table anew; tell what is in it."""
    with psycopg.connect(frail_postgres.url) as connection:
        connection.execute("DROP TABLE IF EXISTS events")
        connection.execute("CREATE TABLE events (id uuid PRIMARY KEY, action text)")

    def read() -> list[str]:
        with psycopg.connect(frail_postgres.url) as connection:
            return [row[0] for row in connection.execute("SELECT action FROM events ORDER BY 1")]

    return read


Stored = Callable[[], list[str]]


@pytest.fixture
def audit_outbox(frail_postgres: PostgresServer, open_database: OpenDatabase, tmp_path: Path) -> AuditOutbox:
    """A journal with its database in reach."""
    audit_outbox = AuditOutbox(tmp_path / "journal", open_database(frail_postgres.url))
    audit_outbox.store_with(store)
    return audit_outbox


def test_an_event_reads_as_it_was_written() -> None:
    """Also that of somebody who is no user, with details of any kind."""
    for actor in (ANN, Actor(None, "nobody")):
        whole = SecurityEvent(actor=actor, action="DENIED", resource="toys", resource_id="7", details={"ä": [1, None]})
        assert SecurityEvent.read(whole.line()) == whole


def test_events_are_stored_in_the_background(audit_outbox: AuditOutbox, stored: Stored) -> None:
    """Within seconds, and nothing stays on disk."""
    before = _threads()
    audit_outbox.start()
    audit_outbox.start()
    assert _threads() == before + 1
    for number in range(3):
        audit_outbox.write(event(f"e{number}"))
    until(lambda: stored() == ["e0", "e1", "e2"], 10)
    until(lambda: not list(audit_outbox._folder.iterdir()), 10)
    audit_outbox.stop()
    until(lambda: _threads() == before, 10)


def _threads() -> int:
    return sum(thread.name == "journal" for thread in threading.enumerate())


def test_events_wait_for_the_database(
    audit_outbox: AuditOutbox, stored: Stored, frail_postgres: PostgresServer
) -> None:
    """While it is away they stay in a file that only we may read; then all are stored, each once."""
    frail_postgres.stop()
    audit_outbox.write(event("first"))
    with pytest.raises(AppError):
        audit_outbox.flush()
    audit_outbox.write(event("second"))
    assert {path.stat().st_mode & 0o777 for path in audit_outbox._folder.iterdir()} == {0o600}
    frail_postgres.start()
    assert audit_outbox.flush() == 2
    assert (audit_outbox.flush(), stored()) == (0, ["first", "second"])


def test_nothing_is_asked_of_a_database_that_is_known_to_be_away(audit_outbox: AuditOutbox, stored: Stored) -> None:
    """An open breaker is not even tried."""
    audit_outbox._database.breaker.force_open(reason="test", actor="test")
    audit_outbox.write(event("waits"))
    assert (audit_outbox.flush(), stored()) == (0, [])
    audit_outbox._database.breaker.reset(reason="test", actor="test")
    assert (audit_outbox.flush(), stored()) == (1, ["waits"])


def test_an_event_stored_before_a_crash_is_stored_once(
    audit_outbox: AuditOutbox, stored: Stored, tmp_path: Path
) -> None:
    """A worker that dies between its commit and the removal of the file makes nothing double."""
    audit_outbox.write(event("once"))
    audit_outbox._set_aside()
    (left,) = (tmp_path / "journal").glob("*.leaving")
    copy = left.read_bytes()
    assert audit_outbox.flush() == 1
    left.write_bytes(copy)
    assert audit_outbox.flush() == 1
    assert stored() == ["once"]


def test_half_a_line_of_a_killed_worker_spoils_nothing(audit_outbox: AuditOutbox, stored: Stored) -> None:
    """What was not written to its end cannot be read; the others can."""
    audit_outbox.write(event("whole"))
    with audit_outbox._appending() as file:
        os.write(file, event("torn").line()[:40])
    assert audit_outbox.flush() == 1
    assert stored() == ["whole"]


def test_what_another_worker_is_taking_over_is_left_to_it(audit_outbox: AuditOutbox, stored: Stored) -> None:
    """Two that flush at once do not store the same file."""
    audit_outbox.write(event("mine"))
    audit_outbox._set_aside()
    (left,) = audit_outbox._folder.glob("*.leaving")
    child = os.fork()
    if not child:
        with left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            (audit_outbox._folder / "held").touch()
            until((audit_outbox._folder / "go").exists, 20)
        os._exit(0)
    until((audit_outbox._folder / "held").exists, 10)
    assert (audit_outbox.flush(), stored()) == (0, [])
    (audit_outbox._folder / "go").touch()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (audit_outbox.flush(), stored()) == (1, ["mine"])


def test_writers_and_a_flush_at_once_lose_nothing(audit_outbox: AuditOutbox, stored: Stored) -> None:
    """Whoever finds the file set aside under his hands writes into the new one."""
    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(audit_outbox.write, event(f"e{number:03}")) for number in range(200)]
        while not all(each.done() for each in written):
            audit_outbox.flush()
    audit_outbox.flush()
    assert stored() == [f"e{number:03}" for number in range(200)]


def test_a_journal_without_a_store_is_a_mistake_of_ours(audit_outbox: AuditOutbox) -> None:
    """It says so, and keeps the events."""
    bare = AuditOutbox(audit_outbox._folder, audit_outbox._database)
    bare.write(event("kept"))
    with pytest.raises(RuntimeError, match="store_with"):
        bare.flush()
    assert list(audit_outbox._folder.glob("*.leaving"))


def test_the_same_is_written_seldom(audit_outbox: AuditOutbox, stored: Stored) -> None:
    """One of a kind in a while, another kind at once; and only so many kinds are remembered."""
    for action in ("a", "a", "b"):
        audit_outbox.write_limited(action, event(action), once_in=60)
    audit_outbox.write_limited("b", event("b again"), once_in=0)
    for number in range(1100):
        audit_outbox._kept[number] = 0.0
    audit_outbox.write_limited("c", event("c"), once_in=60)
    assert len(audit_outbox._kept) == 1024
    audit_outbox.flush()
    assert stored() == ["a", "b", "b again", "c"]

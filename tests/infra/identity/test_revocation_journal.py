"""The file of endings: what it keeps over a restart, and what a disk that refuses does."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rental_backend.infra.identity.revocation_journal import FILE, RevocationJournal


def test_what_ended_is_read_after_a_restart(tmp_path: Path) -> None:
    """By any other process; what has expired is not, and leaves the file."""
    later, soon = time.time() + 600, time.time() - 1
    journal, live, over = RevocationJournal(tmp_path / "new"), uuid.uuid4(), [uuid.uuid4() for _ in range(3)]
    assert journal.append({live: later})
    assert journal.append(dict.fromkeys(over, soon))
    assert RevocationJournal(tmp_path / "new").read() == {live: float(f"{later:.0f}")}
    assert len((tmp_path / "new" / FILE).read_text().splitlines()) == 1


def test_without_a_file_nothing_has_ended(tmp_path: Path) -> None:
    """A new host begins so."""
    assert RevocationJournal(tmp_path / "none").read() == {}


def test_lines_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    """Half a line, which a crash may leave, and anything else that is not ours."""
    journal, session = RevocationJournal(tmp_path), uuid.uuid4()
    (tmp_path / FILE).write_bytes(b"\xff\xfe\nnonsense\n" + f"{uuid.uuid4()} soon\n".encode())
    journal.append({session: time.time() + 60})
    with (tmp_path / FILE).open("a") as file:
        file.write(str(uuid.uuid4())[:20])
    assert set(journal.read()) == {session}


def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    """The other stores have the ending then; no request fails."""
    (tmp_path / "taken").write_text("a file where the folder should be")
    journal = RevocationJournal(tmp_path / "taken")
    assert journal.append({uuid.uuid4(): 0.0}) is False
    assert journal.read() == {}


def test_workers_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """While another reads, and cuts the file."""
    sessions = [uuid.uuid4() for _ in range(200)]
    later = time.time() + 600

    def write(session: uuid.UUID) -> None:
        RevocationJournal(tmp_path).append({session: later, uuid.uuid4(): 0.0, uuid.uuid4(): 0.0})
        RevocationJournal(tmp_path).read()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, sessions))
    assert set(RevocationJournal(tmp_path).read()) == set(sessions)

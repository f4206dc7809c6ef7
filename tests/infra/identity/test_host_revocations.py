"""What workers of a host share of endings, and what a restarted host remembers of the list in Redis."""

import math
import os
import uuid
from pathlib import Path

import pytest

from rental_backend.infra.identity.host_revocations import FILE, RING, HostRevocations
from rental_backend.resilience import SharedMemory

NEVER = -math.inf


def host(folder: Path) -> HostRevocations:
    """A host that starts with a folder."""
    return HostRevocations(SharedMemory(), folder)


def test_a_forked_worker_reads_what_another_announced(tmp_path: Path) -> None:
    """In order, from where it left off."""
    shared, sessions = host(tmp_path), [uuid.uuid4() for _ in range(3)]
    child = os.fork()
    if not child:
        shared.announce(dict.fromkeys(sessions, 1e9))
        shared.note_changed_rights()
        os._exit(0)
    os.waitpid(child, 0)
    assert shared.count() == 3
    assert list(shared.announced(1)) == [(each, 1e9) for each in sessions[1:]]
    assert list(shared.announced(3)) == []
    assert shared.rights_changed() > 0


def test_what_was_overwritten_is_said(tmp_path: Path) -> None:
    """A worker that slept through more endings than are kept must look elsewhere."""
    shared = host(tmp_path)
    shared.announce({uuid.uuid4(): 1.0 for _ in range(RING + 5)})
    assert len(list(shared.announced(6))) == RING - 1
    with pytest.raises(LookupError):
        list(shared.announced(5))


def test_a_restarted_host_remembers_the_list_that_has_all_it_knew(tmp_path: Path) -> None:
    """And none as soon as there is something that Redis does not have, until it has."""
    first = host(tmp_path)
    assert first.redis_list == (0, 0)
    first.note_sent(77, 3, looked=NEVER)
    assert (first.redis_list, host(tmp_path).redis_list) == ((77, 3), (77, 3))
    first.note_unsent()
    assert first.unsent_since > 0
    assert (first.redis_list, host(tmp_path).redis_list) == ((77, 3), (0, 0))
    first.note_sent(77, 4, looked=NEVER)
    assert (first.unsent_since, host(tmp_path).redis_list) == (NEVER, (77, 4))


def test_what_one_worker_could_not_send_is_not_sent_by_another(tmp_path: Path) -> None:
    """Unless the other has looked at the accounts since, and so knows it, too."""
    shared = host(tmp_path)
    shared._own_bit = lambda: 1  # type: ignore[method-assign]
    shared.note_unsent()
    shared._own_bit = lambda: 2  # type: ignore[method-assign]
    shared.note_sent(77, 3, looked=shared.unsent_since - 1)
    assert shared.unsent_since > 0
    assert not (tmp_path / FILE).exists()
    shared.note_sent(77, 3, looked=shared.unsent_since + 1)
    assert shared.unsent_since == NEVER
    assert (tmp_path / FILE).exists()


@pytest.mark.parametrize("text", ["", "[]", '{"epoch": "x"}', "{"])
def test_a_file_that_is_not_ours_is_none(tmp_path: Path, text: str) -> None:
    """As after a crash in the middle of anything."""
    (tmp_path / FILE).write_text(text)
    assert host(tmp_path).redis_list == (0, 0)


def test_a_folder_that_refuses_is_no_error(tmp_path: Path) -> None:
    """A restart then knows of no list."""
    (tmp_path / "taken").write_text("a file")
    shared = host(tmp_path / "taken")
    shared.note_sent(77, 3, looked=NEVER)
    shared.note_unsent()
    assert shared.redis_list == (77, 3)

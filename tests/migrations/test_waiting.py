"""What `safely` offers keeps nobody waiting longer than the lock timeout, whoever else is in the way."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.migrations.conftest import Toys, wait_for
from tests.migrations.writer import Writer

pytestmark = pytest.mark.alone(waiting=True)

LOCK_TIMEOUT = 0.3
SLACK = 0.4
KINDS = [
    "safely.add_check('shelf', 'it', 'size > 0')",
    "safely.add_foreign_key('shelf', 'it', ['box'], 'box', ['id'])",
    "safely.set_not_null('shelf', 'id')",
    "safely.add_unique('shelf', 'it', ['size'])",
    "safely.add_index('it', 'shelf', ['size'])",
    "safely.drop_index('slow')",
    "safely.make_aware('shelf', 'seen', 'lost')",
]
WAITING = """
    SELECT 1 FROM pg_stat_activity WHERE application_name = 'rental_backend migrate' AND wait_event_type = 'Lock'
    AND now() - query_start > '0.4 s'"""


@pytest.mark.parametrize("change", KINDS)
def test_a_writer_waits_no_longer_than_the_lock_timeout(toys: Toys, change: str) -> None:
    """Behind a long transaction a change gives up its place in the queue, or waits in a way that stops nobody."""
    toys.ask("CREATE TABLE box (id int PRIMARY KEY)")
    toys.ask("CREATE TABLE shelf (id int, size int, box int, seen timestamp, lost timestamp)")
    toys.ask("CREATE INDEX slow ON shelf (box)")
    toys.add("1", change)
    with Writer(toys.url) as writer, ThreadPoolExecutor(1) as pool:
        with toys.holding("LOCK TABLE shelf, box IN ROW EXCLUSIVE MODE"):
            run = pool.submit(toys.migrator(wait=20, lock_timeout=LOCK_TIMEOUT).migrate)
            wait_for(lambda: toys.said or toys.ask(WAITING))
        run.result(20)

    assert toys.revision == "1"
    assert writer.count > 20
    assert writer.longest < LOCK_TIMEOUT + SLACK


def test_timestamps_become_aware_without_being_written_anew(toys: Toys) -> None:
    """The table keeps its file, the times are the same instants, and no zone of the session changes that."""
    toys.ask("CREATE TABLE shelf (id int, seen timestamp); INSERT INTO shelf VALUES (1, '2026-01-02 03:04:05.678901')")
    toys.ask(f"ALTER DATABASE {toys.url.rpartition('/')[2]} SET timezone = 'Asia/Kolkata'")
    where = "SELECT pg_relation_filenode('shelf')"
    before = toys.ask(where)
    toys.add("1", "SET timezone = 'Asia/Kolkata'", "safely.make_aware('shelf', 'seen')")

    toys.migrator().migrate()

    assert toys.ask(where) == before
    assert toys.ask("SELECT seen AT TIME ZONE 'UTC' = '2026-01-02 03:04:05.678901' FROM shelf") == [(True,)]

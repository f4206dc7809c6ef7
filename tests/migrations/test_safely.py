"""What revisions use to change tables of an open shop: right in the end, and right after an interruption."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from deploy.private.servers import PostgresServer
from rental_backend.infra.migration import MigrationError
from tests.migrations.conftest import Toys, wait_for

CONSTRAINTS = """
    SELECT conname, convalidated FROM pg_constraint
    WHERE conrelid = 'shelf'::regclass AND contype IN ('c', 'f', 'u') ORDER BY conname
"""
INTERRUPTED = [
    ("safely.add_check('shelf', 'it', 'size > 0')", "size = -1", {"it"}),
    ("safely.add_foreign_key('shelf', 'it', ['box'], 'box', ['id'], 'ON DELETE CASCADE')", "box = 9", {"it"}),
    ("safely.set_not_null('shelf', 'size')", "size = NULL", set()),
    ("safely.add_unique('shelf', 'it', ['size'])", "size = 2", {"it"}),
    ("safely.add_index('it', 'shelf', ['size'], unique=True, where='size > 0')", "size = 2", set()),
]


@pytest.fixture
def shelf(toys: Toys) -> Toys:
    """A table with two good rows, and one to refer to."""
    toys.ask("CREATE TABLE box (id int PRIMARY KEY); INSERT INTO box VALUES (1)")
    toys.ask("CREATE TABLE shelf (id int, size int, box int); INSERT INTO shelf VALUES (1, 1, 1), (2, 2, 1)")
    return toys


@pytest.mark.parametrize(("change", "spoil", "constraints"), INTERRUPTED)
def test_a_change_that_bad_rows_stop_can_be_made_again(
    shelf: Toys, change: str, spoil: str, constraints: set[str]
) -> None:
    """It fails while a bad row is there; afterwards it goes through, leaves nothing half-made, and holds."""
    shelf.add("1", change)
    shelf.ask(f"UPDATE shelf SET {spoil} WHERE id = 1")
    for _ in range(2):
        with pytest.raises(MigrationError, match="Revision 1 failed"):
            shelf.migrator().migrate()
    shelf.ask("UPDATE shelf SET size = 1, box = 1 WHERE id = 1")

    shelf.migrator().migrate()

    assert shelf.ask(CONSTRAINTS) == [(name, True) for name in constraints]
    assert shelf.ask("SELECT 1 FROM pg_index WHERE NOT indisvalid") == []
    with pytest.raises(psycopg.errors.IntegrityError):
        shelf.ask(f"UPDATE shelf SET {spoil} WHERE id = 1")


def test_new_rows_are_held_to_a_check_before_old_ones_are_looked_at(shelf: Toys) -> None:
    """While bad rows still stop the revision, no more of them come in."""
    shelf.add("1", "safely.add_check('shelf', 'it', 'size > 1')")
    with pytest.raises(MigrationError):
        shelf.migrator().migrate()

    assert shelf.ask(CONSTRAINTS) == [("it", False)]
    with pytest.raises(psycopg.errors.CheckViolation):
        shelf.ask("INSERT INTO shelf VALUES (3, 0, 1)")


def test_refusing_nulls_does_not_read_the_table_under_the_lock(shelf: Toys, postgres: PostgresServer) -> None:
    """The server says that the check is proof enough; without a check it does not."""
    proof = 'existing constraints on column "shelf.{}" are sufficient'
    options = quote("-c log_min_messages=debug1", safe="")
    shelf.url += f"?options={options}"
    shelf.add("1", "safely.set_not_null('shelf', 'size')", "ALTER TABLE shelf ALTER box SET NOT NULL")
    before = len(Path(postgres.log).read_text())

    shelf.migrator().migrate()

    said = Path(postgres.log).read_text()[before:]
    assert proof.format("size") in said
    assert proof.format("box") not in said


def test_looking_at_old_rows_stops_no_writer(shelf: Toys) -> None:
    """With a writer's transaction open, a constraint is validated and an index dropped; only adding one waits."""
    shelf.add("1", "ALTER TABLE shelf ADD CONSTRAINT it CHECK (size > 0) NOT VALID")
    shelf.migrator().migrate()
    shelf.add("2", "ALTER TABLE shelf VALIDATE CONSTRAINT it")
    with shelf.holding("UPDATE shelf SET size = 3"):
        shelf.migrator(lock_timeout=0.1, wait=0).migrate()

    assert shelf.ask(CONSTRAINTS) == [("it", True)]


def test_an_index_waits_for_old_transactions_as_long_as_it_takes(shelf: Toys) -> None:
    """It stops no writer meanwhile, so the lock timeout does not end it, which would leave it invalid."""
    shelf.add("1", "safely.add_index('it', 'shelf', ['size'])")
    waited = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND now() - query_start > '0.4 s'"
    with ThreadPoolExecutor(1) as pool:
        with shelf.holding("UPDATE shelf SET size = 3 WHERE id = 1"):
            run = pool.submit(shelf.migrator(lock_timeout=0.1).migrate)
            wait_for(lambda: shelf.ask(waited))
            shelf.ask("INSERT INTO shelf VALUES (3, 3, 1)")

        assert run.result(10).retries == 0


def test_the_lock_timeout_is_back_after_an_index(shelf: Toys) -> None:
    """What follows in the same revision is impatient again."""
    shelf.ask("CREATE TABLE seen (value text)")
    shelf.add(
        "1", "safely.add_index('it', 'shelf', ['size'])", "INSERT INTO seen SELECT current_setting('lock_timeout')"
    )
    shelf.add("2", "safely.drop_index('it')", "INSERT INTO seen SELECT current_setting('lock_timeout')")

    shelf.migrator(lock_timeout=1.5).migrate()

    assert shelf.ask("SELECT value FROM seen") == [("1500ms",), ("1500ms",)]
    assert shelf.ask("SELECT to_regclass('it')") == [(None,)]

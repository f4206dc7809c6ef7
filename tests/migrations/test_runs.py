"""`flask migrate`: one run at a time, retried while tables are busy, ended in a known place."""

import itertools
import json
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command as alembic
from alembic.config import Config
from sqlalchemy import make_url

from rental_backend.infra.migration import Exit, MigrationError, Server
from rental_backend.infra.migration.runner import LOCK, pause
from tests.migrations.conftest import Command, Toys, finished, wait_for
from tests.migrations.writer import Writer

pytestmark = pytest.mark.long

LOCKED = f"SELECT pg_advisory_lock({LOCK})"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IS NOT NULL"


def _failure(run: Callable[[], object]) -> MigrationError:
    with pytest.raises(MigrationError) as failed:
        run()
    return failed.value


def _held(toys: Toys) -> int:
    count = toys.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")[0][0]
    assert isinstance(count, int)
    return count


def test_a_run_tells_where_it_went(toys: Toys, command: Command) -> None:
    """The summary names both ends, the migrations, the time and the retries; a second run has nothing to do."""
    toys.add("1", "CREATE TABLE shelf (id int)")
    toys.add("2", "ALTER TABLE shelf ADD name text")

    planned, first, second = command("migrate", "--dry-run"), command("migrate"), command("migrate", "--json")

    assert planned.stdout == "Would migrate from nothing to 2: 2 migrations (1, 2).\n"
    assert (first.exit_code, first.stderr) == (0, "1 applied\n2 applied\n")
    assert first.stdout.startswith("Migrated from nothing to 2: 2 migrations in 0.")
    assert first.stdout.endswith(" s, 0 retries.\n")
    told = {"before": "2", "after": "2", "revisions": [], "seconds": 0.0, "retries": 0}
    assert json.loads(second.stdout) == {"outcome": "current", **told}


def test_a_dry_run_changes_nothing(toys: Toys) -> None:
    """Not even Alembic's own table is made."""
    toys.add("1", "CREATE TABLE shelf (id int)")

    assert toys.migrator().plan().revisions == ("1",)

    assert toys.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


def test_it_stops_at_the_revision_asked_for(toys: Toys, command: Command) -> None:
    """`--to` names the last revision applied; one that is unknown is refused, one that is passed changes nothing."""
    for name in "123":
        toys.add(name)

    assert command("migrate", "--to", "2").exit_code == 0
    assert toys.revision == "2"
    assert command("migrate", "--to", "1").exit_code == 0
    assert toys.revision == "2"
    unknown = command("migrate", "--to", "9")
    assert (unknown.exit_code, unknown.stderr.count("\n")) == (Exit.FAILED, 1)
    assert "'9'" in unknown.stderr


def test_of_two_runs_one_migrates_and_the_other_waits(toys: Toys) -> None:
    """Two processes at once both succeed; each revision was applied once, by the same run."""
    toys.ask("CREATE TABLE gate (); CREATE TABLE applied (name text)")
    toys.add("1", "LOCK TABLE gate", "INSERT INTO applied VALUES ('1')")
    toys.add("2", "INSERT INTO applied VALUES ('2')")
    with toys.holding("LOCK TABLE gate"):
        runs = [toys.start("--lock-timeout=20") for _ in range(2)]
        wait_for(lambda: toys.ask(WAITING) == [(1,)])
        sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_try_advisory_lock%' AND state = 'idle'"
        wait_for(lambda: toys.ask(sql + f" AND datname = '{toys.url.rpartition('/')[2]}'") == [(1,)])

    ends = [finished(run) for run in runs]

    assert [code for code, _, _ in ends] == [0, 0]
    assert sorted(told["outcome"] for _, told, _ in ends) == ["current", "migrated"]
    assert sorted(said for _, _, said in ends) == ["1 applied\n2 applied\n", "Another migration is running. Waiting.\n"]
    assert toys.ask("SELECT name FROM applied ORDER BY name") == [("1",), ("2",)]


def test_a_killed_run_leaves_neither_lock_nor_statement(toys: Toys) -> None:
    """After `kill -9` both connections end, the statement that waited too; the next run goes on."""
    toys.ask("CREATE TABLE gate ()")
    toys.add("1", "LOCK TABLE gate")
    with toys.holding("LOCK TABLE gate"):
        run = toys.start("--lock-timeout=60")
        wait_for(lambda: toys.ask(WAITING) == [(1,)])
        assert _held(toys) == 1
        run.send_signal(signal.SIGKILL)
        run.communicate()
        wait_for(lambda: toys.ask(WAITING) == [(0,)])
        assert _held(toys) == 0

    assert toys.migrator(wait=0).migrate().outcome == "migrated"


@pytest.mark.alone(waiting=True)
def test_another_run_that_does_not_end_is_waited_for_until_the_deadline(toys: Toys, command: Command) -> None:
    """Then it gives up with a code of its own, and has changed nothing."""
    toys.add("1", "CREATE TABLE shelf ()")
    with toys.holding(LOCKED):
        started = time.monotonic()
        done = command("migrate", "--wait=0.5", "--json")
        assert 0.5 <= time.monotonic() - started < 3

    assert (done.exit_code, json.loads(done.stdout)["outcome"]) == (Exit.LOCKED, "locked")
    assert toys.ask("SELECT to_regclass('shelf')") == [(None,)]


def test_a_run_that_has_lost_the_lock_does_not_go_on(toys: Toys) -> None:
    """When the connection with the lock is ended, the revision under way is rolled back."""
    holder = f"(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {LOCK & 0xFFFFFFFF})"
    toys.add("1", "CREATE TABLE shelf ()", f"SELECT pg_terminate_backend({holder}, 1000)")

    failed = _failure(toys.migrator().migrate)

    assert (failed.code, str(failed)) == (Exit.UNREACHABLE, "The database cannot be reached: the connection was lost.")
    assert toys.ask("SELECT to_regclass('shelf')") == [(None,)]


def _behind_a_reader(toys: Toys, lock_timeout: float, attempts: int) -> Writer:
    """Migrate behind a reader who leaves after some attempts; how writers fared meanwhile."""
    toys.ask("CREATE TABLE shelf (id int)")
    toys.add("1", "ALTER TABLE shelf ADD name text")
    with Writer(toys.url) as writer, ThreadPoolExecutor(1) as pool:
        with toys.holding("SELECT FROM shelf"):
            run = pool.submit(toys.migrator(wait=20, lock_timeout=lock_timeout).migrate)
            wait_for(lambda: len(toys.said) >= attempts)
        summary = run.result(20)
    assert (toys.revision, summary.retries) == ("1", len(toys.said) - 1)
    assert summary.retries >= attempts
    assert "1 waits for a table in use (oldest transaction: process" in toys.said[0]
    assert "'a long report'" in toys.said[0]
    return writer


@pytest.mark.alone(waiting=True)
def test_a_long_reader_does_not_make_writers_wait_beyond_the_lock_timeout(toys: Toys) -> None:
    """The migration gives up its place in the queue each time, and succeeds once the reader has gone."""
    writer = _behind_a_reader(toys, lock_timeout=0.4, attempts=2)

    assert 0.2 < writer.longest < 0.8
    assert writer.count > 20


@pytest.mark.alone(waiting=True)
def test_without_a_short_lock_timeout_writers_would_wait(toys: Toys) -> None:
    """The measurement above sees a migration that is more patient."""
    assert _behind_a_reader(toys, lock_timeout=1.2, attempts=1).longest > 0.8


# Locks one table, then waits until somebody waits for that one while holding the other, and so closes the circle.
CLOSE_THE_CIRCLE = """DO $$ BEGIN
    WHILE EXISTS (SELECT FROM pg_locks WHERE relation = 'box'::regclass AND pid <> pg_backend_pid())
        AND NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'shelf'::regclass AND NOT granted)
    LOOP PERFORM pg_sleep(0.01); END LOOP;
END $$"""
LOCKED_OUT = "SELECT FROM pg_locks WHERE relation = 'shelf'::regclass AND mode = 'AccessExclusiveLock'"


def test_a_run_that_is_chosen_to_end_a_deadlock_tries_again(toys: Toys) -> None:
    """The other transaction goes on, and the migration succeeds after it."""
    toys.ask("CREATE TABLE shelf (id int)")
    toys.ask("CREATE TABLE box (id int)")
    toys.ask(f"ALTER DATABASE {make_url(toys.url).database} SET deadlock_timeout = '10ms'")
    toys.add("1", "ALTER TABLE shelf ADD name text", CLOSE_THE_CIRCLE, "ALTER TABLE box ADD name text")
    with ThreadPoolExecutor(1) as pool, toys.holding("SET deadlock_timeout = '60s'; LOCK TABLE box") as other:
        run = pool.submit(toys.migrator(lock_timeout=30).migrate)
        wait_for(lambda: toys.ask(LOCKED_OUT))
        other.execute("SELECT FROM shelf")
        other.rollback()
        summary = run.result(20)

    assert (toys.revision, summary.retries, len(toys.said)) == ("1", 1, 2)
    assert toys.said[0].startswith("1 waits for a table in use")


def test_a_reader_that_never_ends_is_given_up_on(toys: Toys, command: Command) -> None:
    """The code is its own, the message names who is in the way, and what was applied before stays."""
    toys.add("1", "CREATE TABLE shelf (id int)")
    assert command("migrate").exit_code == 0
    toys.add("2", "CREATE TABLE box ()")
    toys.add("3", "ALTER TABLE shelf ADD name text")
    with toys.holding("SELECT FROM shelf"):
        done = command("migrate", "--wait=1", "--lock-timeout=0.2")

    assert done.exit_code == Exit.BUSY
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: Revision 3 did not get its lock on a table in use (oldest transaction: process ")
    assert last.endswith("The database is at 2.")
    assert toys.revision == "2"


def test_a_statement_that_fails_leaves_the_revision_before_it(toys: Toys, command: Command) -> None:
    """What the failing revision did is undone; once it is mended, the next run continues from there."""
    toys.add("1", "CREATE TABLE shelf (id int)")
    toys.add("2", "CREATE TABLE box ()", "INSERT INTO shelf VALUES ('hidden-word')")
    toys.add("3", "CREATE TABLE lid ()")

    failed = command("migrate")

    assert failed.exit_code == Exit.FAILED
    said = "Error: Revision 2 failed: invalid input syntax for type integer. The database is at 1."
    assert failed.stderr.splitlines()[-1] == said
    assert toys.ask("SELECT to_regclass('box')") == [(None,)]
    toys.write("2", "1", "CREATE TABLE box ()")
    assert toys.migrator().migrate().revisions == ("2", "3")


def test_the_row_that_stopped_a_statement_is_not_printed(toys: Toys, command: Command) -> None:
    """A row may hold a password's hash: the server's sentence is told, its detail is not."""
    toys.ask("CREATE TABLE users (password text); INSERT INTO users VALUES ('hidden-word')")
    toys.add("1", "ALTER TABLE users ADD CHECK (length(password) > 60)", "UPDATE users SET password = password || '!'")
    toys.write(
        "1", None, "ALTER TABLE users ADD CHECK (password = '') NOT VALID", "UPDATE users SET password = password"
    )

    failed = command("migrate")

    assert "violates check constraint" in failed.stderr
    assert "hidden-word" not in failed.output


def test_tables_without_a_revision_are_told_how_to_get_one(toys: Toys, command: Command) -> None:
    """Whoever migrates a database that was never stamped reads what to do."""
    toys.ask("CREATE TABLE shelf ()")
    toys.add("1", "CREATE TABLE shelf ()")

    failed = command("migrate")

    assert failed.exit_code == Exit.FAILED
    assert "alembic stamp" in failed.stderr


@pytest.mark.alone(waiting=True)
def test_a_statement_that_takes_too_long_is_ended(toys: Toys) -> None:
    """The statement timeout is the run's, and says so."""
    toys.add("1", "SELECT pg_sleep(20)")

    failed = _failure(toys.migrator(statement_timeout=0.3).migrate)

    assert str(failed).startswith("Revision 1 failed: canceling statement due to statement timeout")


def test_a_newer_database_is_a_success_and_a_warning(toys: Toys, command: Command) -> None:
    """An older version that is deployed again, as in a rollback, changes nothing."""
    toys.add("1")
    assert command("migrate").exit_code == 0
    toys.ask("UPDATE alembic_version SET version_num = '2'")

    done, looked = command("migrate"), command("preflight")

    assert (done.exit_code, looked.exit_code) == (0, 0)
    assert done.stdout == "Warning: nothing to migrate, the database is at 2, which this version does not know.\n"
    assert json.loads(command("migrate", "--json").stdout)["outcome"] == "ahead"


def test_a_contract_revision_blocks_the_versions_before_it(toys: Toys, command: Command) -> None:
    """A version that lacks it learns from the database that it must not serve; one that has it goes on."""
    for name, more in zip("1234", ("", "contract = True", "", ""), strict=True):
        toys.add(name, more=more)
    assert command("migrate", "--to=3").exit_code == 0
    assert toys.ask("SELECT obj_description('alembic_version'::regclass)") == [("contract 2",)]
    (toys.folder / "versions" / "4.py").unlink()
    (toys.folder / "versions" / "3.py").unlink()
    assert command("migrate").exit_code == 0  # ahead, but nothing it needs was taken away
    (toys.folder / "versions" / "2.py").unlink()

    done = command("migrate", "--json")

    assert (done.exit_code, json.loads(done.stdout)["outcome"]) == (Exit.PASSED_CONTRACT, "passed_contract")
    assert "past 2" in done.stderr


def test_taking_a_contract_revision_back_takes_its_mark_back(toys: Toys) -> None:
    """Whoever downgrades or stamps with Alembic leaves the mark of what is applied then."""
    for name, more in zip("12", ("", "contract = True"), strict=True):
        toys.add(name, more=more)
    toys.migrator().migrate()
    config = Config(toys.ini, attributes={"server": Server(toys.url)})
    marks = []
    for step in (lambda: alembic.downgrade(config, "1"), lambda: alembic.stamp(config, "2")):
        step()
        marks += toys.ask("SELECT obj_description('alembic_version'::regclass)")

    assert marks == [(None,), ("contract 2",)]


@pytest.mark.alone(waiting=True)
def test_an_index_is_built_under_the_lock_while_the_table_is_written(toys: Toys) -> None:
    """CREATE INDEX CONCURRENTLY waits for no other run and no writer for it."""
    toys.ask("CREATE TABLE shelf (id int)")
    toys.add("1", "safely.add_index('shelf_id', 'shelf', ['id'])")
    with Writer(toys.url) as writer:
        wait_for(lambda: writer.count > 5)
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(toys.migrator().migrate) for _ in range(2)]
        before = writer.count
        wait_for(lambda: writer.count > before + 5)

    assert sorted(run.result().outcome for run in runs) == ["current", "migrated"]
    assert toys.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'shelf_id'::regclass") == [(True,)]
    assert writer.longest < 1


def test_an_index_that_a_killed_run_left_invalid_is_built_anew(toys: Toys) -> None:
    """A run killed while it builds one leaves it invalid; the next run replaces it, waiting for the old reader."""
    toys.ask("CREATE TABLE shelf (id int); INSERT INTO shelf VALUES (1)")
    toys.add("1", "safely.add_index('shelf_id', 'shelf', ['id'])")
    invalid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('shelf_id')"
    with toys.holding("UPDATE shelf SET id = 2"):
        run = toys.start()
        wait_for(lambda: toys.ask(invalid) == [(False,)])
        run.send_signal(signal.SIGKILL)
        run.communicate()
        mine = "application_name = 'rental_backend migrate' AND datname = current_database()"
        wait_for(lambda: toys.ask(f"SELECT 1 FROM pg_stat_activity WHERE {mine}") == [])
    assert toys.ask(invalid) == [(False,)]

    assert toys.migrator().migrate().outcome == "migrated"

    assert toys.ask(invalid) == [(True,)]


def test_pauses_grow_and_differ() -> None:
    """Each pause is longer than the one before it was, up to 8 s, and no two runs keep step."""
    drawn = [[pause(retries) for _ in range(20)] for retries in range(7)]

    assert all(max(earlier) <= min(later) for earlier, later in itertools.pairwise(drawn[:5]))
    assert min(drawn[0]) >= 0.25
    assert max(drawn[-1]) <= 8
    assert all(len(set(draws)) > 1 for draws in drawn)

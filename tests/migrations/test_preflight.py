"""Preflight: the rows that would stop a revision are named before anything is changed."""

import json

import pytest

from rental_backend.infra.migration import BadRows, Exit, MigrationError
from tests.migrations.conftest import Command, Toys

CHECK = 'preflight = [BadRows("shelf", "size", "is negative", "size < 0")]'


@pytest.fixture
def spoilt(toys: Toys) -> Toys:
    """A table with three bad rows, and a revision that they would stop."""
    toys.add("1", "CREATE TABLE shelf (id int, size int)", "INSERT INTO shelf VALUES (1, -1), (2, 5), (3, -7), (4, -9)")
    toys.migrator().migrate()
    toys.add("2", "safely.add_check('shelf', 'size_is_not_negative', 'size >= 0')", more=CHECK)
    return toys


@pytest.mark.usefixtures("spoilt")
def test_bad_rows_are_named(command: Command) -> None:
    """Table, column, reason and keys are told, as many as asked for; the exit code is 1."""
    told, some = command("preflight"), command("preflight", "--limit=2")

    assert (told.exit_code, some.exit_code) == (1, 1)
    assert told.stdout == "shelf.size is negative: 3 rows stop revision 2\n  1\n  3\n  4\n"
    assert some.stdout == "shelf.size is negative: 3 rows stop revision 2\n  1\n  3\n  and 1 more\n"
    finding = {"revision": "2", "table": "shelf", "column": "size", "why": "is negative", "rows": 3}
    assert json.loads(command("preflight", "--json").stdout) == {"findings": [{**finding, "ids": ["1", "3", "4"]}]}


def test_a_migration_they_would_stop_is_refused_before_it_begins(spoilt: Toys, command: Command) -> None:
    """Nothing is changed, not even by revisions before the one in question; once the rows are right it goes through."""
    spoilt.write("between", "1", "CREATE TABLE box ()")
    spoilt.write("2", "between", "safely.add_check('shelf', 'size_is_not_negative', 'size >= 0')", more=CHECK)

    refused, planned = command("migrate"), command("migrate", "--dry-run", "--json")

    assert (refused.exit_code, planned.exit_code) == (Exit.BAD_ROWS, Exit.BAD_ROWS)
    assert "shelf.size is negative: 3 rows stop revision 2\n  1\n" in refused.stderr
    assert refused.stderr.splitlines()[-1] == "Error: 3 rows would stop the migration; nothing was changed."
    assert json.loads(planned.stdout)["findings"][0]["ids"] == ["1", "3", "4"]
    assert spoilt.revision == "1"
    assert spoilt.ask("SELECT to_regclass('box'), count(*), sum(size) FROM shelf") == [(None, 4, -12)]
    spoilt.ask("UPDATE shelf SET size = abs(size)")
    assert command("preflight").stdout == "No row would stop a migration.\n"
    assert command("migrate").exit_code == 0


def test_revisions_that_are_applied_are_not_looked_at(spoilt: Toys, command: Command) -> None:
    """Only what is still to come can be stopped, and only as far as one wants to go."""
    assert command("preflight", "--to=1").exit_code == 0
    spoilt.ask("UPDATE shelf SET size = 0")
    spoilt.migrator().migrate()
    spoilt.ask("ALTER TABLE shelf DROP CONSTRAINT size_is_not_negative; UPDATE shelf SET size = -1")

    assert command("preflight").exit_code == 0


def test_what_is_yet_to_be_created_holds_no_bad_rows(toys: Toys, command: Command) -> None:
    """An empty database passes, and so does a column that an earlier revision will add."""
    toys.add("1", "CREATE TABLE shelf (id int)")
    toys.add("2", "ALTER TABLE shelf ADD size int", more=CHECK)

    assert command("preflight").exit_code == 0
    toys.migrator().migrate("1")
    assert command("preflight").exit_code == 0
    assert command("migrate").exit_code == 0


def test_looking_cannot_change_anything(toys: Toys, command: Command) -> None:
    """A condition that writes is refused by the server, and so is a mistake in one; neither passes for good rows."""
    toys.ask("CREATE TABLE shelf (id int); INSERT INTO shelf VALUES (1); CREATE SEQUENCE counter")
    for condition in ("nextval('counter') > 0", "id <"):
        more = f"preflight = [BadRows('shelf', 'id', 'is odd', {condition!r})]"
        toys.write("1", None, more=more)

        done = command("preflight")

        assert (done.exit_code, done.stdout) == (Exit.FAILED, "")
        assert done.stderr.startswith("Error: Preflight failed: ")
    assert toys.ask("SELECT is_called FROM counter") == [(False,)]


def test_a_url_may_ask_for_a_server_that_takes_changes(spoilt: Toys, command: Command) -> None:
    """Looking is read-only by its transactions: a session that is would be refused by `target_session_attrs`."""
    url = f"{spoilt.url}{'&' if '?' in spoilt.url else '?'}target_session_attrs=read-write"

    done = command("preflight", DATABASE_URL=url)

    assert done.exit_code == Exit.FAILED, done.output
    assert "shelf" in done.stdout


def test_rows_without_an_id_are_named_by_an_expression(toys: Toys) -> None:
    """`key` names rows of tables whose key has several columns."""
    toys.ask("CREATE TABLE part (shelf int, box int); INSERT INTO part VALUES (1, 2), (3, NULL)")
    bad = BadRows("part", "box", "is missing", "box IS NULL", key="concat_ws('/', shelf, box)")
    toys.add("1", more=f"preflight = [{bad!r}]")

    (found,) = toys.migrator().preflight()

    assert (found.ids, found.rows) == (("3",), 1)


def test_the_tool_is_told_apart_from_a_clean_database_when_it_cannot_look(toys: Toys) -> None:
    """A lock on the table that does not go away is a failure, not an all-clear."""
    toys.ask("CREATE TABLE shelf (id int, size int)")
    toys.add("1", more=CHECK)
    with toys.holding("LOCK TABLE shelf"), pytest.raises(MigrationError, match="lock timeout"):
        toys.migrator(lock_timeout=0.1).preflight()

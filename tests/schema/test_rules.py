"""The rules that the database enforces: what breaks them is named before the migration and refused after it."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from rental_backend.infra.migration import CONFIG, BadRows, BadRowsFound, Migrator, Server, examine
from tests.migrations.test_revisions import NEW
from tests.schema.conftest import HERE, Contents, Make
from tests.schema.databases import connected

BAD = [(script.revision, bad) for script in NEW for bad in getattr(script.module, "preflight", ())]
RULES = [(revision, bad) for revision, bad in BAD if bad.table != "pg_database"]
SUM = "quantity_on_hand = quantity_on_hand - {0} - 1"
# What makes all rows of a table bad. Where two rules look at a column, it breaks only the one in question.
CASES = "name = CASE WHEN id = (SELECT id FROM {0} ORDER BY id LIMIT 1) THEN 'One  name' ELSE 'one NAME' END"
BREAKING = {
    "brands.name": CASES.format("brands"),
    "categories.name": "name = 'Cameras', parent_category_id = NULL",
    "inventory_units.batch_code": "batch_code = 'BATCH-1'",
    "inventory_units.serial_number": "serial_number = 'S-1'",
    "items.is_saleable": "is_saleable = is_rentable",
    "locations.location_name": "location_name = 'Store'",
    "sku_sequences.brand_code": "brand_code = NULL, category_code = NULL",
    "stock_levels.quantity_on_hand": "quantity_on_hand = quantity_on_hand + 1",
    "stock_movements.quantity_after": "quantity_change = quantity_change + 1",
    "stock_movements.quantity_before": "quantity_before = -1, quantity_change = quantity_after + 1",
    "suppliers.delivery_rating": "delivery_rating = 5.01",
    "suppliers.quality_rating": "quality_rating = -0.01",
    "units_of_measurement.name": CASES.format("units_of_measurement"),
    "transaction_lines.tax_rate": "tax_rate = 100.01",
}
BREAKING_BY_REASON = {
    "is less than 0": "{0} = -1",
    "is less than 1": "{0} = 0",
    "is not positive": "{0} = 0",
    "is none of": "{0} = '?'",
    "names no": "{0} = gen_random_uuid()",
    "is a number": "{0} = 7",
    "is before": "{0} = {1} - interval '1 day'",
}
# Columns that were added or made anew, in which no row of production can be wrong.
SINCE = {
    "damage_assessments.location_id": "location_id = gen_random_uuid()",
    "return_line_details.return_event_id": "return_event_id = gen_random_uuid()",
    "items.initial_stock_quantity": "initial_stock_quantity = -1",
    "transaction_events.user_id": "user_id = gen_random_uuid()",
}
CONSTRAINTS = """
    SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u', 'x')
    UNION SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indisunique AND relnamespace = 'public'::regnamespace"""
HOLD = "INSERT INTO unit_holds (inventory_unit_id, during, kind{1}) SELECT id, '{0}', {2} FROM inventory_units LIMIT 1"
KEY = "INSERT INTO idempotency_keys (caller_id, key, fingerprint{0}) SELECT id, {1} FROM users LIMIT 1"
BUCKET = "INSERT INTO status_buckets VALUES ('{}', '2026-01-01Z', 'shop', '{}', 0, 0, 0, 0, 0)"
INCIDENT = "INSERT INTO status_incidents (id, document) VALUES ('{}', 'null')"
SOURCE = "00000000-0000-0000-0000-000000000001"
DIGEST = "sha256('')"
REFUSED = {
    "unit_holds_inventory_unit_id_during_excl": HOLD.format("[2026-01-02,2026-01-04)", "", "'TRANSFER'"),
    "unit_holds_inventory_unit_id_fkey": "INSERT INTO unit_holds (inventory_unit_id, during, kind) "
    "VALUES (gen_random_uuid(), '[2026-01-01,)', 'TRANSFER')",
    "unit_holds_booking_line_id_fkey": HOLD.format(
        "[2027-01-01,)", ", booking_line_id", "'RESERVED', gen_random_uuid()"
    ),
    "unit_holds_transaction_line_id_fkey": HOLD.format(
        "[2027-01-01,)", ", transaction_line_id", "'OUT', gen_random_uuid()"
    ),
    "unit_holds_booking_line_id_check": HOLD.format("[2027-01-01,)", "", "'RESERVED'"),
    "unit_holds_transaction_line_id_check": HOLD.format("[2027-01-01,)", "", "'OUT'"),
    "unit_holds_during_check": HOLD.format("empty", "", "'TRANSFER'"),
    "unit_holds_expires_at_check": HOLD.format("[2027-01-01,)", "", "'HOLD'"),
    "unit_holds_holdkind_check": HOLD.format("[2027-01-01,)", "", "'?'"),
    "idempotency_keys_pkey": KEY.format("", f"'used', {DIGEST}"),
    "idempotency_keys_caller_id_fkey": "INSERT INTO idempotency_keys (caller_id, key, fingerprint) "
    f"VALUES (gen_random_uuid(), 'key', {DIGEST})",
    "idempotency_keys_key_check": KEY.format("", f"'', {DIGEST}"),
    "idempotency_keys_fingerprint_check": KEY.format("", "'key', 'short'"),
    "idempotency_keys_status_check": KEY.format(", status", f"'key', {DIGEST}, 201"),
    "idempotency_keys_expires_at_check": KEY.format(", expires_at", f"'key', {DIGEST}, now()"),
    "status_buckets_pkey": BUCKET.format("day", SOURCE),
    "status_buckets_kind_check": BUCKET.format("week", SOURCE),
    "status_incidents_pkey": INCIDENT.format(SOURCE),
    "account_changes_pkey": "INSERT INTO account_changes (id, user_id, expires_at) OVERRIDING SYSTEM VALUE "
    "SELECT 1, gen_random_uuid(), now() FROM generate_series(1, 2)",
}


def _place(bad: BadRows) -> str:
    return f"{bad.table}.{bad.column}"


def _breaking(bad: BadRows) -> str:
    """Return a statement after which the rows of a table are bad."""
    change = BREAKING.get(_place(bad)) or next(
        change.format(bad.column, bad.why.split()[-1])
        for reason, change in BREAKING_BY_REASON.items()
        if bad.why.startswith(reason)
    )
    if bad.table == "stock_levels" and bad.column != "quantity_on_hand":
        change += ", " + SUM.format(bad.column)
    return f"UPDATE {bad.table} SET {change}"


def _refused(connection: Connection, statement: str) -> str:
    """Return the name of the constraint that refuses a statement."""
    with pytest.raises(IntegrityError) as error:
        connection.exec_driver_sql(statement)
    assert isinstance(error.value.orig, psycopg.Error)
    return str(error.value.orig.diag.constraint_name)


@pytest.fixture(scope="module")
def hardened(taken_over: tuple[str, Contents, Contents]) -> Iterator[Connection]:
    """A connection to a filled production that was upgraded."""
    url, *_ = taken_over
    with connected(url) as connection:
        yield connection


def test_what_breaks_a_rule_is_found_by_name(filled: str) -> None:
    """Each preflight finds nothing in a production that is right, and exactly the rows that were made bad."""
    with psycopg.connect(filled) as connection:
        for revision, bad in RULES:
            assert examine(connection, revision, bad).rows == 0, bad
            with connection.transaction(force_rollback=True):
                changed = connection.execute(_breaking(bad).encode()).rowcount
                found = examine(connection, revision, bad)
            assert (found.rows, len(found.ids)) == (changed, 2), bad


def test_all_at_once_they_stop_the_migration_until_they_are_mended(make: Make, filled: str) -> None:
    """Every reason is told before anything is changed; once the rows are right the migration goes through."""
    url = make(like=filled)
    said: list[str] = []
    migrator = Migrator(Server(url), CONFIG, wait=20, say=said.append)
    with connected(url) as connection:
        for _, bad in RULES:
            connection.exec_driver_sql(_breaking(bad))

        with pytest.raises(BadRowsFound) as stopped:
            migrator.migrate()

        told = [(finding.revision, f"{finding.table}.{finding.column}") for finding in stopped.value.findings]
        assert told == [(revision, _place(bad)) for revision, bad in RULES]
        assert connection.exec_driver_sql("SELECT to_regclass('unit_holds')").scalar() is None

        _restore(connection)
    assert migrator.migrate().retries == 0


def _restore(connection: Connection) -> None:
    """Mend every row."""
    rows = (HERE / "rows.sql").read_text()
    tables = ", ".join(re.findall(r"^INSERT INTO (\w+)", rows, re.MULTILINE))
    connection.exec_driver_sql(f"TRUNCATE {tables}; {rows}")


def test_every_constraint_refuses_by_its_name(filled: str, hardened: Connection) -> None:
    """What was bad before is refused now, and each of the new constraints has refused something."""
    with connected(filled) as connection:
        before = set(connection.exec_driver_sql(CONSTRAINTS).scalars())
    added = set(hardened.exec_driver_sql(CONSTRAINTS).scalars()) - before - {"unit_holds_pkey"}
    statements = [f"UPDATE {place.split('.')[0]} SET {change}" for place, change in SINCE.items()]
    statements += [_breaking(bad) for _, bad in RULES if _place(bad) not in SINCE]

    refused = {_refused(hardened, statement) for statement in statements}

    assert added - refused == set(REFUSED)


def test_units_and_keys_are_taken_once(hardened: Connection) -> None:
    """Whatever would promise a unit twice, or a key, or half of an answer, is refused by name."""
    hardened.exec_driver_sql("BEGIN")
    hardened.exec_driver_sql(HOLD.format("[2026-01-01,2026-01-03)", "", "'TRANSFER'"))
    hardened.exec_driver_sql(KEY.format("", f"'used', {DIGEST}"))
    hardened.exec_driver_sql(BUCKET.format("day", SOURCE))
    hardened.exec_driver_sql(INCIDENT.format(SOURCE))
    hardened.exec_driver_sql("SAVEPOINT ready")
    for name, statement in REFUSED.items():
        assert _refused(hardened, statement) == name
        hardened.exec_driver_sql("ROLLBACK TO ready")
    hardened.exec_driver_sql("ROLLBACK")


def test_a_unit_leaves_in_the_minute_it_came_back_and_is_free_when_released(hardened: Connection) -> None:
    """Times that touch do not overlap; what was released, or is of another unit, excludes nothing."""
    hardened.exec_driver_sql("BEGIN")
    hardened.exec_driver_sql(HOLD.format("[2026-01-01 10:00Z,2026-01-03 10:00Z)", "", "'TRANSFER'"))
    hardened.exec_driver_sql(HOLD.format("[2026-01-03 10:00Z,)", "", "'MAINTENANCE'"))
    assert _refused(hardened, HOLD.format("[2099-01-01,2099-01-02)", "", "'TRANSFER'")).endswith("_excl")
    hardened.exec_driver_sql("ROLLBACK; BEGIN")
    hardened.exec_driver_sql(HOLD.format("[2026-01-01,)", "", "'TRANSFER'"))
    hardened.exec_driver_sql("UPDATE unit_holds SET released_at = now()")
    hardened.exec_driver_sql(HOLD.format("[2026-01-01,)", "", "'TRANSFER'"))
    hardened.exec_driver_sql("ROLLBACK")


@pytest.mark.parametrize("name", ["btree_gist", "pg_trgm"])
def test_who_may_not_add_an_extension_is_told_beforehand(make: Make, name: str) -> None:
    """The preflight names the database; once its owner has added the extension, the migration needs no right to."""
    (bad,) = (bad for _, bad in BAD if f" {name}," in bad.why)
    with psycopg.connect(make(), autocommit=True) as connection:
        assert examine(connection, "", bad).rows == 0
        connection.execute(b"CREATE ROLE nobody")
        connection.execute(b"SET ROLE nobody")
        assert examine(connection, "", bad).ids == (connection.info.dbname,)
        connection.execute(f"RESET ROLE; CREATE EXTENSION {name}; SET ROLE nobody".encode())

        assert examine(connection, "", bad).rows == 0
        connection.execute(f"CREATE EXTENSION IF NOT EXISTS {name}".encode())
        connection.execute(b"RESET ROLE; DROP ROLE nobody")

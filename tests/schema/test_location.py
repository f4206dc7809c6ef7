"""The location of a transaction becomes a location while transactions are written."""

from concurrent.futures import ThreadPoolExecutor

import psycopg

from rental_backend.infra.migration import CONFIG, Migrator, Server
from tests.migrations.conftest import wait_for
from tests.migrations.writer import Writer
from tests.schema.conftest import Make
from tests.schema.databases import alembic, connected

REVISION, BEFORE = "202611231802", "202611231801"
LOCK_TIMEOUT = 0.3
ROWS = 4_000
LIKE_THE_FIRST = """
    INSERT INTO transaction_headers SELECT (copy).* FROM (
        SELECT jsonb_populate_record(header, jsonb_build_object(
            'id', gen_random_uuid(), 'transaction_number', gen_random_uuid(), 'location_id', location.id)) AS copy
        FROM transaction_headers header CROSS JOIN locations location CROSS JOIN generate_series(1, {0})
        WHERE header.id = '00000000-0000-4000-8000-000028000001') copies"""
# The driver knows no types here, as the predecessor's did not: text before, a location after.
WRITE = """
    INSERT INTO transaction_headers (transaction_number, transaction_type, status, transaction_date, location_id,
        currency, subtotal, discount_amount, tax_amount, shipping_amount, total_amount, paid_amount, deposit_paid,
        customer_advance_balance, delivery_required, pickup_required, extension_count, total_extension_charges,
        is_active)
    VALUES ('W-' || gen_random_uuid(), 'SALE', 'COMPLETED', now(), '00000000-0000-4000-8000-000023000002',
        'INR', 0, 0, 0, 0, 0, 0, false, 0, false, false, 0, 0, true)"""
WRONG = """
    SELECT count(*) FROM transaction_headers
    WHERE location_id IS NULL
        OR starts_with(transaction_number, 'W-') AND location_id <> '00000000-0000-4000-8000-000023000002'"""


def test_nobody_waits_and_no_location_is_lost(make: Make, filled: str) -> None:
    """Behind a long report, writers wait no longer than the lock timeout; old rows and theirs keep their location."""
    url = make(like=filled)
    alembic(url, "upgrade", BEFORE)
    said: list[str] = []
    migrator = Migrator(Server(url, lock_timeout=LOCK_TIMEOUT), CONFIG, wait=20, say=said.append)
    with connected(url) as connection:
        connection.exec_driver_sql(LIKE_THE_FIRST.format(ROWS // 2))
        with Writer(url, WRITE) as writer, ThreadPoolExecutor(1) as pool:
            with psycopg.connect(url) as report:
                report.execute(b"LOCK TABLE transaction_headers IN ACCESS SHARE MODE")
                run = pool.submit(migrator.migrate, REVISION)
                wait_for(lambda: said)
            run.result(20)
            done = writer.count
            wait_for(lambda: writer.count > done + 5)

        assert writer.longest < LOCK_TIMEOUT + 0.4
        assert (
            connection.exec_driver_sql("SELECT count(*) FROM transaction_headers").scalar() == ROWS + 2 + writer.count
        )
        assert connection.exec_driver_sql(WRONG).scalar() == 0

"""Tests leave no rows to each other."""

from sqlalchemy.orm import Session

from deploy.private.servers import PostgresServer
from tests.conftest import empty_tables
from tests.schema.conftest import HERE
from tests.schema.databases import columns, contents

SINCE = """
    INSERT INTO unit_holds (inventory_unit_id, during, kind)
        SELECT id, '[2026-01-01,)', 'TRANSFER' FROM inventory_units;
    INSERT INTO idempotency_keys (caller_id, key, fingerprint) SELECT id, 'key', sha256('') FROM users;
    INSERT INTO status_buckets VALUES ('day', now(), 'shop', gen_random_uuid(), 1, 0, 0, 0, 0);
    INSERT INTO status_incidents (id, document) VALUES (gen_random_uuid(), '{}')"""


def test_every_table_is_emptied(session: Session, postgres: PostgresServer) -> None:
    """Rows in all tables, whichever refer to whichever, are gone after a test."""
    known = columns(postgres.url)
    session.connection().exec_driver_sql((HERE / "rows.sql").read_text() + SINCE)
    session.commit()
    assert min(rows for rows, _ in contents(postgres.url, known).values()) >= 1

    empty_tables(session)

    assert {rows for rows, _ in contents(postgres.url, known).values()} == {0}

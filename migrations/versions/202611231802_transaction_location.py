"""The location of a transaction is a location, and no longer any text.

The text is copied beside itself, some pages at a time, while a trigger keeps both in step; then they change places.
Code that still writes text is refused.
"""

from alembic import context, op
from sqlalchemy import text

from migrations import safely
from rental_backend.infra.migration import BadRows

revision = "202611231802"
down_revision = "202611231801"
branch_labels = None
depends_on = None

contract = True
preflight = [
    BadRows(
        "transaction_headers",
        "location_id",
        "names no location",
        "location_id IS NOT NULL AND lower(location_id) NOT IN (SELECT id::text FROM locations)",
    )
]
KEEP_IN_STEP = """
    CREATE OR REPLACE FUNCTION type_location() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.location_uuid := NEW.location_id::uuid;
        RETURN NEW;
    END $$"""
# On every update and not only of the text: a row that changes while it is copied is left to the trigger.
TRIGGER = """
    CREATE OR REPLACE TRIGGER type_location BEFORE INSERT OR UPDATE ON transaction_headers
    FOR EACH ROW EXECUTE FUNCTION type_location()"""
# Ends after a minute, far from the statement timeout, and goes on where it was when it is executed again.
COPY = """
    DO $$
    DECLARE
        pages int := pg_relation_size('transaction_headers') / current_setting('block_size')::int;
        at_once constant int := 100;
    BEGIN
        FOR page IN 0..pages BY at_once LOOP
            UPDATE transaction_headers SET location_uuid = location_id::uuid
            WHERE ctid >= ('(' || page || ',0)')::tid AND ctid < ('(' || page + at_once || ',0)')::tid
                AND location_id IS NOT NULL AND location_uuid IS NULL;
            COMMIT;
            EXIT WHEN clock_timestamp() > statement_timestamp() + interval '1 minute';
        END LOOP;
    END $$"""
LEFT = "SELECT EXISTS (SELECT FROM transaction_headers WHERE location_id IS NOT NULL AND location_uuid IS NULL)"
SWAP = (
    "DROP TRIGGER IF EXISTS type_location ON transaction_headers",
    "-- squawk-ignore ban-drop-function\nDROP FUNCTION IF EXISTS type_location",
    # What it held is in the new column: a validated check says so.
    "-- squawk-ignore ban-drop-column\nALTER TABLE transaction_headers DROP COLUMN IF EXISTS location_id",
    "-- squawk-ignore renaming-column, prefer-robust-stmts\n"
    "ALTER TABLE transaction_headers RENAME COLUMN location_uuid TO location_id",
)


def upgrade() -> None:
    op.execute("ALTER TABLE transaction_headers ADD COLUMN IF NOT EXISTS location_uuid uuid")
    op.execute(KEEP_IN_STEP)
    op.execute(TRIGGER)
    with op.get_context().autocommit_block():
        op.execute(COPY)
        while not context.is_offline_mode() and op.get_bind().scalar(text(LEFT)):
            op.execute(COPY)
    safely.add_check("transaction_headers", "is_copied", "location_uuid IS NOT DISTINCT FROM location_id::uuid")
    safely.add_foreign_key(
        "transaction_headers", "transaction_headers_location_id_fkey", ["location_uuid"], "locations", ["id"]
    )
    safely.add_index("ix_transaction_headers_location_id", "transaction_headers", ["location_uuid"])
    for statement in SWAP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE transaction_headers DROP CONSTRAINT transaction_headers_location_id_fkey")
    op.execute("DROP INDEX ix_transaction_headers_location_id")
    op.execute("ALTER TABLE transaction_headers ALTER COLUMN location_id TYPE varchar(36)")
    op.execute("CREATE INDEX idx_location_id ON transaction_headers (location_id)")

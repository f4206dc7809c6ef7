"""Where damaged stock lies, and in which return a line came back.

How production defined both tables is lost: what it may have already is left as it is.
"""

from alembic import op

revision = "202611230002"
down_revision = "202611230001"
branch_labels = None
depends_on = None

COLUMNS = (
    ("damage_assessments", "location_id", "locations"),
    ("return_line_details", "return_event_id", "rental_return_events"),
)


def upgrade() -> None:
    for table, column, target in COLUMNS:
        key = f"{table}_{column}_fkey"
        op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} uuid")
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {key}")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {key} FOREIGN KEY ({column}) REFERENCES {target} (id) NOT VALID"
        )
    with op.get_context().autocommit_block():
        for table, column, _ in COLUMNS:
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {table}_{column}_fkey")
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_return_line_details_return_event_id "
            "ON return_line_details (return_event_id)"
        )


def downgrade() -> None:
    for table, column, _ in COLUMNS:
        op.execute(f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column}")

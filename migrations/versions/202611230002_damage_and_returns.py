"""Where damaged stock lies, and in which return a line came back.

How production defined both tables is lost: what it may have already is left as it is.
"""

from alembic import op

from migrations import safely

revision = "202611230002"
down_revision = "202611230001"
branch_labels = None
depends_on = None

# D27: bulk stock and partial returns.
COLUMNS = (
    ("damage_assessments", "location_id", "locations"),
    ("return_line_details", "return_event_id", "rental_return_events"),
)


def upgrade() -> None:
    for table, column, _ in COLUMNS:
        op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} uuid")
    for table, column, target in COLUMNS:
        safely.add_foreign_key(table, f"{table}_{column}_fkey", [column], target, ["id"])
    safely.add_index("ix_return_line_details_return_event_id", "return_line_details", ["return_event_id"])


def downgrade() -> None:
    for table, column, _ in COLUMNS:
        op.execute(f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column}")

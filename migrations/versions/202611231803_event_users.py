"""A user of a transaction's history is a user, and no longer a number: users never had numbers.

The column of numbers is empty, or the preflight stops us. A new one takes its place.
"""

from alembic import op

from migrations import safely
from rental_backend.infra.migration import BadRows

revision = "202611231803"
down_revision = "202611231802"
branch_labels = None
depends_on = None

contract = True
preflight = [
    BadRows(
        "transaction_events",
        "user_id",
        "is a number, which names no user",
        "user_id IS NOT NULL AND pg_typeof(user_id) = 'integer'::regtype",
    )
]
SWAP = (
    # It is empty: a validated check says so.
    "-- squawk-ignore ban-drop-column\nALTER TABLE transaction_events DROP COLUMN IF EXISTS user_id",
    "-- squawk-ignore renaming-column, prefer-robust-stmts\n"
    "ALTER TABLE transaction_events RENAME COLUMN user_uuid TO user_id",
)


def upgrade() -> None:
    op.execute("ALTER TABLE transaction_events ADD COLUMN IF NOT EXISTS user_uuid uuid")
    safely.add_check("transaction_events", "is_empty", "user_id IS NULL")
    safely.add_index("ix_transaction_events_user_id", "transaction_events", ["user_uuid"])
    for statement in SWAP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE transaction_events DROP COLUMN user_id")
    op.execute("ALTER TABLE transaction_events ADD COLUMN user_id integer")
    op.execute("CREATE INDEX idx_transaction_events_user_id ON transaction_events (user_id)")

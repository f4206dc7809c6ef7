"""The author of every change is a user."""

from alembic import op

from migrations import safely
from rental_backend.infra.migration import BadRows

revision = "202611231804"
down_revision = "202611231803"
branch_labels = None
depends_on = None

COLUMNS = {
    "audit_logs": "user_id",
    "locations": "manager_user_id",
    "purchase_credit_memos": "received_by",
    "rental_inspections": "inspector_id",
    "rental_item_inspections": "inspected_by",
    "rental_lifecycles": "status_changed_by",
    "rental_return_events": "processed_by",
    "rental_status_logs": "changed_by",
    "system_backups": "started_by",
    "transaction_events": "user_id",
    "transaction_headers": "sales_person_id",
}
preflight = [
    BadRows(table, column, "names no user", f"{column} NOT IN (SELECT id FROM users)")  # noqa: S608 - names of ours
    for table, column in COLUMNS.items()
    if table != "transaction_events"  # the revision before this has made it anew
]


def upgrade() -> None:
    for table, column in COLUMNS.items():
        safely.add_foreign_key(table, f"{table}_{column}_fkey", [column], "users", ["id"])


def downgrade() -> None:
    for table, column in COLUMNS.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_{column}_fkey")

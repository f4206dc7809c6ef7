"""Indexes for what is joined, cascaded and listed newest first."""

from migrations import safely

revision = "202611231815"
down_revision = "202611231814"
branch_labels = None
depends_on = None

FOREIGN_KEYS = [
    ("booking_headers", "converted_rental_id"),
    ("damage_assessments", "transaction_header_id"),
    ("items", "unit_of_measurement_id"),
    ("password_reset_tokens", "user_id"),
    ("purchase_credit_memos", "return_id"),
    ("refresh_tokens", "user_id"),
    ("rental_inspections", "return_id"),
    ("rental_status_logs", "rental_lifecycle_id"),
    ("repair_orders", "inventory_unit_id"),
    ("repair_orders", "item_id"),
    ("sale_conflicts", "transition_request_id"),
    ("sale_notifications", "resolution_id"),
    ("sale_resolutions", "conflict_id"),
    ("sale_transition_audit", "transition_request_id"),
    ("sale_transition_requests", "item_id"),
    ("session_tokens", "user_id"),
    ("stock_movements", "transaction_header_id"),
    ("stock_movements", "transaction_line_id"),
    ("transition_checkpoints", "transition_request_id"),
]
NEWEST = "ix_transaction_headers_newest"


def upgrade() -> None:
    for table, column in FOREIGN_KEYS:
        safely.add_index(f"ix_{table}_{column}", table, [column])
    safely.add_index(NEWEST, "transaction_headers", ["transaction_type", "transaction_date", "id"])


def downgrade() -> None:
    for table, column in FOREIGN_KEYS:
        safely.drop_index(f"ix_{table}_{column}")
    safely.drop_index(NEWEST)

"""Timestamps that were in UTC without saying so say so.

Their indexes are dropped before and built again after it, both while the tables are in use: together with the type
they would be built under the lock. Code that takes these times for naive ones goes on writing and reading the same
instants, as long as its sessions are in UTC.
"""

from alembic import op

from migrations import safely

revision = "202611231801"
down_revision = "202611230002"
branch_labels = None
depends_on = None

COLUMNS = {
    "booking_headers": ["cancelled_at"],
    "customers": ["last_transaction_date", "last_rental_date"],
    "inventory_units": [
        "purchase_date",
        "warranty_expiry",
        "last_maintenance_date",
        "next_maintenance_date",
        "rental_blocked_at",
    ],
    "items": ["rental_blocked_at"],
    "purchase_credit_memos": ["credit_date"],
    "rental_extensions": ["extension_date"],
    "rental_inspections": ["inspection_date"],
    "rental_item_inspections": ["inspected_at"],
    "rental_lifecycles": ["last_status_change"],
    "rental_return_events": ["processed_at"],
    "rental_status_logs": ["changed_at"],
    "suppliers": ["last_order_date", "contract_start_date", "contract_end_date", "insurance_expiry"],
    "system_backups": ["started_at", "completed_at"],
    "transaction_events": ["event_timestamp"],
    "transaction_headers": ["transaction_date"],
    "user_permissions": ["granted_at", "expires_at"],
}
INDEXES = {
    "idx_extension_date": ("rental_extensions", ["extension_date"]),
    "idx_return_event_processed": ("rental_return_events", ["processed_at"]),
    "idx_status_log_changed_at": ("rental_status_logs", ["changed_at"]),
    "idx_supplier_contract_dates": ("suppliers", ["contract_start_date", "contract_end_date"]),
    "idx_supplier_last_order": ("suppliers", ["last_order_date"]),
    "idx_system_backup_completed_at": ("system_backups", ["completed_at"]),
    "idx_system_backup_started_at": ("system_backups", ["started_at"]),
    "idx_transaction_date": ("transaction_headers", ["transaction_date"]),
    "idx_transaction_events_category_status": ("transaction_events", ["event_category", "status", "event_timestamp"]),
    "idx_transaction_events_timestamp": ("transaction_events", ["event_timestamp"]),
    "idx_transaction_events_tx_type_time": ("transaction_events", ["transaction_id", "event_type", "event_timestamp"]),
}


def upgrade() -> None:
    for name in INDEXES:
        safely.drop_index(name)
    for table, columns in COLUMNS.items():
        safely.make_aware(table, *columns)
    for name, (table, columns) in INDEXES.items():
        safely.add_index(name, table, columns)


def downgrade() -> None:
    op.execute("SET timezone = 'UTC'")
    for table, columns in COLUMNS.items():
        op.execute(f"ALTER TABLE {table} " + ", ".join(f"ALTER COLUMN {column} TYPE timestamp" for column in columns))

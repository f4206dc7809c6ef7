"""Indexes that another one contains cost every write and serve nobody.

The one on `metadata_content` went by whole documents, and refused those above 2.7 kB.
"""

from migrations import safely

revision = "202611231816"
down_revision = "202611231815"
branch_labels = None
depends_on = None

INDEXES = {
    "idx_booking_header_reference": ("booking_headers", ["booking_reference"]),
    "idx_booking_line_header": ("booking_lines", ["booking_header_id"]),
    "idx_category_parent": ("categories", ["parent_category_id"]),
    "idx_customer_code": ("customers", ["customer_code"]),
    "idx_inv_sku": ("inventory_units", ["sku"]),
    "idx_item_sku": ("items", ["sku"]),
    "idx_lifecycle_transaction": ("rental_lifecycles", ["transaction_id"]),
    "idx_line_number": ("transaction_lines", ["transaction_header_id", "line_number"]),
    "idx_location_code": ("locations", ["location_code"]),
    "idx_role_permissions_role": ("role_permissions", ["role_id"]),
    "idx_sku_brand": ("sku_sequences", ["brand_code"]),
    "idx_sl_item": ("stock_levels", ["item_id"]),
    "idx_sm_item": ("stock_movements", ["item_id"]),
    "idx_sm_stock_level": ("stock_movements", ["stock_level_id"]),
    "idx_supplier_code": ("suppliers", ["supplier_code"]),
    "idx_system_setting_key": ("system_settings", ["setting_key"]),
    "idx_transaction_events_category": ("transaction_events", ["event_category"]),
    "idx_transaction_events_transaction_id": ("transaction_events", ["transaction_id"]),
    "idx_transaction_header_id": ("transaction_lines", ["transaction_header_id"]),
    "idx_transaction_metadata_content": ("transaction_metadata", ["metadata_content"]),
    "idx_transaction_number": ("transaction_headers", ["transaction_number"]),
    "idx_transaction_type": ("transaction_headers", ["transaction_type"]),
    "idx_user_permissions_user": ("user_permissions", ["user_id"]),
    "idx_user_roles_user": ("user_roles", ["user_id"]),
    "ix_categories_category_path": ("categories", ["category_path"]),
    "ix_security_audit_logs_action": ("security_audit_logs", ["action"]),
    "ix_security_audit_logs_resource": ("security_audit_logs", ["resource"]),
    "ix_suppliers_company_name": ("suppliers", ["company_name"]),
    "ix_suppliers_email": ("suppliers", ["email"]),
}


def upgrade() -> None:
    for name in INDEXES:
        safely.drop_index(name)


def downgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        safely.add_index(name, table, columns)

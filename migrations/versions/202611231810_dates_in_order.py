"""What ends does not end before it begins."""

from migrations import rules

revision = "202611231810"
down_revision = "202611231809"
branch_labels = None
depends_on = None

RULES = [
    rules.in_order("booking_headers", "start_date", "end_date"),
    rules.in_order("ip_whitelist", "valid_from", "valid_until"),
    rules.in_order("rental_extensions", "original_end_date", "new_end_date"),
    rules.in_order("repair_orders", "repair_start_date", "repair_end_date"),
    rules.in_order("suppliers", "contract_start_date", "contract_end_date"),
    rules.in_order("transaction_lines", "rental_start_date", "rental_end_date"),
]
preflight = [rule.bad_rows for rule in RULES]


def upgrade() -> None:
    rules.impose(RULES)


def downgrade() -> None:
    rules.lift(RULES)

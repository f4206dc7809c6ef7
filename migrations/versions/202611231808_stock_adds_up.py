"""Stock is never negative and adds up: on hand is what is available, rented, damaged, in repair and beyond repair."""

from migrations import rules

revision = "202611231808"
down_revision = "202611231807"
branch_labels = None
depends_on = None

PARTS = (
    "quantity_available",
    "quantity_on_rent",
    "quantity_damaged",
    "quantity_under_repair",
    "quantity_beyond_repair",
)
RULES = [
    *rules.at_least(0, "stock_levels", *PARTS),
    rules.Rule(
        "stock_levels", "quantity_on_hand", f"quantity_on_hand = {' + '.join(PARTS)}", "is not the sum of its parts"
    ),
    *rules.at_least(0, "stock_movements", "quantity_before"),
    rules.Rule(
        "stock_movements",
        "quantity_after",
        "quantity_after >= 0 AND quantity_after = quantity_before + quantity_change",
        "is negative or not quantity_before + quantity_change",
    ),
]
preflight = [rule.bad_rows for rule in RULES]


def upgrade() -> None:
    rules.impose(RULES)


def downgrade() -> None:
    rules.lift(RULES)

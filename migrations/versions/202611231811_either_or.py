"""An item is rented or sold, a unit is one piece with a serial number or a batch."""

from migrations import rules

revision = "202611231811"
down_revision = "202611231810"
branch_labels = None
depends_on = None

RULES = [
    rules.Rule("items", "is_saleable", "is_rentable <> is_saleable", "is the same as is_rentable"),
    rules.Rule(
        "inventory_units", "batch_code", "serial_number = '' OR batch_code = ''", "stands beside a serial number"
    ),
]
preflight = [rule.bad_rows for rule in RULES]


def upgrade() -> None:
    rules.impose(RULES)


def downgrade() -> None:
    rules.lift(RULES)

"""An index for the list of customers, newest first."""

from migrations import safely

revision = "202611230001"
down_revision = "202508190531"
branch_labels = None
depends_on = None


def upgrade() -> None:
    safely.add_index("ix_customers_newest", "customers", ["created_at", "id"])


def downgrade() -> None:
    safely.drop_index("ix_customers_newest")

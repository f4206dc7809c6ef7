"""An index for the list of items, newest first."""

from migrations import safely

revision = "202611251920"
down_revision = "202611251905"
branch_labels = None
depends_on = None


def upgrade() -> None:
    safely.add_index("ix_items_newest", "items", ["created_at", "id"])


def downgrade() -> None:
    safely.drop_index("ix_items_newest")

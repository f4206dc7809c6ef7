"""An index for the list of customers, newest first."""

from alembic import op

revision = "202611230001"
down_revision = "202508190531"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_customers_newest",
            "customers",
            ["created_at", "id"],
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_customers_newest", "customers", postgresql_concurrently=True, if_exists=True)

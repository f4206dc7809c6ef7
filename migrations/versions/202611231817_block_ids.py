"""A blocking of an item or a unit gets its key from the database, as all other rows do."""

from alembic import op

revision = "202611231817"
down_revision = "202611231816"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE rental_block_history ALTER COLUMN id SET DEFAULT gen_random_uuid()")


def downgrade() -> None:
    op.execute("ALTER TABLE rental_block_history ALTER COLUMN id DROP DEFAULT")

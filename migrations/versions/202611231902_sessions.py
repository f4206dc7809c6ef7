"""Sessions: when each was last used, and the sessions of one user found without reading all."""

from alembic import op

from migrations import safely

revision = "202611231902"
down_revision = "202611231901"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE refresh_tokens ADD COLUMN IF NOT EXISTS last_used_at timestamp with time zone")
    safely.add_index("ix_refresh_tokens_user_id", "refresh_tokens", ["user_id"])


def downgrade() -> None:
    safely.drop_index("ix_refresh_tokens_user_id")
    op.execute("ALTER TABLE refresh_tokens DROP COLUMN IF EXISTS last_used_at")

"""What each instance saw of the components that customers know, and their incidents."""

from alembic import op

revision = "202611251930"
down_revision = "202611251920"
branch_labels = None
depends_on = None

BUCKETS = """
    CREATE TABLE IF NOT EXISTS status_buckets (
        kind text NOT NULL CHECK (kind IN ('hour', 'day')),
        start timestamptz NOT NULL,
        component text NOT NULL,
        source uuid NOT NULL,
        operational bigint NOT NULL,
        under_maintenance bigint NOT NULL,
        degraded_performance bigint NOT NULL,
        partial_outage bigint NOT NULL,
        major_outage bigint NOT NULL,
        PRIMARY KEY (kind, start, component, source)
    )"""
INCIDENTS = """
    CREATE TABLE IF NOT EXISTS status_incidents (
        id uuid NOT NULL PRIMARY KEY,
        document jsonb NOT NULL,
        seen_at timestamptz NOT NULL DEFAULT now()
    )"""


def upgrade() -> None:
    op.execute(BUCKETS)
    op.execute(INCIDENTS)
    op.execute("CREATE INDEX IF NOT EXISTS ix_status_incidents_seen_at ON status_incidents (seen_at)")


def downgrade() -> None:
    op.drop_table("status_incidents")
    op.drop_table("status_buckets")

"""Requests that must not take effect twice, and what they were answered."""

from alembic import op

revision = "202611231813"
down_revision = "202611231812"
branch_labels = None
depends_on = None

KEYS = """
    CREATE TABLE IF NOT EXISTS idempotency_keys (
        caller_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        key varchar(255) NOT NULL CHECK (key <> ''),
        fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
        -- squawk-ignore prefer-bigint-over-smallint
        status smallint,
        headers jsonb,
        body bytea,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
        PRIMARY KEY (caller_id, key),
        CONSTRAINT idempotency_keys_status_check CHECK (num_nulls(status, headers, body) IN (0, 3)),
        CONSTRAINT idempotency_keys_expires_at_check CHECK (expires_at > created_at)
    )"""


def upgrade() -> None:
    op.execute(KEYS)
    op.execute("CREATE INDEX IF NOT EXISTS ix_idempotency_keys_expires_at ON idempotency_keys (expires_at)")


def downgrade() -> None:
    op.drop_table("idempotency_keys")

"""What occupies a unit, and when: bookings and rentals to come cannot promise it twice."""

from alembic import op

from migrations import safely

revision = "202611231812"
down_revision = "202611231811"
branch_labels = None
depends_on = None

preflight = [safely.lacks_extension("btree_gist")]
HOLDS = """
    CREATE TABLE IF NOT EXISTS unit_holds (
        inventory_unit_id uuid NOT NULL REFERENCES inventory_units (id),
        during tstzrange NOT NULL,
        kind varchar(20) NOT NULL,
        booking_line_id uuid REFERENCES booking_lines (id) ON DELETE CASCADE,
        transaction_line_id uuid REFERENCES transaction_lines (id),
        expires_at timestamptz,
        released_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        created_by varchar(255),
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        EXCLUDE USING gist (inventory_unit_id WITH =, during WITH &&) WHERE (released_at IS NULL),
        CONSTRAINT unit_holds_holdkind_check CHECK (kind IN ('HOLD', 'RESERVED', 'OUT', 'MAINTENANCE', 'TRANSFER')),
        CONSTRAINT unit_holds_during_check
            CHECK (lower(during) IS NOT NULL AND lower_inc(during) AND NOT upper_inc(during)),
        CONSTRAINT unit_holds_expires_at_check CHECK ((kind = 'HOLD') = (expires_at IS NOT NULL)),
        CONSTRAINT unit_holds_booking_line_id_check CHECK (kind <> 'RESERVED' OR booking_line_id IS NOT NULL),
        CONSTRAINT unit_holds_transaction_line_id_check CHECK (kind <> 'OUT' OR transaction_line_id IS NOT NULL)
    )"""
INDEXES = (
    "ix_unit_holds_booking_line_id ON unit_holds (booking_line_id)",
    "ix_unit_holds_transaction_line_id ON unit_holds (transaction_line_id)",
    "ix_unit_holds_expires_at ON unit_holds (expires_at) WHERE released_at IS NULL",
)


def upgrade() -> None:
    safely.add_extension("btree_gist")
    op.execute(HOLDS)
    for index in INDEXES:
        op.execute(f"CREATE INDEX IF NOT EXISTS {index}")


def downgrade() -> None:
    op.drop_table("unit_holds")
    op.execute("DROP EXTENSION btree_gist")

"""Fields that the pages have always sent and nobody kept: descriptions, contacts, addresses, first stock."""

from alembic import op

from migrations import safely

revision = "202611251900"
down_revision = "202611231902"
branch_labels = None
depends_on = None

COLUMNS = {
    "categories": ("description text",),
    "units_of_measurement": ("description text",),
    "suppliers": ("address text",),
    "locations": (
        "contact_person_name varchar(255)",
        "contact_person_title varchar(100)",
        "contact_person_phone varchar(50)",
        "contact_person_email varchar(255)",
        "contact_person_notes text",
    ),
    "items": ("initial_stock_quantity numeric(10, 2)",),
}


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        added = ", ".join(f"ADD COLUMN IF NOT EXISTS {column}" for column in columns)
        op.execute(f"ALTER TABLE {table} {added}")
    safely.add_check("items", "items_initial_stock_quantity_check", "initial_stock_quantity >= 0")


def downgrade() -> None:
    for table, columns in COLUMNS.items():
        dropped = ", ".join(f"DROP COLUMN IF EXISTS {column.split()[0]}" for column in columns)
        op.execute(f"ALTER TABLE {table} {dropped}")

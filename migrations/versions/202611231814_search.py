"""Searching for any part of a name, a number or a telephone number does not read the whole table."""

import sqlalchemy as sa
from alembic import op

from migrations import safely

revision = "202611231814"
down_revision = "202611231813"
branch_labels = None
depends_on = None

preflight = [safely.lacks_extension("pg_trgm")]
SEARCHED = {
    "customers": (
        "customer_code || ' ' || coalesce(business_name, '') || ' ' || coalesce(first_name, '') || ' ' || "
        "coalesce(last_name, '') || ' ' || coalesce(email, '') || ' ' || coalesce(phone, '') || ' ' || "
        "coalesce(mobile, '')"
    ),
    "items": "sku || ' ' || item_name || ' ' || coalesce(model_number, '')",
    "suppliers": (
        "supplier_code || ' ' || company_name || ' ' || coalesce(contact_person, '') || ' ' || coalesce(email, '') "
        "|| ' ' || coalesce(phone, '') || ' ' || coalesce(mobile, '')"
    ),
    "transaction_headers": "transaction_number",
}


def upgrade() -> None:
    safely.add_extension("pg_trgm")
    for table, text in SEARCHED.items():
        safely.add_index(f"ix_{table}_search", table, [sa.text(f"({text}) gin_trgm_ops")], using="gin")


def downgrade() -> None:
    for table in SEARCHED:
        safely.drop_index(f"ix_{table}_search")
    op.execute("DROP EXTENSION pg_trgm")

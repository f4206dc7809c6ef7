"""Names under no parent and counters without a brand are unique, too.

The indexes that were there took every null for another value.
"""

from migrations import safely
from rental_backend.infra.migration import BadRows

revision = "202611231806"
down_revision = "202611231805"
branch_labels = None
depends_on = None

INDEXES = [
    ("uk_category_name_parent", "uq_categories_name_parent", "categories", ["name", "parent_category_id"]),
    ("idx_sku_brand_category", "uq_sku_sequences_brand_category", "sku_sequences", ["brand_code", "category_code"]),
]
preflight = [
    BadRows(
        "categories",
        "name",
        "is given to several categories without a parent",
        "parent_category_id IS NULL AND name IN "
        "(SELECT name FROM categories WHERE parent_category_id IS NULL GROUP BY 1 HAVING count(*) > 1)",
        key="name || ' ' || id",
    ),
    BadRows(
        "sku_sequences",
        "brand_code",
        "and category_code have several counters",
        "(coalesce(brand_code, ''), coalesce(category_code, '')) IN (SELECT coalesce(brand_code, ''), "
        "coalesce(category_code, '') FROM sku_sequences GROUP BY brand_code, category_code HAVING count(*) > 1)",
        key="concat_ws(' ', brand_code, category_code, id)",
    ),
]


def upgrade() -> None:
    for old, new, table, columns in INDEXES:
        safely.add_index(new, table, columns, unique=True, nulls_distinct=False)
        safely.drop_index(old)


def downgrade() -> None:
    for old, new, table, columns in INDEXES:
        safely.add_index(old, table, columns, unique=True)
        safely.drop_index(new)

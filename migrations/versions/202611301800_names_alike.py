"""Names of brands, units, locations, and of categories under a parent, do not differ by case or blanks alone."""

from sqlalchemy import text

from migrations import safely
from rental_backend.infra.migration import BadRows

revision = "202611301800"
down_revision = "202611301700"
branch_labels = None
depends_on = None

INDEXES = [
    ("uq_brands_name_alike", "brands", "name", []),
    ("uq_units_of_measurement_name_alike", "units_of_measurement", "name", []),
    ("uq_locations_name_alike", "locations", "location_name", []),
    ("uq_categories_name_alike", "categories", "name", ["parent_category_id"]),
]


def _folded(column: str) -> str:
    return rf"lower(regexp_replace({column}, '\s+', ' ', 'g'))"


def _alike(table: str, column: str, place: list[str]) -> BadRows:
    key = ", ".join([_folded(column), *(f"coalesce({each}::text, '')" for each in place)])
    return BadRows(
        table,
        column,
        "differs from another one by case or blanks at the most",
        f"({key}) IN (SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1)",  # noqa: S608 - names of ours
        key=f"{column} || ' ' || id",
    )


preflight = [_alike(table, column, place) for _, table, column, place in INDEXES]


def upgrade() -> None:
    for name, table, column, place in INDEXES:
        safely.add_index(name, table, [text(_folded(column)), *place], unique=True, nulls_distinct=False)
    safely.drop_index("uq_categories_name_parent")  # the new one refuses all that it refused


def downgrade() -> None:
    columns = ["name", "parent_category_id"]
    safely.add_index("uq_categories_name_parent", "categories", columns, unique=True, nulls_distinct=False)
    for name, *_ in INDEXES:
        safely.drop_index(name)

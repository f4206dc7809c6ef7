"""A serial number is given to one unit only.

Upper and lower case make a difference, as in what makers print and scanners read.
"""

from migrations import safely
from rental_backend.infra.migration import BadRows

revision = "202611231805"
down_revision = "202611231804"
branch_labels = None
depends_on = None

preflight = [
    BadRows(
        "inventory_units",
        "serial_number",
        "is given to several units",
        "serial_number IN (SELECT serial_number FROM inventory_units "
        "WHERE serial_number <> '' GROUP BY 1 HAVING count(*) > 1)",
        key="serial_number || ' ' || id",
    )
]


def upgrade() -> None:
    safely.add_index(
        "uq_inventory_units_serial_number",
        "inventory_units",
        ["serial_number"],
        unique=True,
        where="serial_number <> ''",
    )
    safely.drop_index("idx_inv_serial")


def downgrade() -> None:
    safely.add_index("idx_inv_serial", "inventory_units", ["serial_number"])
    safely.drop_index("uq_inventory_units_serial_number")

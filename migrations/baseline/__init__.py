"""Production as it was at revision 202508190531: 52 tables and 24 enumerated types. Written once, never changed."""

from . import (  # noqa: F401  importing them adds their tables
    accounts,
    bookings,
    catalog,
    inventory,
    parties,
    purchases,
    rentals,
    sales,
    settings,
    transactions,
)
from .parts import ENUMS, production

# D14: production, name for name.
__all__ = ["ENUMS", "production"]

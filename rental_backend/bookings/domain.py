"""What bookings hand the application."""

from ..web.domain import Domain
from ..web.status.components import Component

BOOKINGS = Component(
    "bookings",
    "Bookings and rentals",
    "Booking, picking up, extending and returning.",
    frozenset({"bookings", "transactions"}),
    place=2,
)
DOMAIN = Domain(components=(BOOKINGS,))

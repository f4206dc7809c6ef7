"""What rentals hand the application."""

from ..bookings.domain import BOOKINGS
from ..web.domain import Domain

DOMAIN = Domain(components=(BOOKINGS.of("rentals"),))

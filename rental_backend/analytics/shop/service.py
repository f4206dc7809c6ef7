"""How the shop stands at this moment, for its metrics."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...bookings.models import BookingHeader, BookingStatus
from ...settings.business import service as business
from ...settings.regional.service import zone_name
from ...transactions.models import RentalStatus, TransactionHeader, TransactionLine, TransactionStatus, TransactionType

MEANINGS = {
    "rentals_out": "Rentals of which something has not come back.",
    "rentals_overdue": "Rentals of which something should have come back and has not.",
    "bookings_today": "Bookings that begin today.",
}
WANTED = (BookingStatus.PENDING, BookingStatus.CONFIRMED, BookingStatus.CONVERTED)


def standing(session: Session) -> dict[str, int]:
    """Return how many rentals are out, how many of them are overdue, and how many bookings begin today.

    A rental is out as long as a line of it has not come back whole, and overdue when the last day of those lines was
    before today. Today is that of the shop.
    """
    zone = zone_name(business.in_force(session))
    return count(session, datetime.now(ZoneInfo(zone)).date())


def count(session: Session, today: date) -> dict[str, int]:
    """Return the same for a day."""
    line, header = TransactionLine, TransactionHeader
    out = (
        select(func.max(line.rental_end_date).label("ends"))
        .join(header, header.id == line.transaction_header_id)
        .where(header.transaction_type == TransactionType.RENTAL, header.status != TransactionStatus.CANCELLED)
        .where(header.is_active, line.is_active, line.returned_quantity < line.quantity)
        .where(line.current_rental_status != RentalStatus.RENTAL_COMPLETED)
        .group_by(line.transaction_header_id)
        .subquery()
    )
    booked = (
        select(func.count())
        .select_from(BookingHeader)
        .where(BookingHeader.start_date == today, BookingHeader.booking_status.in_(WANTED), BookingHeader.is_active)
        .scalar_subquery()
    )
    late = func.count().filter(out.c.ends < today)
    rented, overdue, bookings = session.connection().execute(select(func.count(), late, booked).select_from(out)).one()
    return {"rentals_out": rented, "rentals_overdue": overdue, "bookings_today": bookings}

"""Bookings: those that became rentals, and those ahead, which promise no more than there is."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..bookings.models import BookingHeader, BookingLine, BookingStatus
from .agreements import Rental
from .row_writer import basis_points
from .simulator import Item, Shop, money, share

AHEAD = {
    BookingStatus.PENDING: 40,
    BookingStatus.CONFIRMED: 45,
    BookingStatus.CANCELLED: 15,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants to rent how much of which items, where and when."""

    customer: str
    location: str
    start: int
    end: int
    items: tuple[tuple[Item, int], ...]


def explain(shop: Shop, rental: Rental) -> None:
    """Store the booking that a rental came from."""
    items = tuple((line.unit.level.item, line.quantity) for line in rental.lines)
    wish = Wish(rental.customer.id, rental.location.id, rental.start, rental.agreed_end, items)
    made = rental.start - shop.chance.randint(1, 10)
    _store(shop, wish, made, BookingStatus.CONVERTED, converted_rental_id=rental.id)


def book_ahead(shop: Shop, count: int) -> None:
    """Store bookings of the next weeks, and some of the past that came to nothing."""
    levels = [level for level in shop.levels if level.item.rentable]
    for level in shop.chance.choices(levels, k=count * 4):
        free = level.counts["available"] - level.booked - 1  # one stays for those who come without a booking
        if free < 1 or not count:
            continue
        count -= 1
        start = shop.chance.randint(1, 30)
        quantity = 1 if level.item.serialized else shop.chance.randint(1, min(free, 10))
        status = shop.chance.choices(tuple(AHEAD), tuple(AHEAD.values()))[0]
        if status is not BookingStatus.CANCELLED:
            level.booked += quantity
        customer = shop.chance.choice(shop.customers).id
        end = start + shop.chance.randint(1, 7)
        wish = Wish(customer, level.location.id, start, end, ((level.item, quantity),))
        made = -shop.chance.randint(1, 10)
        _store(shop, wish, made, status, **(_cancelled(shop) if status is BookingStatus.CANCELLED else {}))
        if count % 8 == 0:
            _store(shop, Wish(customer, level.location.id, -5, -3, wish.items), -12, BookingStatus.EXPIRED)


def _cancelled(shop: Shop) -> dict[str, Any]:
    return {
        "cancelled_reason": "The customer's plans changed",
        "cancelled_at": shop.now - timedelta(hours=8),
        "cancelled_by": shop.clerk,
    }


def _store(shop: Shop, wish: Wish, made: int, status: BookingStatus, **values: Any) -> None:
    at, days = shop.at(made, 9, 8), wish.end - wish.start
    totals = [quantity * item.rate * days for item, quantity in wish.items]
    subtotal = sum(totals)
    tax = share(subtotal, basis_points(shop.rates.booking_tax_percent))
    header = shop.loader.add(
        BookingHeader,
        at,
        booking_reference=f"BK-{at:%Y}-{shop.number('BK'):05}",
        customer_id=wish.customer,
        location_id=wish.location,
        booking_date=at.date(),
        start_date=shop.date(wish.start),
        end_date=shop.date(wish.end),
        booking_status=status,
        total_items=len(wish.items),
        estimated_subtotal=money(subtotal),
        estimated_tax=money(tax),
        estimated_total=money(subtotal + tax),
        deposit_required=money(share(subtotal + tax, basis_points(shop.rates.booking_deposit_percent))),
        deposit_paid=status in (BookingStatus.CONFIRMED, BookingStatus.CONVERTED),
        **values,
    )
    for number, ((item, quantity), total) in enumerate(zip(wish.items, totals, strict=True), 1):
        shop.loader.add(
            BookingLine,
            at,
            booking_header_id=header,
            line_number=number,
            item_id=item.id,
            quantity_reserved=quantity,
            rental_period=days,
            rental_period_unit="DAYS",
            unit_rate=money(item.rate),
            discount_amount="0.00",
            line_total=money(total),
        )

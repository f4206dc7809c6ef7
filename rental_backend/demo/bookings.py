"""Bookings that became rentals, and future bookings, which reserve no more than there is."""

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
class BookingRequest:
    """What a customer wants to rent: how much of which items, where and when."""

    customer: str
    location: str
    start: int
    end: int
    items: tuple[tuple[Item, int], ...]


def store_origin(shop: Shop, rental: Rental) -> None:
    """Store the booking that a rental came from."""
    items = tuple((line.unit.stock.item, line.quantity) for line in rental.lines)
    request = BookingRequest(rental.customer.id, rental.location.id, rental.start, rental.agreed_end, items)
    made = rental.start - shop.rng.randint(1, 10)
    _store(shop, request, made, BookingStatus.CONVERTED, converted_rental_id=rental.id)


def book_ahead(shop: Shop, count: int) -> None:
    """Store bookings of the next weeks, and some past ones that expired."""
    stocks = [stock for stock in shop.stocks if stock.item.rentable]
    for stock in shop.rng.choices(stocks, k=count * 4):
        free = stock.counts["available"] - stock.booked - 1  # one stays free for customers without a booking
        if free < 1 or not count:
            continue
        count -= 1
        start = shop.rng.randint(1, 30)
        quantity = 1 if stock.item.serialized else shop.rng.randint(1, min(free, 10))
        status = shop.rng.choices(tuple(AHEAD), tuple(AHEAD.values()))[0]
        if status is not BookingStatus.CANCELLED:
            stock.booked += quantity
        customer = shop.rng.choice(shop.customers).id
        end = start + shop.rng.randint(1, 7)
        request = BookingRequest(customer, stock.location.id, start, end, ((stock.item, quantity),))
        made = -shop.rng.randint(1, 10)
        _store(shop, request, made, status, **(_cancelled(shop) if status is BookingStatus.CANCELLED else {}))
        if count % 8 == 0:
            _store(shop, BookingRequest(customer, stock.location.id, -5, -3, request.items), -12, BookingStatus.EXPIRED)


def _cancelled(shop: Shop) -> dict[str, Any]:
    return {
        "cancelled_reason": "The customer's plans changed",
        "cancelled_at": shop.now - timedelta(hours=8),
        "cancelled_by": shop.clerk,
    }


def _store(shop: Shop, request: BookingRequest, made: int, status: BookingStatus, **values: object) -> None:
    at, days = shop.at(made, 9, 8), request.end - request.start
    totals = [quantity * item.rate * days for item, quantity in request.items]
    subtotal = sum(totals)
    tax = share(subtotal, basis_points(shop.rates.booking_tax_percent))
    header = shop.loader.add(
        BookingHeader,
        at,
        booking_reference=f"BK-{at:%Y}-{shop.number('BK'):05}",
        customer_id=request.customer,
        location_id=request.location,
        booking_date=at.date(),
        start_date=shop.date(request.start),
        end_date=shop.date(request.end),
        booking_status=status,
        total_items=len(request.items),
        estimated_subtotal=money(subtotal),
        estimated_tax=money(tax),
        estimated_total=money(subtotal + tax),
        deposit_required=money(share(subtotal + tax, basis_points(shop.rates.booking_deposit_percent))),
        deposit_paid=status in (BookingStatus.CONFIRMED, BookingStatus.CONVERTED),
        **values,
    )
    for number, ((item, quantity), total) in enumerate(zip(request.items, totals, strict=True), 1):
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

"""The rows of a rental as of today: header, lines, lifecycle, extension and status history."""

from datetime import datetime
from decimal import Decimal

from ..rentals.models import (
    ExtensionType,
    RentalExtension,
    RentalExtensionLine,
    RentalLifecycle,
    RentalReturnEvent,
    RentalStatusLog,
    ReturnEventType,
    StatusChangeReason,
)
from ..transactions.models import (
    PaymentMethod,
    PaymentStatus,
    RentalPeriodUnit,
    RentalStatus,
    TransactionHeader,
    TransactionLine,
    TransactionStatus,
    TransactionType,
)
from .agreements import Extension, Line, Rental, Return
from .simulator import Shop, money, share

METHODS = (PaymentMethod.CASH, PaymentMethod.ONLINE, PaymentMethod.CREDIT_CARD, PaymentMethod.BANK_TRANSFER)
DAMAGE_SHARES = {
    "good": 0,
    "damaged": 1500,
    "beyond_repair": 10_000,
    "lost": 10_000,
}  # of the purchase price, in hundredths of a percent


def store(shop: Shop, rental: Rental) -> None:
    """Store a rental with everything but its returns, which are stored when they happen."""
    subtotal = sum(line.total for line in rental.lines)
    tax = share(subtotal, basis_points(shop.rates.rental_tax_percent))
    charge = _charge(rental, rental.extension) if rental.extension else 0
    status = rental.status(0, shop.now)
    done = status is RentalStatus.RENTAL_COMPLETED
    total = subtotal + tax + charge
    paid = shop.rng.choices((total, (subtotal + tax) // 2, 0), (95, 3, 2) if done else (70, 20, 10))[0]
    shop.loader.add(
        TransactionHeader,
        rental.at,
        id=rental.id,
        transaction_number=rental.number,
        transaction_type=TransactionType.RENTAL,
        status=TransactionStatus.COMPLETED if done else TransactionStatus.IN_PROGRESS,
        transaction_date=rental.at,
        due_date=shop.date(rental.end(shop.now)),
        customer_id=rental.customer.id,
        location_id=rental.location.id,
        subtotal=money(subtotal),
        tax_amount=money(tax),
        total_amount=money(total),
        paid_amount=money(paid),
        payment_status=payment_status(paid, total),
        payment_method=shop.rng.choice(METHODS),
        deposit_amount=money(rental.deposit),
        deposit_paid=True,
        extension_count=1 if rental.extension else 0,
        total_extension_charges=money(charge),
        **_transport(shop, rental),
    )
    for line in rental.lines:
        _store_line(shop, rental, line)
    _store_lifecycle(shop, rental, status)
    if rental.extension:
        _store_extension(shop, rental, rental.extension, charge, charge if paid == total else 0)
    rental.customer.record(rental.at, paid)


def _transport(shop: Shop, rental: Rental) -> dict[str, object]:
    columns: dict[str, object] = {}
    if shop.rng.random() < 0.25:
        day = shop.date(rental.start)
        columns |= {"delivery_required": True, "delivery_address": "12 Sample Road, Mumbai", "delivery_date": day}
    if shop.rng.random() < 0.2:
        columns |= {"pickup_required": True, "pickup_date": shop.date(rental.agreed_end)}
    return columns


def _store_line(shop: Shop, rental: Rental, line: Line) -> None:
    item = line.unit.stock.item
    back = rental.returned(line, shop.now)
    past = (event for event in rental.returns if event.at <= shop.now)
    days = [event.day for event in past if any(returned is line for returned, _ in event.pieces)]
    shop.loader.add(
        TransactionLine,
        rental.at,
        id=line.id,
        transaction_header_id=rental.id,
        line_number=line.number,
        item_id=item.id,
        inventory_unit_id=line.unit.id,
        sku=line.unit.sku,
        description=item.name,
        category=item.category,
        quantity=line.quantity,
        unit_of_measure="PCS",
        unit_price=money(item.rate),
        daily_rate=money(item.rate),
        total_price=money(line.total + line.discount),
        discount_amount=money(line.discount),
        discount_percent="10.00" if line.discount else "0.00",
        line_total=money(line.total),
        rental_start_date=shop.date(rental.start),
        rental_end_date=shop.date(rental.line_end(line, shop.now)),
        rental_period=line.days,
        rental_period_unit=RentalPeriodUnit.DAY,
        current_rental_status=rental.line_status(line, 0, shop.now),
        location_id=rental.location.id,
        status="COMPLETED" if back == line.quantity else "IN_PROGRESS",
        fulfillment_status="FULFILLED",
        returned_quantity=back,
        return_date=shop.date(max(days)) if days else None,
    )


def _store_lifecycle(shop: Shop, rental: Rental, status: RentalStatus) -> None:
    happened = [back for back in rental.returns if back.at <= shop.now]
    changes = list(_changes(shop, rental))
    shop.loader.add(
        RentalLifecycle,
        rental.at,
        id=rental.lifecycle_id,
        transaction_id=rental.id,
        current_status=status,
        last_status_change=changes[-1][0] if changes else rental.at,
        total_returned_quantity=sum(many for back in happened for _, many in back.pieces),
        expected_return_date=shop.date(rental.end(shop.now)),
        total_late_fees=money(sum(late_fee(shop, rental, back) for back in happened)),
        total_damage_fees=money(sum(damage_fee(rental, back, "damaged", "beyond_repair") for back in happened)),
        total_other_fees=money(sum(damage_fee(rental, back, "lost") for back in happened)),
    )
    for at, before, after, reason in changes:
        shop.loader.add(
            RentalStatusLog,
            at,
            transaction_id=rental.id,
            rental_lifecycle_id=rental.lifecycle_id,
            old_status=before,
            new_status=after,
            change_reason=reason,
            changed_at=at,
            system_generated=reason is StatusChangeReason.SCHEDULED_UPDATE,
        )


Change = tuple[datetime, RentalStatus, RentalStatus, StatusChangeReason]


def _changes(shop: Shop, rental: Rental) -> list[Change]:
    """Return the changes of status so far: by returns, by an extension, and in the night after the end."""
    night = rental.end(shop.now) + 1
    moments = [(back.at, back.day, StatusChangeReason.RETURN_EVENT) for back in rental.returns]
    moments.append((shop.at(night, 0), night, StatusChangeReason.SCHEDULED_UPDATE))
    if rental.extension:
        moments.append((rental.extension.at, rental.agreed_end - 1, StatusChangeReason.EXTENSION))
    changes: list[Change] = []
    before = RentalStatus.RENTAL_INPROGRESS
    for at, day, reason in sorted(moments):
        after = rental.status(day, at)
        if at <= shop.now and after is not before:
            changes.append((at, before, after, reason))
            before = after
    return changes


def _charge(rental: Rental, extension: Extension) -> int:
    """Return the price of an extension: for what is still out, for each additional day."""
    days = extension.until - rental.agreed_end
    return days * sum(
        (line.quantity - rental.returned(line, extension.at)) * line.unit.stock.item.rate for line in rental.lines
    )


def _store_extension(shop: Shop, rental: Rental, extension: Extension, charge: int, paid: int) -> None:
    identifier = shop.loader.add(
        RentalExtension,
        extension.at,
        parent_rental_id=rental.id,
        extension_date=extension.at,
        original_end_date=shop.date(rental.agreed_end),
        new_end_date=shop.date(extension.until),
        extension_type=ExtensionType.FULL,
        extension_charges=money(charge),
        payment_received=money(paid),
        payment_status=payment_status(paid, charge),
        extended_by=shop.clerk,
    )
    for line in rental.lines:
        if left := line.quantity - rental.returned(line, extension.at):
            shop.loader.add(
                RentalExtensionLine,
                extension.at,
                extension_id=identifier,
                transaction_line_id=line.id,
                original_quantity=left,
                extended_quantity=left,
                item_new_end_date=shop.date(extension.until),
            )
    shop.loader.add(
        RentalReturnEvent,
        extension.at,
        rental_lifecycle_id=rental.lifecycle_id,
        event_type=ReturnEventType.EXTENSION,
        event_date=extension.at.date(),
        processed_by=shop.clerk,
        processed_at=extension.at,
        payment_collected=money(paid),
        new_return_date=shop.date(extension.until),
    )


def late_fee(shop: Shop, rental: Rental, back: Return) -> int:
    """Return the late fee of a return: for each of its lines and each day late."""
    return max(0, back.day - rental.end(back.at)) * len(back.pieces) * basis_points(shop.rates.rental_late_fee)


def damage_fee(rental: Rental, back: Return, *fates: str) -> int:
    """Return the charge for the pieces of a return that had one of these fates."""
    return sum(
        share(line.unit.stock.item.cost, DAMAGE_SHARES[line.fate])
        for line, _ in back.pieces
        if line.fate in fates and rental.returned(line, back.at) == line.quantity
    )


def payment_status(paid: int, total: int) -> PaymentStatus:
    """Return the payment status of a total of which `paid` is paid."""
    return PaymentStatus.PAID if paid >= total else PaymentStatus.PARTIAL if paid else PaymentStatus.PENDING


def basis_points(percent: Decimal) -> int:
    """Return a percentage, or an amount, in hundredths."""
    return int(percent * 100)

"""Sales of goods."""

from datetime import datetime

from ..inventory.models import MovementType
from ..transactions.models import (
    PaymentMethod,
    PaymentStatus,
    TransactionHeader,
    TransactionLine,
    TransactionStatus,
    TransactionType,
)
from .simulator import Shop, Unit, money, share

TAX = 1800  # in hundredths of a percent; each sale has its own rate


def sell(shop: Shop, day: int, at: datetime) -> None:
    """Sell one or two kinds of goods at a moment of a day, as far as they are in stock."""
    location = shop.rng.choice(shop.locations)
    wanted = shop.rng.sample(location.goods, min(len(location.goods), shop.rng.randint(1, 2)))
    lines = [(unit, min(shop.rng.randint(1, 6), unit.quantity - 1)) for unit in wanted if unit.quantity > 1]
    if not lines:
        return
    customer, header = shop.rng.choice(shop.customers), shop.loader.new_id()
    subtotal = sum(quantity * unit.stock.item.price for unit, quantity in lines)
    tax = sum(share(quantity * unit.stock.item.price, TAX) for unit, quantity in lines)
    prefix = f"SALE-{shop.date(day):%Y%m%d}"
    shop.loader.add(
        TransactionHeader,
        at,
        id=header,
        transaction_number=f"{prefix}-{shop.number(prefix):04}",
        transaction_type=TransactionType.SALE,
        status=TransactionStatus.COMPLETED,
        transaction_date=at,
        customer_id=customer.id,
        location_id=location.id,
        subtotal=money(subtotal),
        tax_amount=money(tax),
        total_amount=money(subtotal + tax),
        paid_amount=money(subtotal + tax),
        payment_status=PaymentStatus.PAID,
        payment_method=PaymentMethod.CASH,
    )
    for number, (unit, quantity) in enumerate(lines, 1):
        _store_line(shop, header, number, unit, quantity, at)
    customer.record(at, subtotal + tax, rental=False)


def _store_line(shop: Shop, header: str, number: int, unit: Unit, quantity: int, at: datetime) -> None:
    item = unit.stock.item
    price = quantity * item.price
    tax = share(price, TAX)
    line = shop.loader.add(
        TransactionLine,
        at,
        transaction_header_id=header,
        line_number=number,
        item_id=item.id,
        inventory_unit_id=unit.id,
        sku=item.sku,
        description=item.name,
        category=item.category,
        quantity=quantity,
        unit_of_measure="PCS",
        unit_price=money(item.price),
        total_price=money(price),
        tax_rate=money(TAX),
        tax_amount=money(tax),
        line_total=money(price + tax),
        location_id=unit.stock.location.id,
        status="COMPLETED",
        fulfillment_status="FULFILLED",
    )
    shop.move(unit.stock, MovementType.SALE, quantity, ("available", None), at, (header, line))
    unit.quantity -= quantity

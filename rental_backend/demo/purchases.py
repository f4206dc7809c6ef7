"""Purchases: the origin of every unit, all of them before the first rental."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import cycle, groupby

from ..inventory.models import InventoryUnit, MovementType, RentalBlock, StockLevel
from ..parties.models import Supplier, SupplierType
from ..transactions.models import (
    PaymentMethod,
    PaymentStatus,
    TransactionHeader,
    TransactionLine,
    TransactionStatus,
    TransactionType,
)
from .sample_data import SUPPLIERS
from .simulator import Item, Shop, Stock, Unit, money, share

TAX = 1800  # in hundredths of a percent, as on the supplier's invoice
LINES = 5
BLOCKED = 60  # one unit of so many is blocked from rental


def purchase_stock(shop: Shop, items: list[Item]) -> None:
    """Buy the number of units that the size asks for, and put each where it is rented or sold."""
    suppliers = [_supplier(shop, number, name) for number, name in enumerate(SUPPLIERS, 1)]
    spent = dict.fromkeys(suppliers, 0)
    orders = dict.fromkeys(suppliers, 0)
    wanted = [
        lines[start : start + LINES]
        for _, shares in groupby(_shares(shop, items), key=lambda share: share[0].location.id)
        for lines in [list(shares)]
        for start in range(0, len(lines), LINES)
    ]
    moments = sorted(shop.at(-shop.size.days - shop.rng.randint(1, 30), 10, 6) for _ in wanted)
    for supplier, lines, at in zip(cycle(suppliers), wanted, moments, strict=False):
        spent[supplier] += _purchase(shop, supplier, lines, at)
        orders[supplier] += 1
    totals = [(supplier, orders[supplier], money(spent[supplier])) for supplier in suppliers]
    shop.loader.flush()
    shop.loader.update(Supplier, ("id", "total_orders", "total_spend"), totals)


def _supplier(shop: Shop, number: int, name: str) -> str:
    return shop.loader.add(
        Supplier,
        shop.at(-shop.size.days - 60, 9),
        supplier_code=f"SUP-{number:03}",
        company_name=name,
        supplier_type=SupplierType.DISTRIBUTOR,
        contact_person="Sales desk",
        email=f"supplier{number}@example.com",
        phone=f"+91 00000 900{number:02}",
        city="Mumbai",
        country="India",
        quality_rating="4.00",
        delivery_rating="4.20",
        average_delivery_days=number + 2,
    )


def _shares(shop: Shop, items: list[Item]) -> Iterator[tuple[Stock, int]]:
    """Yield the stocks, by location, and how many pieces each gets; a batch counts as one unit."""
    batches = [item for item in items if not item.serialized]
    pieces = [item for item in items if item.serialized]
    left = shop.size.units - len(batches) * len(shop.locations)
    wanted: dict[tuple[int, str], int] = {}
    for number in range(left):
        item = pieces[number % len(pieces)]
        place = (number + number // len(pieces)) % len(shop.locations)
        wanted[place, item.id] = wanted.get((place, item.id), 0) + 1
    for place, location in enumerate(shop.locations):
        for item in items:
            many = wanted.get((place, item.id), 0) if item.serialized else shop.rng.randint(8, 24) * 10
            if many:
                stock = Stock(shop.loader.new_id(), item, location)
                shop.loader.add(
                    StockLevel, shop.at(-shop.size.days - 31, 9), id=stock.id, item_id=item.id, location_id=location.id
                )
                shop.stocks.append(stock)
                yield stock, many


def _purchase(shop: Shop, supplier: str, wanted: list[tuple[Stock, int]], at: datetime) -> int:
    """Buy one line for each stock and return the total price."""
    header = shop.loader.new_id()
    subtotal = sum(many * stock.item.cost for stock, many in wanted)
    tax = sum(share(many * stock.item.cost, TAX) for stock, many in wanted)
    shop.loader.add(
        TransactionHeader,
        at,
        id=header,
        transaction_number=f"PUR-{at:%Y%m%d}-{shop.rng.getrandbits(32):08X}",
        transaction_type=TransactionType.PURCHASE,
        status=TransactionStatus.COMPLETED,
        transaction_date=at,
        supplier_id=supplier,
        location_id=wanted[0][0].location.id,
        subtotal=money(subtotal),
        tax_amount=money(tax),
        total_amount=money(subtotal + tax),
        paid_amount=money(subtotal + tax),
        payment_status=PaymentStatus.PAID,
        payment_method=PaymentMethod.BANK_TRANSFER,
    )
    for number, (stock, many) in enumerate(wanted, 1):
        line = _store_line(shop, header, number, stock.item, many, stock.location.id, at)
        shop.move(stock, MovementType.PURCHASE, many, (None, "available"), at, (header, line))
        _receive(shop, stock, many, at)
    return subtotal + tax


def _store_line(shop: Shop, header: str, number: int, item: Item, many: int, location: str, at: datetime) -> str:
    tax = share(many * item.cost, TAX)
    return shop.loader.add(
        TransactionLine,
        at,
        transaction_header_id=header,
        line_number=number,
        item_id=item.id,
        sku=item.sku,
        description=item.name,
        category=item.category,
        quantity=many,
        unit_of_measure="PCS",
        unit_price=money(item.cost),
        total_price=money(many * item.cost),
        tax_rate=money(TAX),
        tax_amount=money(tax),
        line_total=money(many * item.cost + tax),
        location_id=location,
        status="COMPLETED",
        fulfillment_status="FULFILLED",
    )


def _receive(shop: Shop, stock: Stock, many: int, at: datetime) -> None:
    """Add the units of a line: one for each piece, or one for the batch."""
    item = stock.item
    for quantity in [1] * many if item.serialized else [many]:
        unit = Unit(shop.loader.new_id(), f"{item.sku}-{shop.number(item.sku):04}", stock, quantity=quantity)
        shop.units.append(unit)
        blocked = item.serialized and len(shop.units) % BLOCKED == 0
        cost = quantity * item.cost + share(quantity * item.cost, TAX)
        shop.loader.add(
            InventoryUnit,
            at,
            id=unit.id,
            item_id=item.id,
            location_id=stock.location.id,
            sku=unit.sku,
            serial_number=f"SN{shop.number('SN'):08}" if item.serialized else None,
            batch_code=None if item.serialized else f"BATCH-{at:%Y%m%d}-{unit.id[:8].upper()}",
            quantity=quantity,
            purchase_date=at,
            purchase_price=money(cost),
            rental_rate_per_period=money(item.rate) if item.rentable else None,
            sale_price=None if item.rentable else money(item.price),
            security_deposit=money(item.deposit),
            warranty_expiry=at + timedelta(365) if item.serialized else None,
            warranty_period_days=365 if item.serialized else 0,
            **(_block(shop, unit) if blocked else {}),
        )
        if not blocked:
            _offer(unit)


def _offer(unit: Unit) -> None:
    item, place = unit.stock.item, unit.stock.location
    (place.free if item.serialized else place.batches if item.rentable else place.goods).append(unit)


def _block(shop: Shop, unit: Unit) -> dict[str, object]:
    """Block a unit from rental, and return the columns of its row about that."""
    at = shop.at(-shop.size.days, 8)
    reason = "Kept for the showroom of the store"
    shop.loader.add(
        RentalBlock,
        at,
        id=shop.loader.new_id(),
        entity_type="INVENTORY_UNIT",
        entity_id=unit.id,
        is_blocked=True,
        block_reason=reason,
        blocked_by=shop.clerk,
        blocked_at=at,
    )
    return {
        "is_rental_blocked": True,
        "rental_block_reason": reason,
        "rental_blocked_at": at,
        "rental_blocked_by": shop.clerk,
    }

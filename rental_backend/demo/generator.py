"""The generator of the demo shop: it adds locations, items and stock, and then simulates day by day."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..accounts.models import User
from ..bookings.models import BookingHeader
from ..catalog.models import Category, Item, Location
from ..errors import Conflict
from ..inventory.models import InventoryUnit, StockLevel
from ..models import Identified
from ..parties.models import Customer, Supplier
from ..settings.business.service import rates
from ..transactions.models import TransactionHeader
from . import bookings, rentals, sales
from .catalogue import add_customers, add_items, open_locations
from .loading import Loader
from .purchases import purchase_stock
from .simulator import BUCKETS, INSTANT, Shop, Size, money

SMALL = Size(customers=30, items=60, units=200, rentals=600, days=90)
SEED = 63  # with this seed there is a rental of every status, and a repair of every status
BATCH = 2000  # rentals stored at a time
BUSINESS: tuple[type[Identified], ...] = (
    *(Customer, Supplier, Location, Category, Item, InventoryUnit, TransactionHeader, BookingHeader),
)


def large(rentals: int) -> Size:
    """Return the size of a shop with so many rentals in two years: busy, but never out of stock."""
    return Size(max(30, rentals // 80), max(60, rentals // 500), max(300, rentals // 42), rentals, 730)


def fill(session: Session, size: Size, today: date, say: Callable[[int], None] = lambda _: None) -> Counter[str]:
    """Fill an empty database with a shop and return the number of rows of each table.

    The same size and day generate the same shop. `say` is called with the number of rentals so far, after each batch.
    Raises `Conflict` if there is business data already, or no administrator to act as.
    """
    clerk = _clerk(session)
    rng = random.Random(SEED)  # noqa: S311 - made up, not secret
    with Loader(session, rng) as loader:
        shop = Shop(loader, rng, size, rates(session), today, clerk)
        open_locations(shop)
        items = add_items(shop)
        add_customers(shop)
        purchase_stock(shop, items)
        _run_days(shop, say)
        bookings.book_ahead(shop, max(20, size.rentals // 100))
        loader.flush()
        _store_totals(shop)
    return loader.counts


def _clerk(session: Session) -> str:
    for model in BUSINESS:
        if session.execute(select(model.id).limit(1)).first():
            raise Conflict("The database holds business data already; the demo needs one without.")
    clerk = session.scalars(select(User.id).where(User.is_superuser).order_by(User.created_at).limit(1)).first()
    if clerk is None:
        raise Conflict("There is no administrator yet; `flask create-admin` makes one.")
    return str(clerk)


def _run_days(shop: Shop, say: Callable[[int], None]) -> None:
    """Simulate every day up to yesterday: first what is due, then sales and rentals in the afternoon."""
    made = stored = 0
    for day in range(-shop.size.days, 0):
        shop.run_day(day)
        wanted = shop.size.rentals * (shop.size.days + day + 1) // shop.size.days - made
        tries = wanted + wanted // 4 + 3
        for moment in sorted(shop.at(day, 13, 6) for _ in range(tries)):
            if wanted and rentals.rent(shop, day, moment):
                made, wanted = made + 1, wanted - 1
            if shop.rng.random() < 0.04:
                sales.sell(shop, day, moment + INSTANT)
        if made - stored >= BATCH:
            shop.loader.flush()
            stored = made
            say(made)


def _store_totals(shop: Shop) -> None:
    """Store the present values of stock, units and customers."""
    columns = tuple(f"quantity_{bucket}" for bucket in BUCKETS)
    stocks = ((stock.id, sum(stock.counts.values()), *stock.counts.values()) for stock in shop.stocks)
    shop.loader.update(StockLevel, ("id", "quantity_on_hand", *columns), stocks)
    units = ((unit.id, unit.status, unit.condition, unit.quantity) for unit in shop.units)
    shop.loader.update(InventoryUnit, ("id", "status", "condition", "quantity"), units)
    totals = ("total_rentals", "total_spent", "lifetime_value", "last_transaction_date", "last_rental_date")
    customers = (
        (it.id, it.rentals, money(it.spent), money(it.spent), it.last, it.last_rental) for it in shop.customers
    )
    shop.loader.update(Customer, ("id", *totals), customers)

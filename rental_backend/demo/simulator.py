"""The demo shop as it is at one moment of its past: what it has, where it is, and what will happen next."""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from ..inventory.models import MovementType, StockMovement, UnitCondition, UnitStatus
from ..settings.business.service import Rates
from .loading import Loader

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a shop, and for how many days it has rented."""

    customers: int
    items: int
    units: int
    rentals: int
    days: int


@dataclass(slots=True)
class Customer:
    """A customer, and what he has done so far; amounts are in hundredths."""

    id: str
    rentals: int = 0
    spent: int = 0
    last: datetime | None = None
    last_rental: datetime | None = None

    def record(self, at: datetime, paid: int, *, rental: bool = True) -> None:
        """Remember a transaction and what was paid for it."""
        self.last = at
        self.spent += paid
        if rental:
            self.rentals += 1
            self.last_rental = at


@dataclass(frozen=True, slots=True)
class Item:
    """An item; amounts are in hundredths. Without serial numbers it is counted in a batch."""

    id: str
    sku: str
    name: str
    category: str
    rate: int
    price: int
    cost: int
    deposit: int
    serialized: bool
    rentable: bool


BUCKETS = ("available", "on_rent", "damaged", "under_repair", "beyond_repair")


@dataclass(slots=True)
class Stock:
    """The stock of an item at a location. `booked` is promised to bookings ahead."""

    id: str
    item: Item
    location: "Location"
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BUCKETS, 0))
    booked: int = 0


@dataclass(slots=True)
class Unit:
    """A piece with a serial number, or a batch."""

    id: str
    sku: str
    stock: Stock
    status: UnitStatus = UnitStatus.AVAILABLE
    condition: UnitCondition = UnitCondition.NEW
    quantity: int = 1


@dataclass(slots=True)
class Location:
    """A location with the pieces that are free today, and its batches for renting and for selling."""

    id: str
    code: str
    free: list[Unit] = field(default_factory=list)
    batches: list[Unit] = field(default_factory=list)
    goods: list[Unit] = field(default_factory=list)


Event = Callable[[datetime], None]


class Shop:
    """Everything that the parts of the demo share. Days are counted from today, so those of the past are negative."""

    def __init__(self, loader: Loader, rng: random.Random, size: Size, rates: Rates, today: date, clerk: str) -> None:
        self.loader, self.rng, self.size, self.rates = loader, rng, size, rates
        self.clerk = clerk
        self.locations: list[Location] = []
        self.customers: list[Customer] = []
        self.stocks: list[Stock] = []
        self.units: list[Unit] = []
        self.now = datetime.combine(today, time(), UTC)
        self._due: defaultdict[int, list[tuple[datetime, int, Event]]] = defaultdict(list)
        self._planned = 0
        self._numbers: defaultdict[str, int] = defaultdict(int)
        self._clock = datetime.min.replace(tzinfo=UTC)

    def date(self, day: int) -> date:
        """Return the date of a day."""
        return (self.now + timedelta(day)).date()

    def at(self, day: int, hour: float, hours: float = 0) -> datetime:
        """Return a moment of a day, at random within some hours from that one on."""
        return self.now + timedelta(day, (hour + hours * self.rng.random()) * 3600)

    def number(self, prefix: str) -> int:
        """Return the next number of documents that begin so."""
        self._numbers[prefix] += 1
        return self._numbers[prefix]

    def schedule(self, day: int, at: datetime, event: Event) -> None:
        """Have something happen on a day; nothing happens today any more, nor later."""
        if day < 0:
            self._planned += 1
            self._due[day].append((at, self._planned, event))

    def run_day(self, day: int) -> None:
        """Have happen what was planned for a day, in its order."""
        for at, _, event in sorted(self._due.pop(day, ()), key=lambda planned: planned[:2]):
            event(at)

    def move(
        self,
        stock: Stock,
        kind: MovementType,
        quantity: int,
        from_to: tuple[str | None, str | None],
        at: datetime,
        document: tuple[str, str] | tuple[None, None] = (None, None),
    ) -> None:
        """Move stock of a level from one bucket to another, or in from or out to nowhere, for a (header, line).

        A movement tells how what is available changes, so that all of a level add up to what is available now.
        """
        before = stock.counts["available"]
        source, target = from_to
        if source:
            stock.counts[source] -= quantity
        if target:
            stock.counts[target] += quantity
        self._clock = max(at, self._clock + INSTANT)  # no two at once: their order is the history of a level
        self.loader.add(
            StockMovement,
            self._clock,
            stock_level_id=stock.id,
            item_id=stock.item.id,
            location_id=stock.location.id,
            transaction_header_id=document[0],
            transaction_line_id=document[1],
            movement_type=kind,
            quantity_change=stock.counts["available"] - before,
            quantity_before=before,
            quantity_after=stock.counts["available"],
        )


def money(hundredths: int) -> str:
    """Return an amount as the database takes it."""
    return f"{hundredths // 100}.{hundredths % 100:02}"


def share(hundredths: int, basis_points: int) -> int:
    """Return so many hundredths of a percent of an amount, rounded half up."""
    return (hundredths * basis_points + 5000) // 10000

"""The simulated state of the demo shop on a day in the past: its stock, where it is, and what is scheduled."""

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
    """The size of a shop, and the number of days it has been open."""

    customers: int
    items: int
    units: int
    rentals: int
    days: int


@dataclass(slots=True)
class Customer:
    """A customer, and their transactions so far; amounts are in hundredths."""

    id: str
    rentals: int = 0
    spent: int = 0
    last: datetime | None = None
    last_rental: datetime | None = None

    def record(self, at: datetime, paid: int, *, rental: bool = True) -> None:
        """Record a transaction and the amount paid."""
        self.last = at
        self.spent += paid
        if rental:
            self.rentals += 1
            self.last_rental = at


@dataclass(frozen=True, slots=True)
class Item:
    """An item; amounts are in hundredths. Without serial numbers its pieces are one batch."""

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
    """The stock of an item at a location. `booked` is reserved for future bookings."""

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
    """A location with its free units, and its batches for rental and for sale."""

    id: str
    code: str
    free: list[Unit] = field(default_factory=list)
    batches: list[Unit] = field(default_factory=list)
    goods: list[Unit] = field(default_factory=list)


Event = Callable[[datetime], None]


class Shop:
    """The state that all parts of the demo share. Days are counted from today, so past days are negative."""

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
        """Return a random moment of a day, within `hours` hours from `hour` on."""
        return self.now + timedelta(day, (hour + hours * self.rng.random()) * 3600)

    def number(self, prefix: str) -> int:
        """Return the next document number with this prefix."""
        self._numbers[prefix] += 1
        return self._numbers[prefix]

    def schedule(self, day: int, at: datetime, event: Event) -> None:
        """Schedule an event for a day; events of today and later are dropped."""
        if day < 0:
            self._planned += 1
            self._due[day].append((at, self._planned, event))

    def run_day(self, day: int) -> None:
        """Run the events scheduled for a day, in order."""
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
        """Move pieces from one bucket to another; None stands for outside the shop. `document` is (header, line).

        A movement records the change of the available quantity, so the movements of a stock add up to it.
        """
        before = stock.counts["available"]
        source, target = from_to
        if source:
            stock.counts[source] -= quantity
        if target:
            stock.counts[target] += quantity
        self._clock = max(at, self._clock + INSTANT)  # no two at the same time: their order is the history of a stock
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
    """Return an amount in hundredths as a decimal text."""
    return f"{hundredths // 100}.{hundredths % 100:02}"


def share(hundredths: int, basis_points: int) -> int:
    """Return `basis_points` hundredths of a percent of an amount, rounded half up."""
    return (hundredths * basis_points + 5000) // 10000

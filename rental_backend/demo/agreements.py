"""A rental as agreed and with everything that will happen to it.

The future is decided at the beginning, so that the row of a rental is written once, in its final state.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ..transactions.models import RentalStatus
from .simulator import Customer, Location, Unit

LATE = {RentalStatus.RENTAL_LATE, RentalStatus.RENTAL_LATE_PARTIAL_RETURN}
PARTIAL = {RentalStatus.RENTAL_PARTIAL_RETURN, RentalStatus.RENTAL_LATE_PARTIAL_RETURN}


@dataclass(slots=True)
class Line:
    """Pieces of one item for some days; amounts are in hundredths. At most one piece of a line gets damaged or lost."""

    id: str
    number: int
    unit: Unit
    quantity: int
    days: int
    discount: int
    fate: str = "good"  # or damaged, beyond_repair, lost

    @property
    def total(self) -> int:
        """The price of the line."""
        return self.quantity * self.unit.stock.item.rate * self.days - self.discount


@dataclass(frozen=True, slots=True)
class Return:
    """A return: how many pieces of each line come back, on a day at a moment."""

    day: int
    at: datetime
    pieces: tuple[tuple[Line, int], ...]


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension: at a moment, the end is moved to a later day."""

    at: datetime
    until: int


@dataclass(slots=True)
class Rental:
    """A rental from one day to another, with everything that will happen to it."""

    id: str
    lifecycle_id: str
    number: str
    customer: Customer
    location: Location
    at: datetime
    start: int
    agreed_end: int
    lines: list[Line] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    extension: Extension | None = None

    @property
    def deposit(self) -> int:
        """The deposit for all pieces."""
        return sum(line.quantity * line.unit.stock.item.deposit for line in self.lines)

    def end(self, at: datetime) -> int:
        """Return the day of the end as known at a moment."""
        return self.extension.until if self.extension and self.extension.at <= at else self.agreed_end

    def returned(self, line: Line, at: datetime) -> int:
        """Return how many pieces of a line have come back by a moment."""
        past = (event for event in self.returns if event.at <= at)
        return sum(quantity for event in past for returned, quantity in event.pieces if returned is line)

    def line_end(self, line: Line, at: datetime) -> int:
        """Return the day a line ends: pieces returned before an extension are not extended."""
        extended = self.extension and self.returned(line, self.extension.at) < line.quantity
        return self.end(at) if extended else self.agreed_end

    def line_status(self, line: Line, day: int, at: datetime) -> RentalStatus:
        """Return the status of a line at a moment of a day."""
        back = self.returned(line, at)
        if back == line.quantity:
            return RentalStatus.RENTAL_COMPLETED
        late = self.end(at) < day
        if back:
            return RentalStatus.RENTAL_LATE_PARTIAL_RETURN if late else RentalStatus.RENTAL_PARTIAL_RETURN
        if late:
            return RentalStatus.RENTAL_LATE
        extended = self.extension is not None and self.extension.at <= at
        return RentalStatus.RENTAL_EXTENDED if extended else RentalStatus.RENTAL_INPROGRESS

    def status(self, day: int, at: datetime) -> RentalStatus:
        """Return the status of the rental, which follows from the statuses of its lines."""
        return aggregate(self.line_status(line, day, at) for line in self.lines)


def aggregate(statuses: Iterable[RentalStatus]) -> RentalStatus:
    """Return the status of a rental whose lines have these statuses."""
    distinct = set(statuses)
    if distinct & LATE:
        return RentalStatus.RENTAL_LATE_PARTIAL_RETURN if distinct & PARTIAL else RentalStatus.RENTAL_LATE
    if distinct & PARTIAL:
        return RentalStatus.RENTAL_PARTIAL_RETURN
    if distinct == {RentalStatus.RENTAL_COMPLETED}:
        return RentalStatus.RENTAL_COMPLETED
    if RentalStatus.RENTAL_EXTENDED in distinct:
        return RentalStatus.RENTAL_EXTENDED
    return RentalStatus.RENTAL_INPROGRESS

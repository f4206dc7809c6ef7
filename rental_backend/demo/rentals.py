"""Rentals: generated at random, stored in their final state, with their returns scheduled."""

from datetime import datetime
from functools import partial

from ..inventory.models import MovementType, UnitStatus
from . import bookings, returns, row_writer
from .agreements import Extension, Line, Rental, Return
from .simulator import Location, Shop, Unit, share

LENGTHS, WEIGHTS = (1, 2, 3, 4, 5, 7, 10, 14), (12, 22, 22, 14, 10, 12, 5, 3)
FATES = ("good", "damaged", "beyond_repair", "lost")


def rent(shop: Shop, day: int, at: datetime) -> bool:
    """Rent something out at a moment of a day; return False if nothing was free at the chosen location."""
    location = shop.rng.choice(shop.locations)
    picked = _pick(shop, location)
    if not picked:
        return False
    rental = _make_rental(shop, day, at, location, picked)
    row_writer.store(shop, rental)
    if shop.rng.random() < 0.04:
        bookings.store_origin(shop, rental)
    for line in rental.lines:
        from_to = ("available", "on_rent")
        shop.move(line.unit.stock, MovementType.RENTAL_OUT, line.quantity, from_to, at, (rental.id, line.id))
        if line.unit.stock.item.serialized:
            line.unit.status = UnitStatus.RENTED
    for back in rental.returns:
        shop.schedule(back.day, back.at, partial(returns.process_return, shop, rental, back))
    return True


def _pick(shop: Shop, location: Location) -> list[tuple[Unit, int]]:
    """Pick one, two or three free units or batches; others cannot have the units until they are returned."""
    rng = shop.rng
    picked: dict[str, tuple[Unit, int]] = {}
    for _ in range(rng.choices((1, 2, 3), (60, 28, 12))[0]):
        if rng.random() < 0.85 and location.free:
            place = rng.randrange(len(location.free))
            location.free[place], location.free[-1] = location.free[-1], location.free[place]
            unit = location.free.pop()
            picked[unit.id] = (unit, 1)
        elif location.batches:
            unit = rng.choice(location.batches)
            most = min(12, unit.stock.counts["available"])
            if most and unit.id not in picked:
                picked[unit.id] = (unit, rng.randint(1, most))
    return list(picked.values())


def _make_rental(shop: Shop, day: int, at: datetime, location: Location, picked: list[tuple[Unit, int]]) -> Rental:
    """Generate a rental and everything that will happen to it."""
    rng = shop.rng
    length = rng.choices(LENGTHS, WEIGHTS)[0]
    prefix = f"RENT-{shop.date(day):%Y%m%d}"
    rental = Rental(
        shop.loader.new_id(),
        shop.loader.new_id(),
        f"{prefix}-{shop.number(prefix):04}",
        rng.choice(shop.customers),
        location,
        at,
        day,
        day + length,
    )
    for number, (unit, quantity) in enumerate(picked, 1):
        price = quantity * unit.stock.item.rate * length
        discount = share(price, 1000) if length >= 7 else 0
        weights = (970, 25, 5, 0) if unit.stock.item.serialized else (985, 0, 0, 15)
        fate = rng.choices(FATES, weights)[0]
        rental.lines.append(Line(shop.loader.new_id(), number, unit, quantity, length, discount, fate))
    if length > 1 and rng.random() < 0.1 and rental.agreed_end <= 0:  # no extension in the future
        rental.extension = Extension(shop.at(rental.agreed_end - 1, 8, 1), rental.agreed_end + rng.randint(1, 4))
    rental.returns = _plan_returns(shop, rental)
    return rental


def _plan_returns(shop: Shop, rental: Rental) -> list[Return]:
    """Return the returns of a rental: most in time, some late; sometimes a part comes back early."""
    rng = shop.rng
    end = rental.extension.until if rental.extension else rental.agreed_end
    last = end + rng.choices((0, rng.randint(1, 5), rng.randint(6, 25)), (80, 15, 5))[0]
    parts = [(line, line.quantity) for line in rental.lines]
    early: list[tuple[Line, int]] = []
    if rental.agreed_end - rental.start > 2 and rng.random() < 0.35:
        if rental.lines[-1].quantity > 1:
            early = [(rental.lines[-1], rental.lines[-1].quantity // 2)]
        elif len(parts) > 1:
            early = [parts[0]]
    gone = {line.id: many for line, many in early}
    rest = tuple((line, many - gone.get(line.id, 0)) for line, many in parts if many > gone.get(line.id, 0))
    planned = [Return(last, shop.at(last, 9, 4), rest)]
    if early:
        day = rng.randint(rental.start + 1, rental.agreed_end - 2)
        planned.insert(0, Return(day, shop.at(day, 9, 4), tuple(early)))
    return planned

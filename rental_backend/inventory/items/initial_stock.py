"""The first stock of an item: what is there when it is entered, before anything was purchased.

It lies at the default location: the one active location that is no service centre. Where there is none or there are
several, nobody can say where it lies, so the quantity is only noted on the item, and becomes stock with a purchase.
"""

import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from ... import crud as records
from ...catalog.items import service as items
from ...catalog.models import Item, Location, LocationType
from ...errors import Conflict, Invalid
from ..models import InventoryUnit, MovementType, StockLevel, StockMovement


def create(session: Session, actor: str, fields: items.ItemValues) -> Item:
    """Create an item and its first stock. Raises `Invalid` if that would need serial numbers."""
    item = items.create(session, actor, fields)
    _open(session, item, actor)
    return item


def create_named(session: Session, actor: str, fields: items.NamedValues) -> Item:
    """Create an item of a table, and its first stock. Raises `Invalid` for a name that is nobody's, or as `create`."""
    return create(session, actor, items.with_ids(session, fields))


def change(session: Session, item: Item, actor: str, fields: items.ItemValues) -> Item:
    """Change an item; its first stock can still be said as long as it has no stock, and `Conflict` is raised later."""
    before = item.initial_stock_quantity or 0
    records.change(item, actor, fields)
    if (item.initial_stock_quantity or 0) != before:
        session.flush()
        if session.scalar(select(exists().where(StockLevel.item_id == item.id))):
            raise Conflict(
                "The initial_stock_quantity is on record and the item has stock. Adjust the stock instead.",
                code="stock_exists",
                errors={"initial_stock_quantity": ["Adjust the stock instead."]},
            )
        _open(session, item, actor)
    return item


# D55: where the first stock lies.
def default_location(session: Session) -> Location | None:
    """Return the location where stock lies unless somebody says otherwise, or None if that is not certain."""
    keeps = select(Location).where(Location.is_active, Location.location_type != LocationType.SERVICE_CENTER)
    found = session.scalars(keeps.limit(2)).all()
    return found[0] if len(found) == 1 else None


def _open(session: Session, item: Item, actor: str) -> None:
    quantity = Decimal(item.initial_stock_quantity or 0)
    if not quantity:
        return
    if item.serial_number_required:
        message = "Each piece needs its serial number: leave this out and record a purchase."
        raise Invalid({"initial_stock_quantity": [message]})
    location = default_location(session)
    if location is not None:
        _put(session, item, location, quantity, actor)


def _put(session: Session, item: Item, location: Location, quantity: Decimal, actor: str) -> None:
    """Put the first stock of an item at a location: a level, the movement that made it, one batch (BR-C1, BR-C2)."""
    place = {"item_id": item.id, "location_id": location.id, "created_by": actor, "updated_by": actor}
    level = StockLevel(**place, quantity_on_hand=quantity, quantity_available=quantity)
    session.add(level)
    session.flush()
    moved = StockMovement(
        **place,
        stock_level_id=level.id,
        movement_type=MovementType.ADJUSTMENT_POSITIVE,
        quantity_change=quantity,
        quantity_before=Decimal(0),
        quantity_after=quantity,
    )
    session.add_all((moved, InventoryUnit(**place, **_batch(item), quantity=quantity)))
    session.flush()


def _batch(item: Item) -> dict[str, Any]:
    """Return what the first batch of an item takes from it (BR-A10, BR-A11)."""
    inherited = (
        *("sale_price", "security_deposit", "rental_rate_per_period", "rental_period"),
        *("model_number", "warranty_period_days"),
    )
    return {
        **{name: getattr(item, name) for name in inherited},
        "purchase_price": item.purchase_price or Decimal(0),
        "sku": f"{item.sku}-0001",
        "batch_code": f"BATCH-{datetime.now(UTC):%Y%m%d}-{item.sku[:4]}-{secrets.token_hex(4).upper()}",
    }

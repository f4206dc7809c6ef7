"""The first stock of an item (BR-B3, BR-C1, BR-C2)."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.catalog.models import Item, LocationType
from rental_backend.inventory.models import InventoryUnit, MovementType, StockLevel, StockMovement, UnitStatus
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal

ITEMS = "/api/master-data/item-master/"


def _opened(session: Session) -> tuple[list[Any], list[Any], list[Any]]:
    session.expire_all()
    return (
        list(session.scalars(select(StockLevel))),
        list(session.scalars(select(StockMovement))),
        list(session.scalars(select(InventoryUnit))),
    )


def test_first_stock_lies_at_the_one_location(signed_in: Caller, session: Session, form: dict[str, Any]) -> None:
    """Level, movement and batch are made with the item; a service centre and a closed store keep nothing."""
    store = factories.location(session)
    factories.location(session, location_type=LocationType.SERVICE_CENTER)
    factories.location(session, is_active=False)

    sent = {**form, "initial_stock_quantity": 4, "purchase_price": 80, "rental_rate_per_period": 5}
    made = signed_in(username="clerk").post(ITEMS, json=sent).get_json()

    (level,), (movement,), (batch,) = _opened(session)
    assert (made["initial_stock_quantity"], made["total_units"], made["available_units"]) == (4, 4, 4)
    assert (level.location_id, level.quantity_on_hand, level.quantity_available) == (store.id, 4, 4)
    assert (movement.stock_level_id, movement.movement_type) == (level.id, MovementType.ADJUSTMENT_POSITIVE)
    assert (movement.quantity_before, movement.quantity_change, movement.quantity_after) == (0, 4, 4)
    assert (batch.item_id, batch.location_id, batch.quantity) == (level.item_id, store.id, 4)
    assert (batch.status, batch.purchase_price, batch.rental_rate_per_period) == (UnitStatus.AVAILABLE, 80, 5)
    assert (batch.sku, batch.serial_number) == (f"{made['sku']}-0001", None)
    assert batch.batch_code.startswith("BATCH-")
    assert {each.created_by for each in (level, movement, batch)} == {"clerk"}


@pytest.mark.parametrize("locations", [0, 2])
def test_first_stock_is_only_noted_where_nobody_knows_where_it_lies(
    signed_in: Caller, session: Session, form: dict[str, Any], locations: int
) -> None:
    """Without a location, or with several, the quantity is kept and no stock is made up."""
    for _ in range(locations):
        factories.location(session)

    made = signed_in().post(ITEMS, json={**form, "initial_stock_quantity": 4}).get_json()

    assert (made["initial_stock_quantity"], made["total_units"]) == (4, 0)
    assert _opened(session) == ([], [], [])


def test_pieces_with_serial_numbers_are_no_first_stock(
    signed_in: Caller, session: Session, form: dict[str, Any]
) -> None:
    """Nobody knows their numbers, so the clerk is sent to a purchase, and no item is left behind."""
    factories.location(session)
    sent = {**form, "serial_number_required": True, "initial_stock_quantity": 1}

    said = refusal(signed_in().post(ITEMS, json=sent), 422, fields=("initial_stock_quantity",))

    assert "purchase" in said["detail"]
    assert session.scalars(select(Item)).all() == []
    assert signed_in().post(ITEMS, json={**sent, "initial_stock_quantity": 0}).status_code == 201


def test_first_stock_can_be_said_later_and_once(signed_in: Caller, session: Session, form: dict[str, Any]) -> None:
    """Until an item has stock its first stock can be entered; the same again is no change, another is refused."""
    client = signed_in()
    path = ITEMS + client.post(ITEMS, json={**form, "initial_stock_quantity": 4}).get_json()["id"]
    factories.location(session)

    client.put(path, json={"initial_stock_quantity": 4})
    assert _opened(session) == ([], [], [])
    opened = client.put(path, json={"initial_stock_quantity": 6}).get_json()
    again = client.put(path, json={"initial_stock_quantity": 6, "item_name": "New"}).get_json()
    said = refusal(client.put(path, json={"initial_stock_quantity": 7}), 409)

    assert (opened["total_units"], again["total_units"], again["item_name"]) == (6, 6, "New")
    assert said["code"] == "stock_exists"
    assert "initial_stock_quantity" in said["detail"]
    assert client.get(path).get_json()["initial_stock_quantity"] == 6

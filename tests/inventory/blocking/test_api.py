"""Keeping items out of renting (BR-H1)."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rental_backend.catalog.models import Item
from rental_backend.inventory.models import RentalBlock, UnitStatus
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal
from tests.statements import statements

BLOCKING = "/api/master-data/items/rental-blocking/"
BLOCK = {"is_rental_blocked": True, "remarks": "Out for calibration"}
FREE = {"is_rental_blocked": False, "remarks": "Back from calibration"}


def _entries(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(RentalBlock)) or 0


def test_an_item_is_blocked_and_let_back(signed_in: Caller, session: Session) -> None:
    """Who, when and why are kept while it is blocked, cleared afterwards, and stay in the history."""
    item = factories.item(session)
    client = signed_in("ITEM_UPDATE", "ITEM_VIEW", username="clerk")
    path = f"{BLOCKING}{item.id}"

    blocked = client.put(f"{path}/status", json=BLOCK).get_json()
    shown = client.get(f"/api/master-data/item-master/{item.id}").get_json()
    listed = client.get(f"{BLOCKING}blocked-items").get_json()
    freed = client.put(f"{path}/status", json=FREE).get_json()
    history = client.get(f"{path}/history").get_json()

    assert (blocked["item_id"], blocked["is_rental_blocked"], blocked["previous_status"]) == (str(item.id), True, False)
    assert (blocked["rental_block_reason"], blocked["message"]) == (
        *(BLOCK["remarks"], "The item is blocked from renting now."),
    )
    assert shown["is_rental_blocked"] is True
    for name in ("rental_block_reason", "rental_blocked_by"):
        assert shown[name] == blocked[name] is not None
    assert datetime.fromisoformat(shown["rental_blocked_at"]) == datetime.fromisoformat(blocked["rental_blocked_at"])
    assert listed["items"] == [
        {
            "item_id": str(item.id),
            "item_name": item.item_name,
            "sku": item.sku,
            "rental_block_reason": BLOCK["remarks"],
            "rental_blocked_at": shown["rental_blocked_at"],
            "rental_blocked_by": blocked["rental_blocked_by"],
            "blocked_by_username": "clerk",
        }
    ]
    assert (listed["total"], listed["skip"], listed["limit"]) == (1, 0, 100)
    assert (freed["is_rental_blocked"], freed["previous_status"]) == (False, True)
    assert freed["rental_block_reason"] is freed["rental_blocked_at"] is freed["rental_blocked_by"] is None
    assert client.get(f"{BLOCKING}blocked-items").get_json()["items"] == []
    assert [(each["is_blocked"], each["previous_status"], each["remarks"]) for each in history["entries"]] == [
        (False, True, FREE["remarks"]),
        (True, False, BLOCK["remarks"]),
    ]
    first = history["entries"][1]
    assert datetime.fromisoformat(first["changed_at"]) == datetime.fromisoformat(blocked["rental_blocked_at"])
    assert first["changed_by"] == blocked["rental_blocked_by"]
    assert (first["changed_by_username"], first["entity_display_name"]) == ("clerk", item.item_name)
    assert (first["item_id"], first["entity_type"], history["total"]) == (str(item.id), "ITEM", 2)


def test_the_same_again_changes_nothing(signed_in: Caller, session: Session) -> None:
    """Neither the reason nor the moment changes, and nothing is entered."""
    item, client = factories.item(session), signed_in()
    path = f"{BLOCKING}{item.id}/status"

    untouched = client.put(path, json=FREE).get_json()
    first = client.put(path, json=BLOCK).get_json()
    second = client.put(path, json={**BLOCK, "remarks": "Another reason"}).get_json()

    assert (untouched["previous_status"], untouched["message"]) == (False, "The item is free for renting already.")
    for name in ("rental_block_reason", "rental_blocked_at", "rental_blocked_by"):
        assert first[name] == second[name]
    assert _entries(session) == 1


def test_of_many_who_block_at_once_one_is_entered(signed_in: Caller, session: Session) -> None:
    """They take turns, and all but the first find it done."""
    item = factories.item(session)
    clients = [signed_in() for _ in range(6)]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda client: client.put(f"{BLOCKING}{item.id}/status", json=BLOCK), clients))

    assert sorted(answer.get_json()["previous_status"] for answer in answers) == [False, *[True] * 5]
    assert _entries(session) == 1


@pytest.mark.parametrize("remarks", ["", "too short", " " * 20, "123456789 ", "x" * 1001, None, 5])
def test_a_reason_has_ten_to_a_thousand_characters(signed_in: Caller, session: Session, remarks: Any) -> None:
    """Blanks at its ends are none of them, for one item and for many."""
    item, client = factories.item(session), signed_in()
    body = {"is_rental_blocked": True, "remarks": remarks}

    refusal(client.put(f"{BLOCKING}{item.id}/status", json=body), 422, fields=("remarks",))
    refusal(client.put(f"{BLOCKING}bulk-status", json={**body, "item_ids": [str(item.id)]}), 422, fields=("remarks",))

    assert _entries(session) == 0


@pytest.mark.parametrize("remarks", ["x" * 10, "x" * 1000])
def test_a_reason_may_be_as_short_and_as_long(signed_in: Caller, session: Session, remarks: str) -> None:
    """Both ends are allowed."""
    body = {"is_rental_blocked": True, "remarks": remarks}

    answer = signed_in().put(f"{BLOCKING}{factories.item(session).id}/status", json=body)

    assert answer.get_json()["rental_block_reason"] == remarks


def test_many_are_blocked_and_each_is_told_of(signed_in: Caller, session: Session) -> None:
    """One that is not there stops no other; one named twice counts once; one that is blocked already succeeds."""
    items = [factories.item(session) for _ in range(3)]
    items[1].is_rental_blocked = True
    session.commit()
    missing = str(uuid.uuid4())
    ids = [str(items[2].id), missing, str(items[0].id), str(items[1].id), str(items[0].id)]

    told = signed_in("ITEM_UPDATE").put(f"{BLOCKING}bulk-status", json={**BLOCK, "item_ids": ids}).get_json()

    changes = {each["item_id"]: each["previous_status"] for each in told["successful_changes"]}
    assert changes == {ids[2]: False, ids[0]: False, ids[3]: True}
    assert told["failed_changes"] == [{"item_id": missing, "error": "There is no such item."}]
    assert (told["total_requested"], told["total_successful"], told["total_failed"]) == (4, 3, 1)
    assert _entries(session) == 2
    session.expire_all()
    assert all(session.scalars(select(Item.is_rental_blocked)))


@pytest.mark.parametrize(("count", "status"), [(0, 422), (1, 200), (100, 200), (101, 422)])
def test_a_hundred_at_once(signed_in: Caller, count: int, status: int) -> None:
    """Not more, and not none."""
    ids = [str(uuid.uuid4()) for _ in range(count)]

    assert signed_in().put(f"{BLOCKING}bulk-status", json={**BLOCK, "item_ids": ids}).status_code == status


def test_an_id_that_is_none_is_named_by_its_position(signed_in: Caller) -> None:
    """A list is at fault where it is."""
    ids = [str(uuid.uuid4()), "nonsense"]

    said = refusal(signed_in().put(f"{BLOCKING}bulk-status", json={**BLOCK, "item_ids": ids}), 422)

    assert said["errors"] == {"item_ids": {"1": ["Not a valid UUID."]}}


@pytest.mark.parametrize(
    ("item", "levels", "unit", "free", "message"),
    [
        ({}, {"available": 1}, {}, 1, "The item can be rented."),
        ({}, {"available": 1}, {"quantity": 5}, 1, "The item can be rented."),  # four of the batch are out
        ({}, {"available": 0, "on_rent": 1}, {"status": UnitStatus.RENTED}, 0, "No unit is free."),
        ({}, {"available": 1}, {"is_rental_blocked": True}, 0, "No unit is free."),
        ({"is_rental_blocked": True}, {"available": 1}, {}, 1, "The item is blocked from renting."),
        ({"is_saleable": True}, {"available": 1}, {}, 1, "The item is not for rent."),
        ({"item_status": "DISCONTINUED"}, {"available": 1}, {}, 1, "The item is not traded any more."),
        ({"is_active": False}, {"available": 1}, {}, 1, "The item is not traded any more."),
    ],
)
def test_whether_an_item_can_be_rented(
    signed_in: Caller,
    session: Session,
    item: dict[str, Any],
    levels: dict[str, int],
    unit: dict[str, Any],
    free: int,
    message: str,
) -> None:
    """It is for rent, traded and not blocked, and a unit is available and not blocked; else the reason is told."""
    made, place = factories.item(session, **item), factories.location(session)
    factories.stock(session, made, place, **levels)
    factories.inventory_unit(session, made, place, **unit)

    told = signed_in("ITEM_VIEW").get(f"{BLOCKING}{made.id}/availability").get_json()

    assert (told["availability_message"], told["available_units"]) == (message, free)
    assert told["can_be_rented"] is (message == "The item can be rented.")
    assert (told["total_units"], told["blocked_units"]) == (1, int(unit.get("is_rental_blocked", False)))


@pytest.mark.parametrize(("method", "rest"), [("PUT", "status"), ("GET", "availability")])
def test_an_item_that_is_not_there_is_404(signed_in: Caller, method: str, rest: str) -> None:
    """Nothing can be said about it or done to it."""
    refusal(signed_in().open(f"{BLOCKING}{uuid.uuid4()}/{rest}", method=method, json=BLOCK), 404)


def test_the_predecessors_paths_are_the_same(signed_in: Caller, session: Session) -> None:
    """Its paths, pages and page sizes are read."""
    item, client = factories.item(session), signed_in()
    older = "/api/master-data/item-master/rental-blocking/"

    for body in (BLOCK, FREE, BLOCK):
        assert client.put(f"{older}{item.id}/status", json=body).status_code == 200

    page = client.get(f"{older}{item.id}/history?page=2&page_size=2").get_json()
    assert (len(page["entries"]), page["total"], page["skip"], page["limit"]) == (1, 3, 2, 2)
    assert client.get(f"{older}blocked-items").get_json()["total"] == 1


@pytest.mark.parametrize("rest", ["blocked-items", "{id}/history", "{id}/availability"])
def test_each_list_is_one_statement(app: Flask, signed_in: Caller, session: Session, rest: str) -> None:
    """However many items and users it tells of."""
    client, item = signed_in(), factories.item(session)
    factories.item(session, is_rental_blocked=True)
    client.put(f"{BLOCKING}{item.id}/status", json=BLOCK)

    with statements(app) as sent:
        client.get(BLOCKING + rest.format(id=item.id))

    assert len(sent) == 1

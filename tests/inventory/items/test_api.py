"""What a clerk can do with items, over HTTP."""

import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.catalog.models import Item
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal

ITEMS = "/api/master-data/item-master/"


def test_an_item_is_created_with_everything_sent(signed_in: Caller, session: Session, form: dict[str, Any]) -> None:
    """A new item is stored as sent, numbers are numbers, and names stand beside ids."""
    brand, lamps = factories.brand(session, name="Acme", code="ACME"), factories.category(session, name="Lamps")
    sent = {
        **form,
        "item_status": "DISCONTINUED",
        "brand_id": str(brand.id),
        "category_id": str(lamps.id),
        "rental_rate_per_period": 12.5,
        "rental_period": 7,
        "sale_price": 100,
        "purchase_price": 80.25,
        "initial_stock_quantity": 4,
        "security_deposit": 20,
        "description": "D",
        "specifications": "S",
        "model_number": "M",
        "serial_number_required": False,
        "warranty_period_days": 30,
        "is_rentable": False,
        "is_saleable": True,
    }
    client = signed_in("ITEM_CREATE", "ITEM_VIEW", username="clerk")

    answer = client.post(ITEMS, json=sent)

    made = answer.get_json()
    assert answer.status_code == 201
    assert {name: made[name] for name in sent} == sent
    assert made["sku"] == made["item_code"] == "LMPS-GEN-ARCL-S-001"
    assert made["brand"] == {
        "id": str(brand.id),
        "name": "Acme",
        "brand_name": "Acme",
        "code": "ACME",
        "description": None,
    }
    assert (made["category"]["category_name"], made["category"]["category_path"]) == ("Lamps", "Lamps")
    assert (made["unit_of_measurement"]["code"], made["unit_code"], made["unit_name"]) == ("PCS", "PCS", "Piece")
    assert (made["brand_name"], made["category_name"], made["created_by"]) == ("Acme", "Lamps", "clerk")
    assert client.get(answer.headers["Location"]).get_json() == made
    assert client.get(f"{ITEMS}sku/{made['sku']}").get_json() == made
    assert client.get(f"{ITEMS}code/{made['sku']}").get_json() == made


def test_an_item_needs_little(signed_in: Caller, form: dict[str, Any]) -> None:
    """Without more it is rented by single periods, and has no brand, category, deposit, serial numbers or stock."""
    made = signed_in().post(ITEMS, json=form).get_json()

    assert {name: made[name] for name in ("is_rentable", "is_saleable", "rental_period", "item_status")} == {
        "is_rentable": True,
        "is_saleable": False,
        "rental_period": 1,
        "item_status": "ACTIVE",
    }
    assert made["brand"] is made["category"] is made["brand_id"] is made["initial_stock_quantity"] is None
    assert (made["security_deposit"], made["serial_number_required"], made["total_units"]) == (0, False, 0)
    assert made["stock_status"] == "OUT_OF_STOCK"


@pytest.mark.parametrize("missing", ["item_name", "unit_of_measurement_id", "reorder_point"])
@pytest.mark.parametrize("blank", [{}, "", None], ids=["absent", "blank", "null"])
def test_an_item_needs_name_unit_and_reorder_point(
    signed_in: Caller, form: dict[str, Any], missing: str, blank: Any
) -> None:
    """What is missing, blank or null is named (BR-B3)."""
    rest = {name: value for name, value in form.items() if name != missing}
    sent = rest if blank == {} else {**rest, missing: blank}

    refusal(signed_in().post(ITEMS, json=sent), 422, fields=(missing,))


@pytest.mark.parametrize(
    ("said", "rentable"),
    [
        ({}, True),
        ({"is_rentable": True}, True),
        ({"is_rentable": False}, False),
        ({"is_saleable": True}, False),
        ({"is_saleable": False}, True),
        ({"is_rentable": None, "is_saleable": True}, False),
        ({"item_type": "SALE"}, False),
        ({"item_type": "RENTAL"}, True),
        ({"item_type": "SALE", "is_rentable": True}, True),
    ],
)
def test_either_use_tells_the_other(
    signed_in: Caller, form: dict[str, Any], said: dict[str, Any], rentable: bool
) -> None:
    """An item is rented or sold, so one flag is enough, and a flag says more than the type."""
    made = signed_in().post(ITEMS, json=form | said).get_json()

    assert (made["is_rentable"], made["is_saleable"]) == (rentable, not rentable)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"is_rentable": True, "is_saleable": True}, "is_saleable"),
        ({"is_rentable": False, "is_saleable": False}, "is_saleable"),
        ({"item_type": "BOTH"}, "is_saleable"),
        ({"rental_rate_per_period": 0}, "rental_rate_per_period"),
        ({"rental_rate_per_period": 0.001}, "rental_rate_per_period"),
        ({"rental_rate_per_period": -1}, "rental_rate_per_period"),
        ({"rental_period": 0}, "rental_period"),
        ({"rental_period": 1.5}, "rental_period"),
        ({"sale_price": -0.01}, "sale_price"),
        ({"purchase_price": -1}, "purchase_price"),
        ({"security_deposit": -1}, "security_deposit"),
        ({"reorder_point": -1}, "reorder_point"),
        ({"warranty_period_days": -1}, "warranty_period_days"),
        ({"initial_stock_quantity": -1}, "initial_stock_quantity"),
        ({"initial_stock_quantity": 1e300}, "initial_stock_quantity"),
        ({"item_status": "ASLEEP"}, "item_status"),
        ({"item_name": "x" * 201}, "item_name"),
        ({"brand_id": str(uuid.uuid4())}, "brand_id"),
        ({"category_id": str(uuid.uuid4())}, "category_id"),
        ({"unit_of_measurement_id": str(uuid.uuid4())}, "unit_of_measurement_id"),
        ({"sku": "MINE"}, "sku"),
    ],
)
def test_what_an_item_cannot_be_is_refused_by_name(
    signed_in: Caller, session: Session, form: dict[str, Any], said: dict[str, Any], field: str
) -> None:
    """Neither a new item nor a change may break a rule, and nothing is stored."""
    item, client = factories.item(session), signed_in()

    refusal(client.post(ITEMS, json=form | said), 422, fields=(field,))
    refusal(client.put(f"{ITEMS}{item.id}", json=said), 422, fields=(field,))

    assert session.scalars(select(Item.sku)).all() == [item.sku]


def test_a_change_leaves_the_rest_and_can_clear(signed_in: Caller, session: Session) -> None:
    """What is sent is changed; null clears what may be empty and says nothing about what may not; the SKU stays."""
    brand = factories.brand(session, name="Acme", code="ACME")
    item = factories.item(session, brand_id=brand.id, sale_price=5, rental_period=3, description="D")
    client = signed_in("ITEM_UPDATE", "ITEM_UPDATE_PRICE", username="clerk")
    sent = {"brand_id": None, "sale_price": None, "rental_period": None, "item_name": "New", "description": ""}

    changed = client.put(f"{ITEMS}{item.id}", json=sent).get_json()

    assert (changed["brand_id"], changed["brand"], changed["sale_price"]) == (None, None, None)
    assert (changed["rental_period"], changed["item_name"], changed["sku"]) == (3, "New", item.sku)
    assert (changed["description"], changed["updated_by"]) == ("D", "clerk")


def test_a_retired_item_leaves_the_lists_and_can_come_back(signed_in: Caller, session: Session) -> None:
    """Retiring deletes nothing."""
    item, client = factories.item(session), signed_in()

    assert client.delete(f"{ITEMS}{item.id}").status_code == 204

    assert client.get(ITEMS).get_json()["items"] == []
    assert client.get(f"{ITEMS}{item.id}").get_json()["is_active"] is False
    assert client.put(f"{ITEMS}{item.id}", json={"is_active": True}).get_json()["is_active"] is True


@pytest.mark.parametrize("path", [str(uuid.UUID(int=1)), "sku/NONE", "code/NONE", "sku/%00"])
def test_an_item_that_is_not_there_is_404(signed_in: Caller, path: str) -> None:
    """Whatever it is asked by."""
    refusal(signed_in().get(ITEMS + path), 404)


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        *(("GET", path, "ITEM_VIEW") for path in ("", "enhanced", "low-stock", "stock-alerts/summary", "sku/X")),
        ("POST", "", "ITEM_CREATE"),
        ("PUT", str(uuid.UUID(int=1)), "ITEM_UPDATE"),
        ("DELETE", str(uuid.UUID(int=1)), "ITEM_DELETE"),
        ("POST", "skus/bulk-generate", "ITEM_UPDATE"),
    ],
)
def test_items_take_their_permission(signed_in: Caller, method: str, path: str, permission: str) -> None:
    """Other permissions on items are not enough."""
    others = {"ITEM_VIEW", "ITEM_CREATE", "ITEM_UPDATE", "ITEM_DELETE"} - {permission}

    def asked(client: FlaskClient) -> int:
        return client.open(ITEMS + path, method=method, json={}).status_code

    assert asked(signed_in(*others)) == 403
    assert asked(signed_in(permission)) != 403

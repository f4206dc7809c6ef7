"""Dates of suppliers: what is taken is read by everybody, and what others have stored is read and mended."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal

SUPPLIERS = "/api/suppliers"
NEW = {"supplier_code": "S-1", "company_name": "Lights Ltd", "supplier_type": "DISTRIBUTOR"}
DATES = ("contract_start_date", "contract_end_date", "insurance_expiry")


@pytest.mark.parametrize("field", DATES)
@pytest.mark.parametrize(
    "value", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+14:00", "9999-12-31", "1899-12-31"]
)
def test_a_date_that_no_reader_holds_is_refused_by_name(signed_in: Caller, field: str, value: str) -> None:
    """In a body, and in a row of a table; nothing is stored."""
    client = signed_in()

    refusal(client.post(SUPPLIERS, json={**NEW, field: value}), 422, fields=(field,))
    table = f"{','.join(NEW)},{field}\n{','.join(NEW.values())},{value}\n"
    said = client.post(f"{SUPPLIERS}/import", data=table, content_type="text/csv").get_json()

    assert [[*fault["errors"]] for fault in said["errors"]] == [[field]]
    assert client.get(SUPPLIERS).get_json()["total"] == 0


STORED = ["10000-01-01 04:59:59+00", "infinity", "-infinity", "0044-03-15 00:00:00+00 BC", "294276-12-31 00:00:00+00"]


@pytest.mark.parametrize("stored", STORED)
def test_a_date_that_others_have_stored_is_read_and_mended(signed_in: Caller, session: Session, stored: str) -> None:
    """The driver has no room for it; the row is shown, listed, exported and changed all the same."""
    supplier, client = factories.supplier(session), signed_in()
    update = text("UPDATE suppliers SET insurance_expiry = :stored, last_order_date = :stored WHERE id = :id")
    session.execute(update, {"stored": stored, "id": supplier.id})
    session.commit()
    one = f"{SUPPLIERS}/{supplier.id}"

    shown = client.get(one).get_json()
    assert shown["insurance_expiry"]
    assert client.get(SUPPLIERS).get_json()["total"] == 1
    assert len(client.get(f"{SUPPLIERS}/export").get_json()) == 1
    changed = client.put(one, json={"notes": "seen"}).get_json()
    assert (changed["notes"], changed["insurance_expiry"]) == ("seen", shown["insurance_expiry"])
    assert client.put(f"{one}/status", json={"is_active": True}).status_code == 200
    mended = client.put(one, json={"insurance_expiry": "2030-01-01T00:00:00Z"}).get_json()
    assert mended["insurance_expiry"] == "2030-01-01T00:00:00+00:00"
    assert client.delete(one).status_code == 204


@pytest.mark.parametrize(
    ("zone", "instant"),
    [("Asia/Kolkata", "2026-05-31T18:30:00+00:00"), ("America/New_York", "2026-06-01T04:00:00+00:00")],
)
def test_a_day_begins_at_midnight_in_the_shop(signed_in: Caller, zone: str, instant: str) -> None:
    """A day is taken where a time is wanted: from forms, in changes, and from tables."""
    client: Any = signed_in()
    assert client.put("/api/system/timezone/settings", json={"system_timezone": zone}).status_code == 200
    day = {"contract_start_date": "2026-06-01"}

    made = client.post(SUPPLIERS, json={**NEW, **day}).get_json()
    changed = client.put(f"{SUPPLIERS}/{made['id']}", json=day).get_json()
    row = {**NEW, **day, "supplier_code": "S-2"}
    table = f"{','.join(row)}\n{','.join(row.values())}\n"
    done = client.post(f"{SUPPLIERS}/import", data=table, content_type="text/csv").get_json()
    imported = client.get(f"{SUPPLIERS}/{done['ids'][0]}").get_json()

    assert {each["contract_start_date"] for each in (made, changed, imported)} == {instant}


def test_figures_are_what_was_sent(signed_in: Caller, session: Session) -> None:
    """A fraction of an order is refused, and not cut off."""
    client, one = signed_in(), f"{SUPPLIERS}/{factories.supplier(session).id}/performance"

    for field, value in (("total_orders", 1.9), ("average_delivery_days", "1_0"), ("quality_rating", "٣")):
        refusal(client.patch(one, json={field: value}), 422, fields=(field,))
    assert client.patch(one, json={"total_orders": 2.0}).get_json()["total_orders"] == 2

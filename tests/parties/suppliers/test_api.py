"""Suppliers: what is kept, what follows from it, and the words of the pages."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from rental_backend.parties.models import Supplier, SupplierStatus, SupplierTier, SupplierType
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal
from tests.statements import statements

SUPPLIERS = "/api/suppliers"
NEW = {"supplier_code": "S-1", "company_name": "Lights Ltd", "supplier_type": "DISTRIBUTOR"}


def test_a_supplier_needs_little_and_gets_the_usual(signed_in: Caller) -> None:
    """A code, a name and a type suffice; terms, tier and status are the usual ones, and who made it is known."""
    answer = signed_in(username="buyer").post(SUPPLIERS, json=NEW)

    said = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(said["id"])
    assert {name: said[name] for name in ("payment_terms", "supplier_tier", "status", "is_active", "created_by")} == {
        "payment_terms": "NET30",
        "supplier_tier": "STANDARD",
        "status": "ACTIVE",
        "is_active": True,
        "created_by": "buyer",
    }
    assert (said["credit_limit"], said["performance_score"], said["address"]) == (0, 0, "")


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        *(({name: None}, name) for name in NEW),
        ({"supplier_type": "ALIEN"}, "supplier_type"),
        ({"supplier_tier": "GOLD"}, "supplier_tier"),
        ({"quality_rating": 5.01}, "quality_rating"),
        ({"rating": -1}, "quality_rating"),
        ({"credit_limit": -1}, "credit_limit"),
        ({"email": "nobody"}, "email"),
        ({"payment_terms": "LATER"}, "payment_terms"),
        ({"contract_start_date": "2026-01-01T00:00:00"}, "contract_start_date"),
        ({"shoe_size": 43}, "shoe_size"),
    ],
)
def test_what_does_not_fit_is_named(signed_in: Caller, session: Session, sent: dict[str, Any], field: str) -> None:
    """A fault is 422 and names its field; nothing is stored."""
    refusal(signed_in().post(SUPPLIERS, json={**NEW, **sent}), 422, fields=(field,))

    assert session.query(Supplier).count() == 0


def test_a_code_in_use_is_409(signed_in: Caller, session: Session) -> None:
    """A second supplier with a code is refused, and the code is named."""
    factories.supplier(session, supplier_code="S-1")

    refusal(signed_in().post(SUPPLIERS, json=NEW), 409, fields=("supplier_code",))


def test_a_contract_that_ends_before_it_begins_is_refused(signed_in: Caller) -> None:
    """The order of the two dates is held, and the second is named."""
    dates = {"contract_start_date": "2026-02-01T00:00:00Z", "contract_end_date": "2026-01-01T00:00:00Z"}

    refusal(signed_in().post(SUPPLIERS, json={**NEW, **dates}), 422, fields=("contract_end_date",))


@pytest.mark.parametrize(
    ("word", "tier", "shown"),
    [
        ("PREFERRED", SupplierTier.PREMIUM, "PREFERRED"),
        ("PREMIUM", SupplierTier.PREMIUM, "PREFERRED"),
        ("RESTRICTED", SupplierTier.BASIC, "RESTRICTED"),
        ("STANDARD", SupplierTier.STANDARD, "STANDARD"),
        ("TRIAL", SupplierTier.TRIAL, "TRIAL"),
    ],
)
def test_tiers_have_the_words_of_the_pages(
    signed_in: Caller, session: Session, word: str, tier: SupplierTier, shown: str
) -> None:
    """Either word of a tier is taken and filtered by; it is shown in the words of the pages."""
    client = signed_in()
    made = client.post(SUPPLIERS, json={**NEW, "supplier_tier": word}).get_json()

    stored = session.get_one(Supplier, made["id"])
    assert (stored.supplier_tier, made["supplier_tier"]) == (tier, shown)
    assert client.get(SUPPLIERS, query_string={"supplier_tier": word}).get_json()["total"] == 1
    assert client.put(f"{SUPPLIERS}/{stored.id}", json={"supplier_tier": shown}).get_json()["supplier_tier"] == shown


def test_one_address_or_its_lines(signed_in: Caller) -> None:
    """The one text of the pages is kept as it is; without it the lines are shown as one text."""
    client = signed_in()
    text = client.post(SUPPLIERS, json={**NEW, "address": "1 High St\nLondon"}).get_json()
    lines = {"supplier_code": "S-2", "address_line1": "2 High St", "city": "London", "country": "UK"}
    put_together = client.post(SUPPLIERS, json={**NEW, **lines}).get_json()

    assert (text["address"], text["address_line1"]) == ("1 High St\nLondon", None)
    assert (put_together["address"], put_together["address_line1"]) == ("2 High St, London, UK", "2 High St")


def test_the_score_is_the_mean_of_both_ratings_in_percent(signed_in: Caller, session: Session) -> None:
    """Ratings 4.5 and 3 of 5 are 75 percent."""
    supplier = factories.supplier(session, quality_rating=4.5, delivery_rating=3)

    assert signed_in().get(f"{SUPPLIERS}/{supplier.id}").get_json()["performance_score"] == 75


@pytest.mark.parametrize(
    ("sent", "active", "status"),
    [
        ({"is_active": False}, False, SupplierStatus.INACTIVE),
        ({"is_active": True}, True, SupplierStatus.ACTIVE),
        ({"status": "SUSPENDED", "notes": "late"}, True, SupplierStatus.SUSPENDED),
        ({"status": "BLACKLISTED", "is_active": False}, False, SupplierStatus.BLACKLISTED),
    ],
)
def test_the_status_is_changed_by_either_form(
    signed_in: Caller, session: Session, sent: dict[str, Any], active: bool, status: SupplierStatus
) -> None:
    """The pages say whether he is active, others name a status; a retired one is not in the list, and can come back."""
    supplier = factories.supplier(session, notes="old")
    client = signed_in("SUPPLIER_UPDATE_STATUS", "SUPPLIER_VIEW")

    said = client.put(f"{SUPPLIERS}/{supplier.id}/status", json=sent).get_json()

    assert (said["is_active"], said["status"]) == (active, status)
    assert said["notes"] == ("old\nlate" if "notes" in sent else "old")
    assert client.get(SUPPLIERS).get_json()["total"] == int(active)
    again = client.put(f"{SUPPLIERS}/{supplier.id}/status", json={"is_active": True}).get_json()
    assert (again["is_active"], again["status"]) == (True, "ACTIVE")


def test_a_change_of_status_says_what(signed_in: Caller, session: Session) -> None:
    """An empty change is refused."""
    supplier = factories.supplier(session)

    refusal(signed_in().put(f"{SUPPLIERS}/{supplier.id}/status", json={}), 422, fields=("status",))


def test_suppliers_are_found_filtered_and_counted(signed_in: Caller, session: Session, app: Flask) -> None:
    """By text, type in either word and status; sorted by name unless asked otherwise; in one statement."""
    client = signed_in()
    second = factories.supplier(session, company_name="Beta", supplier_type=SupplierType.SERVICE, email="x@beta.org")
    first = factories.supplier(session, company_name="Alpha", status=SupplierStatus.PENDING)
    factories.supplier(session, company_name="Gone", is_active=False)

    def found(**query: str) -> list[str]:
        said = client.get(SUPPLIERS, query_string=query).get_json()
        return [each["id"] for each in said["items"]]

    assert found() == [str(first.id), str(second.id)]
    assert found(sort_by="company_name", sort_order="desc") == [str(second.id), str(first.id)]
    assert found(search="BETA.org") == found(supplier_type="SERVICE_PROVIDER") == [str(second.id)]
    assert found(supplier_status="PENDING") == found(status="PENDING") == [str(first.id)]
    assert len(found(active_only="false")) == 3
    assert [each["id"] for each in client.get(f"{SUPPLIERS}/search?search_term=alph").get_json()] == [str(first.id)]
    with statements(app) as sent:
        found(limit="1")
    assert len(sent) == 1


def test_a_supplier_is_found_by_his_code(signed_in: Caller, session: Session) -> None:
    """The code leads to its supplier; one that is nobody's is 404."""
    supplier = factories.supplier(session, supplier_code="S/1 ä")
    client = signed_in("SUPPLIER_VIEW")

    assert client.get(f"{SUPPLIERS}/code/{supplier.supplier_code.replace('/', '%2F')}").status_code == 404
    plain = factories.supplier(session, supplier_code="S-9")
    assert client.get(f"{SUPPLIERS}/code/S-9").get_json()["id"] == str(plain.id)
    refusal(client.get(f"{SUPPLIERS}/code/S-0"), 404)


def test_statistics_count_and_name_the_first_five(signed_in: Caller, session: Session) -> None:
    """All and active ones are counted; the newest and the dearest five active ones are named."""
    for number in range(6):
        factories.supplier(session, total_spend=number, created_at=datetime(2026, 1, 1 + number, tzinfo=UTC))
    factories.supplier(session, total_spend=99, is_active=False)

    said = signed_in("SUPPLIER_VIEW").get(f"{SUPPLIERS}/statistics").get_json()

    assert (said["total_suppliers"], said["active_suppliers"]) == (7, 6)
    assert [each["total_spend"] for each in said["top_suppliers_by_value"]] == [5, 4, 3, 2, 1]
    assert [each["created_at"][:10] for each in said["recent_suppliers"]] == [f"2026-01-0{6 - n}" for n in range(5)]


def test_deliveries_are_corrected(signed_in: Caller, session: Session) -> None:
    """What is known of deliveries can be set; a rating beyond 5 cannot."""
    supplier = factories.supplier(session)
    client = signed_in("SUPPLIER_UPDATE")
    path = f"{SUPPLIERS}/{supplier.id}/performance"

    said = client.patch(path, json={"total_orders": 3, "quality_rating": 4, "average_delivery_days": 5}).get_json()

    assert (said["total_orders"], said["quality_rating"], said["average_delivery_days"]) == (3, 4, 5)
    refusal(client.patch(path, json={"quality_rating": 6}), 422, fields=("quality_rating",))

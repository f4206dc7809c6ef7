"""Companies: ours, as its page and the papers read it, and all of them."""

import pytest
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from rental_backend.accounts.models import SecurityAuditLog
from rental_backend.settings.models import Company
from tests.accounts.administering import logged
from tests.conftest import Caller
from tests.refusals import refusal
from tests.statements import statements

pytestmark = pytest.mark.usefixtures("seeded")
PAGE = {
    "company_name": "Lights Ltd",
    "company_address": "1 High St",
    "company_email": "lights@example.com",
    "company_phone": "+91 1",
    "company_gst_no": "GST-1",
    "company_registration_number": "REG-1",
}
SHORT = {"name": "Film & Co", "address": "2 High St", "phone": "+91 2", "email": "film@example.com", "tax_id": "GST-2"}


def test_our_company_keeps_what_its_page_sends(signed_in: Caller, seeded: Session) -> None:
    """All six fields are stored, answered under the same names, and logged with what they were."""
    client = signed_in("SYSTEM_CONFIG_UPDATE")

    changed = client.put("/api/system/company?updated_by=somebody", json=PAGE)

    assert changed.status_code == 200
    found = client.get("/api/system/company").get_json()
    assert {name: found[name] for name in PAGE} == PAGE
    assert found["currency_code"] == "INR"
    ((action, resource, _, change),) = logged(seeded)
    assert (action, resource, change["after"]["gst_no"]) == ("UPDATE", "companies", "GST-1")
    assert change["before"]["company_name"] == "My company"


def test_our_company_is_changed_by_shorter_names_too(signed_in: Caller) -> None:
    """The predecessor's names mean the same; where both are sent the page's counts."""
    client = signed_in()

    client.put("/api/system/company", json={**SHORT, "company_phone": "+91 3"})

    found = client.get("/api/system/company").get_json()
    assert (found["company_name"], found["company_gst_no"], found["tax_id"]) == ("Film & Co", "GST-2", "GST-2")
    assert (found["company_address"], found["company_phone"]) == ("2 High St", "+91 3")


def test_everybody_sees_our_company_and_few_change_it(signed_in: Caller) -> None:
    """It stands on every paper. A blank form changes nothing; a wrong address is refused."""
    clerk = signed_in("SALE_VIEW")

    assert clerk.get("/api/system/company").get_json()["company_name"] == "My company"
    refusal(clerk.put("/api/system/company", json=PAGE), 403)
    admin = signed_in()
    assert admin.put("/api/system/company", json=dict.fromkeys(PAGE, "")).status_code == 200
    refusal(admin.put("/api/system/company", json={"company_email": "nowhere"}), 422, fields=("company_email",))
    assert clerk.get("/api/system/company").get_json()["company_name"] == "My company"


def test_without_a_company_there_is_none(signed_in: Caller, session: Session) -> None:
    """Nothing is made up."""
    session.execute(delete(Company))
    session.commit()
    refusal(signed_in().get("/api/system/company"), 404)
    refusal(signed_in().put("/api/system/company", json=PAGE), 404)


def test_companies_are_listed_with_their_pages(app: Flask, signed_in: Caller, seeded: Session) -> None:
    """By name, filtered, searched, counted, in one statement; retired ones only when asked for."""
    seeded.add_all(Company(company_name=f"Shop {number}", gst_no=f"G{number}") for number in range(3))
    seeded.add(Company(company_name="Gone", is_active=False))
    seeded.commit()
    client = signed_in("SYSTEM_CONFIG")
    client.get("/api/company/")

    with statements(app) as sent:
        found = client.get("/api/company/?page=1&page_size=2").get_json()

    assert len(sent) == 1
    assert [each["company_name"] for each in found["items"]] == ["My company", "Shop 0"]
    del found["items"]
    pages = {"page": 1, "page_size": 2, "total_pages": 2, "has_next": True, "has_previous": False}
    assert found == {"total": 4, **pages}

    def total(query: str) -> int:
        return int(client.get(f"/api/company/?{query}").get_json()["total"])

    assert (total("search=SHOP"), total("company_name=op 1"), total("gst_no=G2")) == (3, 1, 1)
    assert (total("include_inactive=true"), total("is_active=false")) == (5, 1)


def test_a_company_lives(signed_in: Caller, seeded: Session) -> None:
    """Created, shown, changed and retired, each logged; a name in use is a conflict, and the last one stays."""
    client = signed_in("SYSTEM_CONFIG", "SYSTEM_CONFIG_UPDATE")
    made = client.post("/api/company/", json={"company_name": "Lights", "gst_no": "G"})
    path = made.headers["Location"]

    assert refusal(client.post("/api/company/", json={"company_name": "Lights"}), 409)["errors"]["company_name"]
    assert client.put(f"{path}?current_user_id=1", json={"phone": "5"}).get_json()["phone"] == "5"
    assert client.get(path).get_json()["company_name"] == "Lights"
    assert client.delete(path).status_code == 204
    assert client.get(path).get_json()["is_active"] is False
    assert [each[0] for each in logged(seeded)] == ["CREATE", "UPDATE", "UPDATE"]
    events = seeded.scalars(select(SecurityAuditLog)).all()
    assert all(each.user_id and each.ip_address == "127.0.0.1" and each.details["request_id"] for each in events)
    (last,) = client.get("/api/company/").get_json()["items"]
    assert refusal(client.delete(f"/api/company/{last['id']}"), 409)["code"] == "last_company"
    retired = client.put(f"/api/company/{last['id']}", json={"is_active": False})
    assert refusal(retired, 409)["code"] == "last_company"


@pytest.mark.parametrize("body", [{}, {"company_name": " "}, {"company_name": "x" * 256}, {"company_name": 5}])
def test_a_company_needs_a_name(signed_in: Caller, body: dict[str, object]) -> None:
    """None, a blank one, one that is too long, and one that is none."""
    refusal(signed_in().post("/api/company/", json=body), 422, fields=("company_name",))

"""Locations: every spelling of their fields is kept, and a user manages them."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.catalog.models import Location, LocationType
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal

LOCATIONS = "/api/master-data/locations/"
SHOP = {"location_code": "SHOP", "location_name": "High Street", "location_type": "STORE"}


def test_what_is_sent_is_kept_and_answered(signed_in: Caller) -> None:
    """Nothing that the form has is dropped; codes and names stand under both names."""
    client = signed_in()
    sent = {
        **SHOP,
        "address": "1 High St",
        "city": "London",
        "state": "-",
        "country": "UK",
        "postal_code": "W1",
        "contact_number": "1",
        "email": "a@example.com",
        "contact_person_name": "Ada",
        "contact_person_title": "Ms",
        "contact_person_phone": "2",
        "contact_person_email": "b@example.com",
        "contact_person_notes": "N",
    }

    answer = client.post(LOCATIONS, json=sent)
    made = answer.get_json()

    assert (answer.status_code, answer.headers["Location"]) == (201, f"{LOCATIONS}{made['id']}")
    assert {name: made[name] for name in sent} == sent
    assert (made["code"], made["name"], made["contact_person"]) == ("SHOP", "High Street", "Ada")
    assert (made["contact_phone"], made["contact_email"], made["manager_user_id"]) == ("2", "b@example.com", None)
    assert client.get(f"{LOCATIONS}{made['id']}").get_json() == made


@pytest.mark.parametrize(
    ("other", "name", "value"),
    [
        ("contact_person", "contact_person_name", "Ada"),
        ("contact_phone", "contact_person_phone", "1"),
        ("contact_email", "contact_person_email", "a@example.com"),
        ("code", "location_code", "X-1"),
        ("name", "location_name", "Elsewhere"),
    ],
)
def test_other_names_are_read(signed_in: Caller, session: Session, other: str, name: str, value: str) -> None:
    """What a page calls otherwise is the same field; a field's own name counts if both are sent."""
    client, place = signed_in(), factories.location(session).id

    changed = client.put(f"{LOCATIONS}{place}", json={other: value}).get_json()
    assert (changed[other], changed[name]) == (value, value)
    both = client.put(f"{LOCATIONS}{place}", json={other: "nonsense", name: value}).get_json()
    assert (both[other], both[name]) == (value, value)


def test_a_name_is_unique(signed_in: Caller) -> None:
    """Places whose names differ by case or blanks alone are confused: a clash is 409 and names the field (BR-A13)."""
    client = signed_in()
    client.post(LOCATIONS, json=SHOP)
    other = client.post(LOCATIONS, json={**SHOP, "location_code": "B", "location_name": "Low Street"}).get_json()

    for name in ("High Street", "HIGH  street"):
        body = {**SHOP, "location_code": "C", "location_name": name}
        refusal(client.post(LOCATIONS, json=body), 409, fields=("location_name",))
        refusal(client.put(f"{LOCATIONS}{other['id']}", json={"name": name}), 409, fields=("location_name",))
    assert client.put(f"{LOCATIONS}{other['id']}", json={"name": "LOW street"}).status_code == 200


def test_a_code_is_unique(signed_in: Caller, session: Session) -> None:
    """A clash is 409 and names the field."""
    client = signed_in()
    assert client.post(LOCATIONS, json=SHOP).status_code == 201
    other = factories.location(session).id

    refusal(client.post(LOCATIONS, json=SHOP), 409, fields=("location_code",))
    refusal(client.put(f"{LOCATIONS}{other}", json={"location_code": "SHOP"}), 409, fields=("location_code",))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, value) for field in SHOP for value in (None, "", 7, "x" * 101, "a\0")),
        *(("location_code", "x" * 21), ("location_type", "store"), ("address", "x" * 501), ("postal_code", "x" * 21)),
        *(("email", "nobody"), ("contact_person_email", "nobody"), ("contact_person_title", "x" * 101)),
        *(("manager_user_id", value) for value in (7, "7", "x", [], True, str(factories.NOBODY))),
        *(("id", "x"), ("created_by", "x"), ("stock", 1)),
    ],
    ids=ascii,
)
def test_a_bad_value_is_refused_by_name(signed_in: Caller, session: Session, field: str, value: Any) -> None:
    """It is 422 and names the field, and nothing is stored."""
    refusal(signed_in().post(LOCATIONS, json={**SHOP, field: value}), 422, fields=(field,))

    assert session.scalars(select(Location.id)).all() == []


def test_a_user_manages_a_location(signed_in: Caller, session: Session) -> None:
    """He is assigned and removed; one who cannot sign in is refused, but keeps what he has."""
    client, place, user = signed_in(), factories.location(session).id, factories.user(session)
    manager = {"manager_user_id": str(user.id)}

    assert client.post(f"{LOCATIONS}{place}/assign-manager", json=manager).get_json()["manager_user_id"] == str(user.id)
    user.is_active = False
    session.commit()
    assert client.put(f"{LOCATIONS}{place}", json={**manager, "city": "Bath"}).get_json()["city"] == "Bath"
    assert client.post(f"{LOCATIONS}{place}/remove-manager").get_json()["manager_user_id"] is None
    gone = factories.user(session, deleted_at=datetime.now(UTC))
    for who in (user.id, gone.id, uuid.uuid4(), 7, None):
        body = {"manager_user_id": str(who) if isinstance(who, uuid.UUID) else who}
        refusal(client.post(f"{LOCATIONS}{place}/assign-manager", json=body), 422, fields=("manager_user_id",))
    refusal(client.put(f"{LOCATIONS}{place}", json=manager), 422, fields=("manager_user_id",))


def test_a_location_is_taken_out_of_use_and_back(signed_in: Caller, session: Session) -> None:
    """Activating and deactivating answer with the location; deleting takes it out of the list."""
    client, place = signed_in(), factories.location(session, location_name="Shop").id

    off = client.post(f"{LOCATIONS}{place}/deactivate").get_json()
    assert (off["location_name"], off["is_active"], client.get(LOCATIONS).get_json()) == ("Shop", False, [])
    assert client.post(f"{LOCATIONS}{place}/activate").get_json()["is_active"] is True
    assert client.delete(f"{LOCATIONS}{place}").status_code == 204
    assert client.get(f"{LOCATIONS}{place}").get_json()["is_active"] is False
    for verb in ("activate", "deactivate", "remove-manager"):
        refusal(client.post(f"{LOCATIONS}{uuid.uuid4()}/{verb}"), 404)


def test_the_list_is_an_array_that_counts(signed_in: Caller, session: Session) -> None:
    """Filters, search and sorting work as the pages ask; `X-Total-Count` says how many there are."""
    client = signed_in()
    factories.location(session, location_name="Shop", city="London", location_code="A")
    factories.location(session, location_name="Depot", location_type=LocationType.WAREHOUSE, location_code="B")
    factories.location(session, location_name="Old", is_active=False, location_code="C")

    def names(query: str, path: str = "") -> list[str]:
        return [row["location_name"] for row in client.get(f"{LOCATIONS}{path}?{query}").get_json()]

    listed = client.get(f"{LOCATIONS}?limit=1")
    assert ([row["name"] for row in listed.get_json()], listed.headers["X-Total-Count"]) == (["Depot"], "2")
    assert (names(""), names("skip=1"), names("active_only=true")) == (["Depot", "Shop"], ["Shop"], ["Depot", "Shop"])
    assert (names("is_active=false"), names("active_only=false")) == (["Old"], ["Depot", "Old", "Shop"])
    assert (names("location_type=WAREHOUSE"), names("search=lond")) == (["Depot"], ["Shop"])
    assert names("sort_field=code&sort_direction=desc") == ["Depot", "Shop"]
    assert (names("search_term=sho", "search"), names("search_term=old&active_only=false", "search/")) == (
        ["Shop"],
        ["Old"],
    )
    assert names("", "active") == ["Depot", "Shop"]
    refusal(client.get(f"{LOCATIONS}search?search_term=x"), 422, fields=("search_term",))
    refusal(client.get(f"{LOCATIONS}?location_type=KIOSK"), 422, fields=("location_type",))

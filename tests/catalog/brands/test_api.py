"""Brands and units of measurement: created, found, taken out of use, deleted only when nothing is made of them."""

import json
import uuid
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.catalog.models import Brand, UnitOfMeasurement
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal

BRANDS = "/api/master-data/brands/"
UNITS = "/api/master-data/units-of-measurement/"
BOTH = pytest.mark.parametrize("path", [BRANDS, UNITS], ids=["brands", "units"])


@BOTH
def test_what_is_sent_is_kept_and_answered(signed_in: Caller, path: str) -> None:
    """Name, code and description come back, beside who made it and how many items it has."""
    client = signed_in(username="clerk")

    made = client.post(path, json={"name": "Piece", "code": "PCS", "description": "D"})
    said = made.get_json()

    assert (made.status_code, made.headers["Location"]) == (201, f"{path}{said['id']}")
    assert (said["name"], said["code"], said["description"], said["is_active"]) == ("Piece", "PCS", "D", True)
    assert (said["display_name"], said["item_count"], said["has_items"]) == ("Piece (PCS)", 0, False)
    assert (said["created_by"], client.get(f"{path}{said['id']}").get_json()) == ("clerk", said)
    changed = client.put(f"{path}{said['id']}", json={"name": "Pair", "code": None, "description": ""}).get_json()
    assert (changed["name"], changed["code"], changed["description"]) == ("Pair", None, "D")
    assert changed["display_name"] == "Pair"


@BOTH
def test_names_and_codes_are_unique(signed_in: Caller, session: Session, path: str) -> None:
    """A clash is 409 and names the field, at creation and at a change; without a code there may be many."""
    client = signed_in()
    for name, code in (("A", "1"), ("B", "2"), ("C", None), ("D", None)):
        assert client.post(path, json={"name": name, "code": code}).status_code == 201

    refusal(client.post(path, json={"name": "A"}), 409, fields=("name",))
    refusal(client.post(path, json={"name": "E", "code": "2"}), 409, fields=("code",))
    model = Brand if path == BRANDS else UnitOfMeasurement
    one = session.scalars(select(model.id).where(model.name == "A")).one()
    refusal(client.put(f"{path}{one}", json={"name": "B"}), 409, fields=("name",))
    assert client.post(path, json={"name": "Film  Set"}).status_code == 201
    for alike in ("film set", "FILM\tSET", " Film Set "):
        refusal(client.post(path, json={"name": alike}), 409, fields=("name",))
    assert client.put(f"{path}{one}", json={"name": "a"}).status_code == 200
    refusal(client.put(f"{path}{one}", json={"code": "2"}), 409, fields=("code",))


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        *((path, "name", value) for path in (BRANDS, UNITS) for value in (None, "", " ", 7, [], "a\0", "x" * 101)),
        *((UNITS, "name", "x" * 51), (UNITS, "code", "x" * 11), (BRANDS, "code", "x" * 21), (UNITS, "code", 7)),
        *((path, "description", "x" * 1001) for path in (BRANDS, UNITS)),
        *((path, field, "x") for path in (BRANDS, UNITS) for field in ("id", "item_count", "is_active", "secret")),
    ],
    ids=ascii,
)
def test_a_bad_value_is_refused_by_name(signed_in: Caller, session: Session, path: str, field: str, value: Any) -> None:
    """It is 422 and names the field, and nothing is stored."""
    refusal(signed_in().post(path, json={"name": "Piece", field: value}), 422, fields=(field,))

    assert session.scalars(select(Brand.id)).all() == session.scalars(select(UnitOfMeasurement.id)).all() == []


@BOTH
def test_what_has_items_is_not_deleted(signed_in: Caller, session: Session, path: str) -> None:
    """The refusal says how many items there are; retired ones do not count; deleting stores who did it."""
    client = signed_in(username="clerk")
    row = factories.brand(session) if path == BRANDS else factories.unit(session)
    reference = "brand_id" if path == BRANDS else "unit_of_measurement_id"
    items = [factories.item(session, **{reference: row.id}) for _ in range(3)]
    assert client.get(f"{path}{row.id}").get_json()["item_count"] == 3

    said = refusal(client.delete(f"{path}{row.id}"), 409)
    assert (said["code"], said["count"]) == ("in_use", 3)
    assert said["detail"].endswith("still has 3 items, so it cannot go.")
    for item in items:
        item.is_active = False
    session.commit()
    assert client.delete(f"{path}{row.id}").status_code == 204

    session.refresh(row)
    assert (row.is_active, row.deleted_by) == (False, "clerk")
    assert str(row.id) not in [each["id"] for each in client.get(path).get_json()["items"]]
    refusal(client.delete(f"{path}{uuid.uuid4()}"), 404)


@BOTH
def test_lists_are_objects_in_pages(signed_in: Caller, session: Session, path: str) -> None:
    """A page says where it is; filters, sorting, search and retired rows work as the pages ask."""
    client = signed_in()
    for name, code in (("Canon", "CN"), ("Nikon", "NK"), ("Sony", None), ("Agfa", "AG")):
        values = {"name": name, "code": code, "is_active": name != "Agfa"}
        factories.brand(session, **values) if path == BRANDS else factories.unit(session, **values)

    def names(query: str, of: str = path) -> list[str]:
        said = client.get(f"{of}?{query}").get_json()
        return [row["name"] for row in (said if isinstance(said, list) else said["items"])]

    page = client.get(f"{path}?page=2&page_size=2").get_json()
    assert {name: value for name, value in page.items() if name != "items"} == {
        "total": 3,
        "page": 2,
        "page_size": 2,
        "total_pages": 2,
        "has_next": False,
        "has_previous": True,
    }
    assert [row["name"] for row in page["items"]] == ["Sony"]
    assert names("page_size=1000") == ["Canon", "Nikon", "Sony"]
    assert names("include_inactive=true") == ["Agfa", "Canon", "Nikon", "Sony"]
    assert (names("is_active=false"), names("limit=1")) == (["Agfa"], ["Canon"])
    assert (names("search=CANON"), names("name=iko"), names("code=nk")) == (["Canon"], ["Nikon"], ["Nikon"])
    assert names("sort_field=name&sort_direction=desc") == ["Sony", "Nikon", "Canon"]
    assert names("sort_by=code&sort_order=desc&code=n") == ["Nikon", "Canon"]
    assert names("", f"{path}active/") == ["Canon", "Nikon", "Sony"]
    assert names("search=on&limit=2", f"{path}active") == ["Canon", "Nikon"]
    assert names("include_inactive=true&search=agfa", f"{path}active") == []
    assert (names("q=o&limit=2", f"{path}search/"), names("q=100%", f"{path}search/")) == (["Canon", "Nikon"], [])
    assert names("q=a&include_inactive=true", f"{path}search/") == ["Agfa", "Canon"]
    for query, field in (("page_size=1001", "page_size"), ("limit=all", "limit"), ("colour=red", "colour")):
        refusal(client.get(f"{path}?{query}"), 422, fields=(field,))
    refusal(client.get(f"{path}search?limit=5"), 422, fields=("q",))


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"abbreviation": "m"}, "m"),
        ({"code": "m"}, "m"),
        ({"abbreviation": "x", "code": "m"}, "m"),
        ({"abbreviation": "m", "code": ""}, "m"),
        ({"abbreviation": None}, None),
    ],
)
def test_abbreviation_is_another_name_of_code(signed_in: Caller, sent: dict[str, Any], code: str | None) -> None:
    """Either is read and both are answered; the code counts if both say something."""
    client = signed_in()

    made = client.post(UNITS, json={"name": "Metre", **sent}).get_json()
    changed = client.put(f"{UNITS}{made['id']}", json={"abbreviation": "mt"}).get_json()

    assert (made["code"], made["abbreviation"]) == (code, code)
    assert (changed["code"], changed["abbreviation"]) == ("mt", "mt")
    assert [row["name"] for row in client.get(f"{UNITS}?abbreviation=MT").get_json()["items"]] == ["Metre"]
    refusal(client.post(UNITS, json={"name": "Inch", "abbreviation": "x" * 11}), 422, fields=("code",))


def test_a_unit_is_found_by_name_or_abbreviation(signed_in: Caller, session: Session) -> None:
    """In either case, the one that is written alike first; what there is not is 404."""
    client = signed_in()
    factories.unit(session, name="inch", code="M")
    exact = factories.unit(session, name="Metre", code="m")

    assert client.get(f"{UNITS}by-name/Metre").get_json()["id"] == str(exact.id)
    assert client.get(f"{UNITS}by-name/METRE").status_code == 200
    assert client.get(f"{UNITS}by-abbreviation/m/").get_json()["id"] == str(exact.id)
    for missing in ("by-name/Yard", "by-abbreviation/%25"):
        refusal(client.get(f"{UNITS}{missing}"), 404)
    refusal(client.get(f"{UNITS}by-name/%00"), 404)


def test_a_unit_is_taken_out_of_use_and_back(signed_in: Caller, session: Session) -> None:
    """Items keep a unit that is out of use, so having some is no hindrance."""
    client = signed_in(username="clerk")
    unit = factories.item(session, unit_of_measurement_id=factories.unit(session).id).unit_of_measurement_id

    off = client.post(f"{UNITS}{unit}/deactivate/", json={})
    assert (off.status_code, off.get_json()["is_active"], off.get_json()["updated_by"]) == (200, False, "clerk")
    assert client.get(UNITS).get_json()["items"] == []
    on = client.post(f"{UNITS}{unit}/activate/")
    assert (on.status_code, on.get_json()["is_active"]) == (200, True)
    refusal(client.post(f"{UNITS}{uuid.uuid4()}/activate"), 404)


def test_many_units_are_taken_out_of_use(signed_in: Caller, session: Session) -> None:
    """The answer counts those that are as wanted, each once, and names those that there are not."""
    client, missing = signed_in(), str(uuid.uuid4())
    ids = [str(factories.unit(session).id) for _ in range(3)]

    body = {"unit_ids": [*ids[:2], ids[0], missing], "operation": "deactivate"}
    said = client.post(f"{UNITS}bulk-operation/", json=body).get_json()

    assert (said["success_count"], said["failure_count"]) == (2, 1)
    assert [fault["unit_id"] for fault in said["errors"]] == [missing]
    assert [row["id"] for row in client.get(UNITS).get_json()["items"]] == [ids[2]]
    again = client.post(f"{UNITS}bulk-operation", json={"unit_ids": ids, "operation": "activate"}).get_json()
    assert (again["success_count"], client.get(UNITS).get_json()["total"]) == (3, 3)
    for wrong in ({"unit_ids": []}, {"unit_ids": ["x"]}, {"unit_ids": [ids[0]] * 1001}, {"operation": "delete"}):
        refusal(client.post(f"{UNITS}bulk-operation", json={**body, **wrong}), 422, fields=tuple(wrong))


def test_units_are_imported_and_exported(signed_in: Caller, session: Session) -> None:
    """Rows come from JSON, JSON lines or CSV, a wrong one stops no other, and go out the same three ways."""
    client = signed_in()
    factories.unit(session, name="Piece", code="PCS")

    rows = [{"name": "Metre", "abbreviation": "m", "description": "D"}, {"name": "Piece"}, {"abbreviation": "x"}]
    said = client.post(f"{UNITS}import/", json=rows).get_json()
    assert (said["successful_imports"], said["failed_imports"]) == (1, 2)
    assert [(fault["row"], *fault["errors"]) for fault in said["errors"]] == [(2, "name"), (3, "name")]

    lines = b'{"name": "Litre", "code": "l"}\n{"name": "Gram", "abbreviation": "g"}\n'
    assert client.post(f"{UNITS}import", data=lines, content_type="application/x-ndjson").get_json()["ids"]
    table = "name,abbreviation,description\nHour,h,\nDay,d,24 hours\n"
    dry = client.post(f"{UNITS}import?dry_run=true", data=table, content_type="text/csv").get_json()
    assert (dry["successful_imports"], dry["dry_run"]) == (2, True)
    assert client.post(f"{UNITS}import", data=table, content_type="text/csv").get_json()["successful_imports"] == 2

    out = client.get(f"{UNITS}export/").get_json()
    told = {row["name"]: (row["abbreviation"], row["description"]) for row in out}
    assert told == {
        "Piece": ("PCS", None),
        "Metre": ("m", "D"),
        "Litre": ("l", None),
        "Gram": ("g", None),
        "Hour": ("h", None),
        "Day": ("d", "24 hours"),
    }
    jsonl = client.get(f"{UNITS}export?format=jsonl").text.splitlines()
    assert [json.loads(line) for line in jsonl] == out
    assert client.get(f"{UNITS}export?format=csv").text.count("\r\n") == 7
    client.post(f"{UNITS}{out[0]['id']}/deactivate")
    assert len(client.get(f"{UNITS}export").get_json()) == 5
    assert len(client.get(f"{UNITS}export/?include_inactive=true").get_json()) == 6

"""The lists of items: stock, filters, order, and one statement for each."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal
from tests.statements import statements

ITEMS = "/api/master-data/item-master/"


@pytest.mark.parametrize(
    ("on_hand", "reorder", "status"),
    [(0, 5, "OUT_OF_STOCK"), (4, 5, "LOW_STOCK"), (5, 5, "IN_STOCK"), (9, 0, "LOW_STOCK"), (10, 0, "IN_STOCK")],
)
def test_stock_is_told_over_all_locations(
    signed_in: Caller, session: Session, on_hand: int, reorder: int, status: str
) -> None:
    """Low is fewer than the reorder point, or than ten without one, of what is on hand anywhere."""
    item = factories.item(session, reorder_point=reorder)
    factories.stock(session, item, available=on_hand // 2)
    factories.stock(session, item, on_rent=on_hand - on_hand // 2)
    client = signed_in("ITEM_VIEW")

    shown = client.get(f"{ITEMS}{item.id}").get_json()
    low = client.get(ITEMS + "low-stock").get_json()
    summary = client.get(ITEMS + "stock-alerts/summary").get_json()

    assert (shown["total_units"], shown["available_units"]) == (on_hand, on_hand // 2)
    assert shown["rented_units"] == on_hand - on_hand // 2
    assert shown["stock_status"] == status
    assert shown["needs_reorder"] is (status != "IN_STOCK")
    assert [each["id"] for each in low] == ([] if status == "IN_STOCK" else [str(item.id)])
    assert summary == {
        "total_items": 1,
        "out_of_stock": 0,
        "low_stock": 0,
        "in_stock": 0,
        status.lower(): 1,
        "needs_reorder": int(status != "IN_STOCK"),
    }


def test_low_stock_can_be_asked_of_one_location(signed_in: Caller, session: Session) -> None:
    """What lies elsewhere does not count then."""
    item, here = factories.item(session, reorder_point=3), factories.location(session)
    factories.stock(session, item, available=9)
    factories.stock(session, item, here, available=2)
    client = signed_in()

    assert client.get(ITEMS + "low-stock").get_json() == []
    assert len(client.get(f"{ITEMS}low-stock?location_id={here.id}").get_json()) == 1


def _shop(session: Session) -> None:
    """Three items, in words of the filters that find them."""
    gear = factories.category(session, name="Gear")
    lamps = factories.category(session, gear, name="Lamps")
    acme = factories.brand(session, name="Acme", code="ACME")
    rented = {"rental_rate_per_period": 10, "category_id": lamps.id, "brand_id": acme.id, "model_number": "XZ-9"}
    lamp = factories.item(session, item_name="lamp", **rented)
    bulb = factories.item(session, item_name="bulb", is_saleable=True, sale_price=3, category_id=gear.id)
    factories.item(session, item_name="drill", item_status="INACTIVE", serial_number_required=True)
    factories.stock(session, lamp, available=2)
    factories.stock(session, bulb, on_rent=5)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "bulb drill lamp"),
        ("search=xz-9", "lamp"),
        ("category_id={Gear}", "bulb lamp"),
        ("category_id={Lamps}", "lamp"),
        ("category_ids={Gear},{Lamps}", "bulb lamp"),
        ("category_ids={Gear}", "bulb"),
        ("brand_id={Acme}", "lamp"),
        ("brand_ids={Acme}", "lamp"),
        ("item_status=INACTIVE", "drill"),
        ("status=ACTIVE", "bulb lamp"),
        ("item_statuses=ACTIVE,INACTIVE", "bulb drill lamp"),
        ("item_statuses=INACTIVE", "drill"),
        ("is_serialized=true", "drill"),
        ("is_serialized=false", "bulb lamp"),
        ("is_rentable=true", "drill lamp"),
        ("is_saleable=true", "bulb"),
        ("is_rental_blocked=true", ""),
        ("min_price=5", "lamp"),
        ("max_price=5", "bulb"),
        ("min_rental_rate=5&max_rental_rate=10", "lamp"),
        ("min_sale_price=3&max_sale_price=3", "bulb"),
        ("min_stock=3", "bulb"),
        ("min_stock=0", "bulb drill lamp"),
        ("available_only=true", "lamp"),
        ("available_only=false", "bulb drill lamp"),
        ("has_stock=true", "bulb lamp"),
        ("has_stock=false", "drill"),
        ("created_after=2020-01-01&updated_after=2020-01-01T00:00:00Z", "bulb drill lamp"),
        ("created_before=2020-01-01", ""),
        ("created_before=2999-12-31&updated_before=2999-12-31", "bulb drill lamp"),
        ("updated_before=2020-01-01T10:00", ""),
    ],
)
def test_a_list_is_narrowed(signed_in: Caller, session: Session, query: str, names: str) -> None:
    """Each filter finds what it says, counts it, and goes through every list."""
    _shop(session)
    client = signed_in("ITEM_VIEW")
    asked = query.format(**_ids(session))

    listed = client.get(f"{ITEMS}?sort_by=item_name&{asked}")
    bare = client.get(f"{ITEMS}enhanced?sort_by=item_name&{asked}").get_json()
    count = client.get(f"{ITEMS}count/total?{asked}").get_json()

    found = names.split()
    assert [each["item_name"] for each in listed.get_json()["items"]] == found
    assert listed.get_json()["total"] == int(listed.headers["X-Total-Count"]) == count["count"] == len(found)
    assert bare == listed.get_json()["items"]


def _ids(session: Session) -> dict[str, str]:
    rows = session.connection().exec_driver_sql("SELECT name, id FROM brands UNION ALL SELECT name, id FROM categories")
    return {name: str(found) for name, found in rows}


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("brand/{Acme}", {"lamp"}),
        ("category/{Gear}", {"lamp", "bulb"}),
        ("search/LAM", {"lamp"}),
        ("search/100%25", set()),
        ("types/sale", {"bulb"}),
        ("types/rental", {"lamp", "drill"}),
        ("types/rental?is_serialized=true", {"drill"}),
    ],
)
def test_a_list_is_chosen_by_its_path(signed_in: Caller, session: Session, path: str, names: set[str]) -> None:
    """The shorter paths answer a bare array of the same rows."""
    _shop(session)

    found = signed_in("ITEM_VIEW").get(ITEMS + path.format(**_ids(session))).get_json()

    assert {each["item_name"] for each in found} == names


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("sort_by=item_name&sort_order=desc", "lamp drill bulb"),
        ("sort_by=total_units&sort_order=desc", "bulb lamp drill"),
        ("sort_by=available_units&sort_order=desc&limit=1", "lamp"),
        ("sort_by=category_name&limit=2", "bulb lamp"),
        ("sort_by=price&limit=2", "bulb lamp"),
        ("limit=1&page=2", "bulb"),
        ("", "drill bulb lamp"),
    ],
)
def test_a_list_is_sorted(signed_in: Caller, session: Session, query: str, names: str) -> None:
    """By a column, by what is joined, by stock; the newest first if nothing is said."""
    _shop(session)

    rows = signed_in().get(f"{ITEMS}?{query}").get_json()["items"]

    assert [each["item_name"] for each in rows] == names.split()


@pytest.mark.parametrize(
    "query",
    [
        *("colour=red", "sort_by=id", "min_stock=x", "min_price=-1", "created_after=soon", "category_id=1"),
        *("brand_ids=1,2", "item_statuses=ASLEEP", "limit=1001", "min_stock=1e999999", "created_before=9999-12-31"),
    ],
)
def test_a_wish_that_means_nothing_is_refused(signed_in: Caller, query: str) -> None:
    """A misspelt filter does not show everything."""
    refusal(signed_in().get(f"{ITEMS}?{query}"), 422)


@pytest.mark.parametrize("sort", ["brand_name", "total_units"])
def test_a_sort_by_another_table_has_no_pages_by_key(signed_in: Caller, session: Session, sort: str) -> None:
    """The row last seen does not tell where in such an order it stood."""
    _shop(session)
    first = signed_in().get(f"{ITEMS}enhanced?limit=1").get_json()[0]

    refusal(signed_in().get(f"{ITEMS}?sort_by={sort}&after={first['id']}"), 422)


def test_what_is_low_is_counted_whole_and_shown_in_parts(signed_in: Caller, session: Session) -> None:
    """The total is that of all that are low, in whatever order and on whichever page they are asked for."""
    _shop(session)
    low = [row["item_name"] for row in signed_in().get(f"{ITEMS}low-stock?sort_by=total_units").get_json()]

    for skip, name in enumerate(low):
        part = signed_in().get(f"{ITEMS}low-stock?sort_by=total_units&skip={skip}&limit=1")
        assert [row["item_name"] for row in part.get_json()] == [name]
        assert part.headers["X-Total-Count"] == str(len(low))
    assert low


LISTS = ("", "enhanced", "low-stock", "types/sale", "search/lamp", "brand/{Acme}", "category/{Gear}", "count/total")


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_one_statement(app: Flask, signed_in: Caller, session: Session, path: str) -> None:
    """However many items, brands, categories and stock levels it tells of."""
    _shop(session)
    client = signed_in()
    asked = ITEMS + path.format(**_ids(session)) + "?available_only=true&min_stock=1&sort_by=category_name"
    assert client.get(asked).status_code == 200  # the caller is known now

    with statements(app) as sent:
        client.get(asked)

    assert len(sent) == 1

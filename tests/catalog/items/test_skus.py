"""The SKUs of items: made of category, name and use, numbered without collision and without gaps."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from rental_backend.catalog.items import service as items
from rental_backend.catalog.items import skus
from rental_backend.catalog.models import Item, SkuSequence
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal
from tests.serving import until

ITEMS = "/api/master-data/item-master/"
LAMP = {"item_name": "Arc lamp", "reorder_point": 1}


def _form(session: Session, **more: Any) -> dict[str, Any]:
    return {**LAMP, "unit_of_measurement_id": str(factories.unit(session).id), **more}


@pytest.mark.parametrize(
    ("path", "name", "rentable", "prefix"),
    [
        (None, "Arc lamp", True, "MISC-ITEM-ARCL-R"),
        ("Lamps", "Arc lamp", False, "LMPS-GEN-ARCL-S"),
        ("Lighting", "x", True, "LIGH-GEN-X000-R"),  # without vowels it has five letters: too many
        ("Cameras/Lenses", "50 mm f/1.4", True, "CMRS-LEN-50MM-R"),
        ("Audio Video Gear/Power Tools", "Drill", True, "AVG-PT-DRIL-R"),
        ("One Two Three Four Five/A B C D", "Drill", True, "ONE-A-DRIL-R"),  # too many words for their initials
        ("Oak/Tents", "Tent", True, "OAK-TEN-TENT-R"),
        ("Lamps/Arc/Old", "Tent", True, "LMPS-RC-TENT-R"),
        ("Éclairage/Scène", "Été", True, "CLRG-SCN-ETE0-R"),
        ("照明/灯", "灯", True, "MISC-GEN-PROD-R"),
        ("-- / !!", "...", False, "MISC-GEN-PROD-S"),
    ],
)
def test_a_sku_says_what_an_item_is(path: str | None, name: str, rentable: bool, prefix: str) -> None:
    """Category and subcategory are shortened, the name gives four characters, the use one letter."""
    assert skus.codes(path, name, rentable=rentable).prefix == prefix


def test_items_of_a_kind_are_numbered(signed_in: Caller, session: Session) -> None:
    """Each prefix counts for itself; preview and creation agree."""
    client = signed_in("ITEM_CREATE", "ITEM_VIEW")
    lenses = factories.category(session, factories.category(session, name="Cameras"), name="Lenses")
    lens = _form(session, category_id=str(lenses.id))
    asked = {"item_name": "Arc lamp", "category_id": str(lenses.id)}

    first = client.post(ITEMS + "skus/generate", json=asked).get_json()
    again = client.post(ITEMS + "skus/generate", json=asked).get_json()
    made = [client.post(ITEMS, json=form).get_json()["sku"] for form in (lens, _form(session), lens, lens)]
    last = client.post(ITEMS + "skus/generate", json=asked).get_json()

    assert made == ["CMRS-LEN-ARCL-R-001", "MISC-ITEM-ARCL-R-001", "CMRS-LEN-ARCL-R-002", "CMRS-LEN-ARCL-R-003"]
    assert first == again
    assert first == {
        "sku": "CMRS-LEN-ARCL-R-001",
        "category_code": "CMRS",
        "subcategory_code": "LEN",
        "product_code": "ARCL",
        "attributes_code": "R",
        "sequence_number": 1,
    }
    assert (last["sku"], last["sequence_number"]) == ("CMRS-LEN-ARCL-R-004", 4)


@pytest.mark.parametrize(("said", "letter"), [("RENTAL", "R"), ("SALE", "S"), ("BOTH", "R")])
def test_a_preview_takes_the_type_of_an_item(signed_in: Caller, said: str, letter: str) -> None:
    """The frontend says what an item is for by its type; rented counts before sold."""
    body = {"item_name": "Lamp", "item_type": said}

    shown = signed_in("ITEM_VIEW").post(ITEMS + "skus/generate", json=body).get_json()

    assert shown["attributes_code"] == letter


def test_numbers_go_on_where_others_ended(signed_in: Caller, session: Session) -> None:
    """SKUs that were there before there was a counter, longer ones too, are counted; other prefixes are not."""
    for sku in ("MISC-ITEM-ARCL-R-007", "MISC-ITEM-ARCL-R-1203", "MISC-ITEM-ARCL-S-5000", "MISC-ITEM-ARCL-R-X"):
        factories.item(session, sku=sku)
    client = signed_in()

    made = [client.post(ITEMS, json=_form(session)).get_json()["sku"] for _ in range(2)]

    assert made == ["MISC-ITEM-ARCL-R-1204", "MISC-ITEM-ARCL-R-1205"]


def test_a_number_that_somebody_took_by_hand_is_passed_over(signed_in: Caller, session: Session) -> None:
    """A SKU in the counter's way costs its number and no creation."""
    client = signed_in()
    client.post(ITEMS, json=_form(session))
    factories.item(session, sku="MISC-ITEM-ARCL-R-002")

    assert client.post(ITEMS, json=_form(session)).get_json()["sku"] == "MISC-ITEM-ARCL-R-003"


def test_twenty_clerks_at_once_get_twenty_numbers_without_a_gap(signed_in: Caller, session: Session) -> None:
    """Whoever is told that we are busy tries again; all are served, nobody gets another's number, none is left out."""
    clients, form = [signed_in() for _ in range(20)], _form(session)

    def create(client: FlaskClient) -> str:
        made: list[str] = []

        def is_made() -> bool:
            answer = client.post(ITEMS, json=form)
            if answer.status_code == 201:
                made.append(answer.get_json()["sku"])
                return True
            assert refusal(answer, 503)["code"] == "busy"
            return False

        until(is_made)
        return made[0]

    with ThreadPoolExecutor(20) as pool:
        taken = sorted(pool.map(create, clients))

    assert taken == [f"MISC-ITEM-ARCL-R-{number:03}" for number in range(1, 21)]


@pytest.mark.parametrize("is_new", [True, False], ids=["new prefix", "known prefix"])
def test_whoever_waits_for_one_that_is_rolled_back_gets_its_number(
    engine: Engine, session: Session, is_new: bool
) -> None:
    """A creation waits for the one before it, and if that comes to nothing takes its number."""
    codes = skus.codes(None, "Arc lamp", rentable=True)
    if not is_new:
        session.add(SkuSequence(category_code=codes.prefix, next_sequence=1))
        session.commit()
    with Session(engine) as first, Session(engine) as second, ThreadPoolExecutor(1) as pool:
        assert skus.take(first, codes) == "MISC-ITEM-ARCL-R-001"
        waiting = pool.submit(skus.take, second, codes)
        try:
            until(lambda: _somebody_waits(engine))
        finally:
            first.rollback()

        assert waiting.result(5) == "MISC-ITEM-ARCL-R-001"


def _somebody_waits(engine: Engine) -> bool:
    asked = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'sku_sequences')"
    with engine.connect() as connection:  # a new transaction each time, which sees what is so now
        return bool(connection.exec_driver_sql(asked).scalar())


def test_a_creation_that_is_refused_leaves_no_gap(signed_in: Caller, session: Session) -> None:
    """The number of an item whose brand is not there is given to the next one."""
    client = signed_in()
    client.post(ITEMS, json=_form(session))

    refusal(client.post(ITEMS, json=_form(session, brand_id=str(uuid.uuid4()))), 422, fields=("brand_id",))

    assert client.post(ITEMS, json=_form(session)).get_json()["sku"] == "MISC-ITEM-ARCL-R-002"


def test_an_item_without_sku_is_given_one(signed_in: Caller, session: Session) -> None:
    """Only blank SKUs are replaced, since the others stand on labels."""
    kept, nameless = factories.item(session), factories.item(session, sku="", item_name="Arc lamp")
    client = signed_in("ITEM_UPDATE", username="clerk")

    told = client.post(ITEMS + "skus/bulk-generate").get_json()
    again = client.post(ITEMS + "skus/bulk-generate").get_json()

    session.expire_all()
    assert (told["total_processed"], told["successful_generations"], again["total_processed"]) == (1, 1, 0)
    assert session.get_one(Item, nameless.id).sku == "MISC-ITEM-ARCL-R-001"
    assert session.get_one(Item, nameless.id).updated_by == "clerk"
    assert session.scalar(select(Item.sku).where(Item.id == kept.id)) == kept.sku


def test_a_sku_of_nothing_is_refused(signed_in: Caller) -> None:
    """A category that is not there is named."""
    body = {"item_name": "Lamp", "category_id": str(uuid.uuid4())}

    refusal(signed_in().post(ITEMS + "skus/generate", json=body), 422, fields=("category_id",))


def test_the_counter_is_kept_by_the_service(session: Session) -> None:
    """The service that creates items takes the SKU in the caller's transaction."""
    fields = {**_form(session), "is_rentable": True, "is_saleable": False}

    made = items.create(session, "clerk", fields)

    assert made.sku == "MISC-ITEM-ARCL-R-001"
    session.rollback()
    assert session.scalar(select(SkuSequence.next_sequence)) is None

"""Categories: their codes, their places in the tree, and what keeps them from being deleted."""

import random
import uuid
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from rental_backend.catalog.categories.codes import shortened
from rental_backend.catalog.models import Category
from tests import factories
from tests.catalog.trees import untrue
from tests.conftest import Caller
from tests.refusals import refusal

CATEGORIES = "/api/master-data/categories/"


def _made(client: FlaskClient, name: str, parent: str | None = None, **more: Any) -> dict[str, Any]:
    answer = client.post(CATEGORIES, json={"name": name, "parent_category_id": parent, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def _shown(client: FlaskClient, id: Any) -> dict[str, Any]:
    shown: dict[str, Any] = client.get(f"{CATEGORIES}{id}").get_json()
    return shown


@pytest.mark.parametrize(
    ("name", "longest", "code"),
    [
        *(("Camera", 4, "CMR"), ("Lens", 4, "LNS"), ("Tripods", 4, "TRIP"), ("Aeo", 4, "AEO"), ("Ear", 4, "EAR")),
        *(("Power Tools", 4, "PT"), ("Heavy duty power tools", 4, "HDPT"), ("a b c d e", 4, "A")),
        *(("Éclairage", 4, "CLRG"), ("4K monitors", 2, "4M"), ("Sound/Light", 4, "SL"), ("映画", 4, ""), ("--", 4, "")),
    ],
)
def test_a_name_is_shortened_to_a_code(name: str, longest: int, code: str) -> None:
    """Initials of several words, one word without its vowels, or its first letters; only A-Z and 0-9."""
    assert shortened(name, longest) == code


def test_a_code_grows_with_the_level_and_stays_within_ten_characters(signed_in: Caller, session: Session) -> None:
    """Four letters, the parent's and up to four, then three, then two; of the parent's as much as there is room for."""
    client, parent, codes = signed_in(), None, []
    for name in ("Cameras", "Video", "Broadcast", "Studio", "Remote", "Spare"):
        made = _made(client, name, parent)
        parent = made["id"]
        codes.append(made["category_code"])

    assert codes == ["CMRS", "CMRS-VD", "CMRS-V-BRO", "CMRS-V-ST", "CMRS-V-RE", "CMRS-V-SP"]
    assert untrue(session) == []


def test_codes_that_clash_get_the_next_number(signed_in: Caller) -> None:
    """Categories of like names get the first number that is free, wherever in the tree they stand."""
    client = signed_in()
    codes = [_made(client, f"Lenses{number}")["category_code"] for number in range(11)]

    assert codes == ["LENS", *(f"LEN{number}" for number in range(2, 10)), "LE10", "LE11"]
    assert _made(client, "映画")["category_code"] == "CAT"
    assert _made(client, "音楽")["category_code"] == "CAT2"


def test_a_code_may_be_given(signed_in: Caller, session: Session) -> None:
    """It is taken in capitals, is unique, and holds only letters, digits and dashes."""
    client = signed_in()

    assert _made(client, "Lenses", category_code="opt-1")["category_code"] == "OPT-1"
    refusal(client.post(CATEGORIES, json={"name": "B", "category_code": "OPT-1"}), 409, fields=("category_code",))
    for wrong in ("A B", "Ä", "A" * 11, "A_B", 7):
        refusal(client.post(CATEGORIES, json={"name": "C", "category_code": wrong}), 422, fields=("category_code",))
    assert session.scalars(select(Category.name)).all() == ["Lenses"]


def test_a_category_is_answered_with_its_place(signed_in: Caller, session: Session) -> None:
    """Path, level, leaf and the numbers of children and items stand under every name that the pages use."""
    client = signed_in()
    top = _made(client, "Cameras", description="All of them", display_order=2)
    child = _made(client, "Bodies", top["id"])
    _made(client, "Retired", top["id"], is_active=False)
    factories.item(session, category_id=uuid.UUID(child["id"]))
    factories.item(session, category_id=uuid.UUID(child["id"]), is_active=False)

    shown = _shown(client, top["id"])

    assert (shown["category_path"], shown["category_level"], shown["level"]) == ("Cameras", 1, 1)
    assert (shown["is_leaf"], shown["child_count"], shown["has_children"], shown["item_count"]) == (False, 1, True, 0)
    assert (shown["description"], shown["display_order"], shown["is_root"]) == ("All of them", 2, True)
    shown = _shown(client, child["id"])
    assert (shown["name"], shown["category_name"], shown["parent_category_id"]) == ("Bodies", "Bodies", top["id"])
    assert (shown["category_path"], shown["breadcrumb"]) == ("Cameras/Bodies", ["Cameras", "Bodies"])
    assert (shown["is_leaf"], shown["item_count"], shown["productCount"], shown["has_items"]) == (True, 1, 1, True)
    assert (shown["is_root"], shown["child_count"], shown["has_children"]) == (False, 0, False)


def test_a_name_is_unique_under_one_parent(signed_in: Caller) -> None:
    """The same name may stand under another parent; under the same one, or beside it at the top, it is 409."""
    client = signed_in()
    cameras, lenses = (_made(client, name)["id"] for name in ("Cameras", "Lenses"))
    used = _made(client, "Used", cameras)["id"]
    other = _made(client, "Used", lenses)["id"]

    for body in ({"name": "Used", "parent_category_id": cameras}, {"name": "Cameras"}, {"name": " cameras"}):
        assert "name" in refusal(client.post(CATEGORIES, json=body), 409, fields=("name",))["errors"]
    refusal(client.put(f"{CATEGORIES}{lenses}", json={"name": "Cameras"}), 409, fields=("name",))
    refusal(client.patch(f"{CATEGORIES}{other}/move", json={"new_parent_id": cameras}), 409, fields=("name",))
    for name in ("Used", "USED"):  # its own name in other letters
        assert client.put(f"{CATEGORIES}{used}", json={"name": name}).get_json()["category_path"] == f"Cameras/{name}"


def test_all_below_follow_a_change(signed_in: Caller, session: Session) -> None:
    """A new name or parent rewrites paths and levels of everything below, and the leaves on both sides."""
    client = signed_in()
    a = _made(client, "A")["id"]
    b = _made(client, "B", a)["id"]
    c = _made(client, "C", b)["id"]
    d = _made(client, "D")["id"]

    client.put(f"{CATEGORIES}{a}", json={"name": "Z"})
    assert _shown(client, c)["category_path"] == "Z/B/C"

    moved = client.put(f"{CATEGORIES}{b}", json={"parent_category_id": d, "name": "Y"}).get_json()
    assert (moved["category_path"], moved["category_level"]) == ("D/Y", 2)
    assert (_shown(client, c)["category_path"], _shown(client, c)["category_level"]) == ("D/Y/C", 3)
    assert [_shown(client, each)["is_leaf"] for each in (a, b, c, d)] == [True, False, True, False]

    raised = client.patch(f"{CATEGORIES}{b}/move", json={"new_parent_id": None}).get_json()
    assert (raised["category_path"], raised["category_level"], raised["is_root"]) == ("Y", 1, True)
    assert (_shown(client, c)["category_path"], _shown(client, d)["is_leaf"]) == ("Y/C", True)
    assert untrue(session) == []


def test_a_category_is_never_below_itself(signed_in: Caller, session: Session) -> None:
    """A move under itself or one below it is 409 and changes nothing, however it is asked for."""
    client = signed_in()
    a = _made(client, "A")["id"]
    b = _made(client, "B", a)["id"]
    c = _made(client, "C", b)["id"]

    for to in (a, b, c):
        answer = client.patch(f"{CATEGORIES}{a}/move", json={"new_parent_id": to})
        assert refusal(answer, 409)["code"] == "cyclic_move"
        refusal(client.put(f"{CATEGORIES}{a}", json={"parent_category_id": to, "name": "N"}), 409)
    assert _shown(client, c)["category_path"] == "A/B/C"
    assert untrue(session) == []


def test_a_parent_is_there_and_in_use(signed_in: Caller, session: Session) -> None:
    """A parent that there is not is 422, a retired one 409."""
    client, retired = signed_in(), str(factories.category(session, is_active=False).id)
    category = _made(client, "A")["id"]

    for parent, status in ((str(uuid.uuid4()), 422), (retired, 409), (7, 422), ("x", 422)):
        for answer in (
            client.post(CATEGORIES, json={"name": "B", "parent_category_id": parent}),
            client.put(f"{CATEGORIES}{category}", json={"parent_category_id": parent}),
        ):
            assert "parent_category_id" in refusal(answer, status)["detail"]


def test_what_has_items_or_children_is_not_deleted(signed_in: Caller, session: Session) -> None:
    """The refusal says how many there are; retired ones do not count."""
    client = signed_in()
    top = _made(client, "Cameras")["id"]
    child = _made(client, "Bodies", top)["id"]
    items = [factories.item(session, category_id=uuid.UUID(child)) for _ in range(2)]

    said = refusal(client.delete(f"{CATEGORIES}{child}"), 409)
    assert (said["code"], said["detail"], said["count"]) == (
        *("in_use", "The category still has 2 items, so it cannot go."),
        2,
    )
    said = refusal(client.delete(f"{CATEGORIES}{top}"), 409)
    assert said["detail"] == "The category still has 1 child category, so it cannot go."
    other = _made(client, "Lenses", top)["id"]
    said = refusal(client.delete(f"{CATEGORIES}{top}"), 409)
    assert said["detail"] == "The category still has 2 child categories, so it cannot go."
    assert client.delete(f"{CATEGORIES}{other}").status_code == 204

    for item in items:
        item.is_active = False
    session.commit()
    assert client.delete(f"{CATEGORIES}{child}").status_code == 204
    assert _shown(client, top)["is_leaf"] is True
    assert client.delete(f"{CATEGORIES}{top}").status_code == 204
    assert (client.get(CATEGORIES).get_json()["items"], untrue(session)) == ([], [])


def test_retiring_keeps_the_tree_whole(signed_in: Caller, session: Session) -> None:
    """Nothing in use stands under something retired: neither by a change, nor by coming back."""
    client = signed_in()
    top = _made(client, "Cameras")["id"]
    child = _made(client, "Bodies", top)["id"]

    refusal(client.put(f"{CATEGORIES}{top}", json={"is_active": False}), 409)
    refusal(client.patch(f"{CATEGORIES}{top}/toggle-active"), 409)
    assert client.patch(f"{CATEGORIES}{child}/toggle-active").get_json()["is_active"] is False
    assert client.put(f"{CATEGORIES}{top}", json={"is_active": False}).get_json()["is_active"] is False
    assert refusal(client.put(f"{CATEGORIES}{child}", json={"is_active": True}), 409)["code"] == "parent_retired"
    for each in (top, child):
        assert client.patch(f"{CATEGORIES}{each}/toggle-active").get_json()["is_active"] is True
    assert (_shown(client, top)["is_leaf"], untrue(session)) == (False, [])


def test_a_leaf_is_what_the_tree_says(signed_in: Caller, session: Session) -> None:
    """`is_leaf` may be sent, and is not believed."""
    client = signed_in()
    top = _made(client, "Cameras", is_leaf=False)
    assert top["is_leaf"] is True
    _made(client, "Bodies", top["id"])

    assert client.put(f"{CATEGORIES}{top['id']}", json={"is_leaf": True}).get_json()["is_leaf"] is False
    assert untrue(session) == []


def test_a_tree_has_an_end(signed_in: Caller, session: Session) -> None:
    """Twenty levels are the most, and 500 characters of a path; a move may not go beyond either."""
    client, parent = signed_in(), None
    for level in range(20):
        parent = _made(client, f"L{level}", parent)["id"]
    pair = _made(client, "Pair")["id"]
    _made(client, "Below", pair)

    assert refusal(client.post(CATEGORIES, json={"name": "X", "parent_category_id": parent}), 409)["code"] == "too_deep"
    above = session.scalars(select(Category.id).where(Category.category_level == 19)).one()
    answer = client.patch(f"{CATEGORIES}{pair}/move", json={"new_parent_id": str(above)})
    assert refusal(answer, 409)["code"] == "too_deep"

    long = None
    for level in range(4):
        long = _made(client, f"{level}" * 100, long)["id"]
    refusal(client.post(CATEGORIES, json={"name": "x" * 97, "parent_category_id": long}), 422, fields=("name",))
    assert _made(client, "x" * 96, long)["category_level"] == 5
    refusal(client.patch(f"{CATEGORIES}{pair}/move", json={"new_parent_id": long, "name": "y"}), 422)
    assert untrue(session) == []


def test_the_tree_is_true_after_every_change(signed_in: Caller, session: Session) -> None:
    """A walk of 90 random changes: each is made or refused, and after it every path, level and leaf is right."""
    client, chance = signed_in(), random.Random(20_251_125)
    ids = [_made(client, f"N{number}")["id"] for number in range(4)]
    statuses = []
    for step in range(90):
        one, other = chance.choice(ids), chance.choice([*ids, None])
        match chance.randrange(5):
            case 0:
                answer = client.post(CATEGORIES, json={"name": f"S{step % 9}", "parent_category_id": other})
                if answer.status_code == 201:
                    ids.append(answer.get_json()["id"])
            case 1:
                answer = client.patch(f"{CATEGORIES}{one}/move", json={"new_parent_id": other})
            case 2:
                answer = client.put(f"{CATEGORIES}{one}", json={"name": f"R{step % 9}", "parent_category_id": other})
            case 3:
                answer = client.patch(f"{CATEGORIES}{one}/toggle-active")
            case _:
                answer = client.delete(f"{CATEGORIES}{one}")
        statuses.append(answer.status_code)
        assert untrue(session) == [], f"step {step}"
    assert {status: statuses.count(status) > 2 for status in set(statuses)} == dict.fromkeys((200, 201, 204, 409), True)


def test_lists_choose_by_place_and_content(signed_in: Caller, session: Session) -> None:
    """The predecessor's filters, the pages' sorting, parents without what is below one, leaves and search."""
    client = signed_in()
    a = factories.category(session, name="A", display_order=2)
    b = factories.category(session, a, name="B")
    c = factories.category(session, b, name="C")
    factories.category(session, name="D", display_order=1)
    factories.category(session, name="E", is_active=False)
    factories.item(session, category_id=c.id)

    def names(query: str, path: str = "") -> str:
        said = client.get(f"{CATEGORIES}{path}?{query}").get_json()
        return "".join(row["name"] for row in (said if isinstance(said, list) else said["items"]))

    assert [names(query) for query in ("", "include_inactive=true", "is_active=false")] == ["ABCD", "ABCDE", "E"]
    assert names(f"parent_id={a.id}") == names(f"parent_category_id={a.id}") == "B"
    assert [names(query) for query in ("level=3", "category_level=1")] == ["C", "AD"]
    assert [names(f"{flag}=true") for flag in ("is_leaf", "has_items", "has_children")] == ["CD", "C", "AB"]
    assert [names(f"{flag}=false") for flag in ("is_leaf", "has_items", "has_children")] == ["AB", "ABD", "CD"]
    assert (names("name=b"), names("path_contains=a/b"), names("search=d")) == ("B", "BC", "D")
    assert names("sort_field=display_order&sort_direction=desc&level=1") == "AD"
    assert names("sort_field=item_count&sort_direction=desc")[0] == "C"
    assert (names("limit=2"), names("page=2&page_size=3")) == ("AB", "D")
    assert (names("", "parents/"), names(f"exclude_id={b.id}", "parents/")) == ("ABCD", "AD")
    assert names(f"exclude_id={uuid.uuid4()}&include_inactive=true", "parents/") == "ABCDE"
    assert (names("", "leaves/"), names("include_inactive=true", "leaves/")) == ("CD", "CDE")
    assert (names("q=b", "search/"), names("q=e&include_inactive=true", "search/")) == ("B", "E")
    refusal(client.get(f"{CATEGORIES}?sort_field=secret"), 422, fields=("sort_field",))
    refusal(client.get(f"{CATEGORIES}search/"), 422, fields=("q",))


def test_the_tree_is_nested_by_display_order(signed_in: Caller, session: Session) -> None:
    """Each category stands below its parent; from a root on only what is below it; retired ones when asked for."""
    client = signed_in()
    a = factories.category(session, name="A", display_order=2)
    b = factories.category(session, a, name="B")
    factories.category(session, b, name="C")
    factories.category(session, name="D", display_order=1)
    retired = factories.category(session, a, name="E", is_active=False)

    def shape(nodes: list[dict[str, Any]]) -> dict[str, Any]:
        return {node["name"]: shape(node["children"]) for node in nodes}

    def tree(query: str = "") -> dict[str, Any]:
        return shape(client.get(f"{CATEGORIES}tree/?{query}").get_json())

    assert list(tree()) == ["D", "A"]
    assert tree() == {"D": {}, "A": {"B": {"C": {}}}}
    assert tree("include_inactive=true") == {"D": {}, "A": {"B": {"C": {}}, "E": {}}}
    assert tree(f"root_id={b.id}") == {"B": {"C": {}}}
    assert tree(f"root_id={retired.id}&include_inactive=true") == {"E": {}}
    for nothing in (retired.id, uuid.uuid4()):
        refusal(client.get(f"{CATEGORIES}tree/?root_id={nothing}"), 404)
    (node,) = client.get(f"{CATEGORIES}tree/?root_id={b.id}").get_json()
    shown = _shown(client, b.id)
    times = {name: datetime.fromisoformat(shown.pop(name)) for name in ("created_at", "updated_at")}
    assert {name: datetime.fromisoformat(node.pop(name)) for name in times} == times  # written by another program
    assert {name: value for name, value in node.items() if name != "children"} == shown


def test_an_orphan_of_old_stands_at_the_top(signed_in: Caller, session: Session) -> None:
    """A category whose parent was retired by the predecessor is not lost from the tree."""
    retired = factories.category(session, is_active=False)
    factories.category(session, retired, name="Orphan")
    session.execute(text("UPDATE categories SET is_leaf = true"))
    session.commit()

    (node,) = signed_in().get(f"{CATEGORIES}tree/").get_json()

    assert node["name"] == "Orphan"


@pytest.mark.parametrize("body", [{}, {"new_parent_id": "x"}, {"parent": None}], ids=str)
def test_a_bad_move_is_refused(signed_in: Caller, body: dict[str, Any]) -> None:
    """A category that there is not is 404, a parent that is no id 422."""
    answer = signed_in().patch(f"{CATEGORIES}{uuid.uuid4()}/move", json=body)

    refusal(answer, 422 if body else 404)

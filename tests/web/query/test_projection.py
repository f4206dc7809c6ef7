"""From a declared schema to JSON written by PostgreSQL, on toys."""

import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from rental_backend.errors import NotFound
from rental_backend.web.query import projection
from tests.statements import statements
from tests.web.conftest import Player
from tests.web.toys import TOYS, Toy, ToySchema


def _toy(shelf: Session, name: str, **values: Any) -> Toy:
    toy = Toy(name=name, **values)
    shelf.add(toy)
    shelf.commit()
    return toy


def _page(shelf: Session, **arguments: Any) -> tuple[list[str], int]:
    page = TOYS.page(shelf, arguments)
    return [row["name"] for row in json.loads(page.body)], page.total


def test_a_row_has_the_members_of_its_schema_in_order(shelf: Session) -> None:
    """The schema alone says what is answered, by what name and in what order."""
    toy = _toy(shelf, "bear", price=Decimal("1.50"), colour="brown")

    row = json.loads(projection.one(shelf, ToySchema, Toy, toy.id))

    assert list(row) == ["id", "name", "title", "price", "colour", "label", "sold_at"]
    assert row == {
        "id": str(toy.id),
        "name": "bear",
        "title": "bear",
        "price": 1.5,
        "colour": "brown",
        "label": "",
        "sold_at": None,
    }


def test_amounts_are_numbers_to_the_last_digit(shelf: Session) -> None:
    """Money is a JSON number, exact as stored."""
    toy = _toy(shelf, "bear", price=Decimal("12345678.90"))

    body = projection.one(shelf, ToySchema, Toy, toy.id)

    assert b'"price":12345678.90' in body
    assert json.loads(body, parse_float=Decimal)["price"] == Decimal("12345678.90")


def test_what_is_not_there_is_not_found(shelf: Session) -> None:
    """An id without a row is named for what it should have been."""
    with pytest.raises(NotFound, match="toy"):
        projection.one(shelf, ToySchema, Toy, uuid.uuid4())


@pytest.mark.parametrize("name", ['"quoted"', "back\\slash", "new\nline", "李", "</script>", "🧸", "tab\t", "\u2028"])
def test_any_text_survives(shelf: Session, name: str) -> None:
    """The JSON is valid whatever is stored."""
    toy = _toy(shelf, name)

    assert json.loads(projection.one(shelf, ToySchema, Toy, toy.id))["name"] == name
    assert _page(shelf) == ([name], 1)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({}, "abcde"),
        ({"limit": 2}, "ab"),
        ({"limit": 2, "skip": 1}, "bc"),
        ({"limit": 5}, "abcde"),
        ({"limit": 2, "skip": 4}, "e"),
        ({"limit": 2, "skip": 5}, ""),
        ({"skip": 99}, ""),
        ({"page": 2, "page_size": 2}, "cd"),
        ({"page": 3, "page_size": 2}, "e"),
        ({"page": 4, "page_size": 2}, ""),
        ({"limit": None, "skip": None, "page": None, "colour": None, "search": None}, "abcde"),
    ],
    ids=str,
)
def test_a_page_knows_the_total(shelf: Session, arguments: dict[str, Any], names: str) -> None:
    """The total is right on every page: first, full, last, and beyond the end."""
    for name in "caebd":
        _toy(shelf, name)

    assert _page(shelf, **arguments) == (list(names), 5)


def test_a_page_of_nothing(shelf: Session) -> None:
    """Without rows a page is an empty array, of 0."""
    assert TOYS.page(shelf, {}) == (b"[]", 0, True)
    assert TOYS.page(shelf, {"colour": "red", "skip": 3}) == (b"[]", 0, True)


def test_the_total_counts_what_the_filters_let_through(shelf: Session) -> None:
    """Filters and search hold for rows and total alike."""
    for name, colour in (("a", "red"), ("b", "red"), ("c", "blue"), ("redder", None)):
        _toy(shelf, name, colour=colour)

    assert _page(shelf, colour="red", limit=1) == (["a"], 2)
    assert _page(shelf, search="RED") == (["a", "b", "redder"], 3)
    assert _page(shelf, search="RED", colour="red", limit=1, skip=1) == (["b"], 2)
    assert _page(shelf, search="r b") == ([], 0)


@pytest.mark.parametrize("sign", ["%", "_", "\\"])
def test_a_search_has_no_wildcards(shelf: Session, sign: str) -> None:
    """What LIKE reads as a pattern is a sign like others."""
    _toy(shelf, "aXb")
    _toy(shelf, f"a{sign}b")

    assert _page(shelf, search=f"a{sign}b") == ([f"a{sign}b"], 1)


def test_a_value_is_bound_and_never_part_of_the_statement(toy_app: Flask, player: Player) -> None:
    """Statements depend on which filters are given, not on what they say."""
    client = player("TOY_VIEW")
    with statements(toy_app) as sent:
        for text in ("x", "'; DROP TABLE toys; --"):
            assert client.get("/api/toys/", query_string={"search": text, "colour": text}).get_json() == []

    assert len(sent) == 2
    assert sent[0] == sent[1]

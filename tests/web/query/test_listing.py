"""Lists: paging by key, orders, and totals that are counted only so far, on games."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, literal, select, text
from sqlalchemy.orm import Session

from rental_backend.web.query.paging import COUNTED
from tests.refusals import refusal
from tests.statements import statements
from tests.web.conftest import Player
from tests.web.sample_resource import GAMES, Game, stored

PATH = "/api/games"


def _names(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    return "".join(row["name"] for row in answer.get_json())


def test_pages_by_key_hold_every_row_once(player: Player, shelf: Session) -> None:
    """The last id of a page leads to the next one, whatever is stored or retired meanwhile."""
    games = stored(shelf, "abcdefg")
    client = player()

    first = client.get(f"{PATH}?limit=3")
    stored(shelf, ["newest"], created_at=func.now() + func.make_interval(0, 0, 0, 1))
    games[2].is_active = False  # the row that the next page is asked by
    shelf.commit()
    second = client.get(f"{PATH}?limit=3&after={games[2].id}")
    third = client.get(f"{PATH}?limit=3&after={games[5].id}")
    end = client.get(f"{PATH}?limit=3&after={games[6].id}")

    assert [_names(each) for each in (first, second, third, end)] == ["abc", "def", "g", ""]
    assert {each.headers["X-Total-Count"] for each in (second, third, end)} == {"7"}


def test_rows_of_one_moment_are_told_apart(player: Player, shelf: Session) -> None:
    """Pages by key neither repeat nor leave out rows that are equally old."""
    for game in stored(shelf, "abcdefgh"):
        game.created_at = func.date_trunc("day", func.now())
    shelf.commit()
    client, seen, after = player(), [], ""

    while page := client.get(f"{PATH}?limit=3{after}").get_json():
        seen += [row["name"] for row in page]
        after = f"&after={page[-1]['id']}"

    assert sorted(seen) == list("abcdefgh")


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_sorted_pages_by_key(player: Player, shelf: Session, direction: str) -> None:
    """An order asked for has pages by key too, in both directions."""
    games = {game.name: game for game in stored(shelf, "cabed")}
    client = player()
    query = f"{PATH}?sort_field=name&sort_direction={direction}&limit=2"
    names = sorted("abcde", reverse=direction == "desc")

    page = client.get(f"{query}&after={games[names[1]].id}")

    assert _names(page) == "".join(names[2:4])


def test_an_order_with_nulls_has_no_pages_by_key(player: Player, shelf: Session) -> None:
    """By a column that may be empty a list is sorted, and its pages are by number; `after` is refused by name."""
    games = [*stored(shelf, ["a"], maker="z"), *stored(shelf, "b"), *stored(shelf, ["c"], maker="y")]
    client = player()

    assert _names(client.get(f"{PATH}?sort_field=maker&sort_direction=asc")) == "cab"
    assert _names(client.get(f"{PATH}?sort_by=maker&sort_order=asc&limit=1&skip=1")) == "a"
    refusal(client.get(f"{PATH}?sort_field=maker&after={games[0].id}"), 422, fields=("after",))
    refusal(client.get(f"/api/game-shop?after={games[0].id}"), 422, fields=("after",))  # up by name, down by id


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("sort_field=price", "sort_field"),
        ("sort_field=id;--", "sort_field"),
        ("sort_direction=up", "sort_direction"),
        ("after=x", "after"),
        ("after=00000000-0000-0000-0000-000000000000", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("skip=-1", "skip"),
        ("page=0", "page"),
        ("count=all", "count"),
        ("colour=red", "colour"),
        ("least_players=many", "least_players"),
    ],
)
def test_what_a_list_does_not_know_is_refused_by_name(player: Player, query: str, field: str) -> None:
    """A parameter that is unknown, or says nothing possible, is 422 and named."""
    refusal(player().get(f"{PATH}?{query}"), 422, fields=(field,))


def test_a_search_where_nothing_is_searched_is_refused(player: Player) -> None:
    """A list without a search says so, rather than showing everything or failing."""
    refusal(player().get("/api/game-shop?search=go"), 422, fields=("search",))


@pytest.mark.parametrize("sign", ["_", "%", "\\", "\\_", "%%"])
def test_a_search_takes_wildcards_literally(player: Player, shelf: Session, sign: str) -> None:
    """Whoever looks for a sign that LIKE reads as another finds the rows that have it, and no others."""
    stored(shelf, [f"a{sign}b", "a b", "ab", "a-+b", "ac"])

    found = player().get(PATH, query_string={"search": f"A{sign}B"})

    assert _names(found) == f"a{sign}b"


def test_a_condition_is_more_than_equality(player: Player, shelf: Session) -> None:
    """A declared condition gets the parameter's value; it goes with filters and search."""
    stored(shelf, "ab", players=4)
    stored(shelf, "cd", players=2)
    stored(shelf, "e", players=4, kind="card")
    client = player()

    assert set(_names(client.get(f"{PATH}?least_players=3"))) == set("abe")
    assert set(_names(client.get(f"{PATH}?least_players=3&kind=board&search=A"))) == set("a")


@pytest.fixture
def crowd(shelf: Session) -> Iterator[Session]:
    """One game more than are counted."""
    numbers = select(literal("Game ").concat(func.generate_series(1, COUNTED + 1)), literal("board"), 2, 0, True)
    shelf.execute(insert(Game).from_select(["name", "kind", "players", "price", "is_active"], numbers))
    shelf.commit()
    yield shelf


def test_a_total_is_counted_only_so_far(player: Player, crowd: Session) -> None:  # noqa: ARG001 - it fills the table
    """Beyond 10,000 the total is the least that there are, and says so; the exact one is there for the asking."""
    client = player()

    def told(query: str) -> tuple[str | None, str | None]:
        headers = client.get(f"{PATH}?limit=50{query}").headers
        return headers.get("X-Total-Count"), headers.get("X-Total-Count-Relation")

    assert told("") == ("10000", "gte")
    assert told("&skip=9960") == ("10001", None)  # the last page tells the total
    assert told("&skip=9951") == ("10001", "gte")  # full: there may be more
    assert told("&skip=20000") == ("10000", "gte")  # never more than there are
    assert told("&count=exact") == ("10001", None)
    assert told("&count=exact&skip=20000") == ("10001", None)
    assert told("&count=none") == (None, None)
    assert told("&search=game 999") == ("11", None)


def test_a_list_in_pages_does_not_end_where_counting_does(player: Player, crowd: Session) -> None:
    """Whoever turns the pages comes to the last row, and no further."""
    client = player()

    def told(page: int) -> tuple[int, bool]:
        said = client.get(f"/api/game-shop?page_size=1000&page={page}&active_only=false").get_json()
        return len(said["items"]), said["has_next"]

    assert [told(page) for page in (1, 10, 11, 12)] == [(1000, True), (1000, True), (1, False), (0, False)]
    crowd.execute(Game.__table__.delete().where(Game.name == "Game 1"))  # 10,000 left: the last page is full
    crowd.commit()
    assert [told(page) for page in (10, 11)] == [(1000, False), (0, False)]


def test_what_is_not_wanted_is_not_counted(toy_app: Flask, player: Player, shelf: Session) -> None:
    """With `count=none` the statement does not count, and every list is one statement."""
    stored(shelf, "abc")
    client = player()

    with statements(toy_app) as sent:
        for query in ("count=none", "count=exact", f"limit=2&after={uuid.UUID(int=0)}", "limit=2", "skip=9"):
            client.get(f"{PATH}?{query}")

    assert len(sent) == 6  # one more to tell an unknown id from the end of the list
    assert ["count(*)" in each for each in sent[:2]] == [False, True]


@pytest.mark.parametrize(("arguments", "mark", "kept"), [
    ({"is_active": True, "count": "none"}, "NULL%is_active = ", True),
    ({"is_active": False, "count": "exact"}, "count(%is_active = ", False),
    ({"kind": "board"}, "kind = ", False),
    ({"search": "chess"}, "ILIKE", False),
])  # fmt: skip
def test_what_may_leave_out_nearly_all_is_planned_each_time(
    shelf: Session, arguments: dict[str, Any], mark: str, kept: bool
) -> None:
    """PostgreSQL may plan a statement that it keeps for no value in particular: a search then reads the whole table."""
    for _ in range(7):
        GAMES.page(shelf, {"sort_field": "name", **arguments})

    known = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE :like")
    assert bool(shelf.scalar(known, {"like": f"%{mark}%ORDER BY games.name%"})) is kept


def test_statements_are_built_once(shelf: Session) -> None:
    """The same filters with other values are the same statement."""
    first, second = (GAMES.listing._statement(frozenset({"kind", "is_active"}), (None, None), None) for _ in range(2))

    assert first is second
    assert GAMES.page(shelf, {"kind": "a"}).total == 0

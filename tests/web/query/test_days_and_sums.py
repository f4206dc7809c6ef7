"""Ranges of days and sums of columns, on the shop of games."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from marshmallow import fields
from sqlalchemy.orm import Session

from rental_backend.schemas import Envelope
from rental_backend.web.query.days import ZONE
from rental_backend.web.query.envelopes import ARRAY, named, paginated, part
from rental_backend.web.query.paging import Page, Paged
from tests.refusals import refusal
from tests.statements import statements
from tests.web.conftest import Player
from tests.web.sample_resource import SHOP, GameSchema, stored

PATH = "/api/game-shop"
MIDNIGHT = datetime(2026, 3, 9, 18, 30, tzinfo=UTC)  # of 10 March in Kolkata, where the business is by default


class GameList(Envelope):
    """Games without sums."""

    games = fields.List(fields.Nested(GameSchema))


def _said(player: Player, query: str) -> tuple[str, Any]:
    answer = player().get(f"{PATH}?{query}")
    assert answer.status_code == 200, answer.text
    said = answer.get_json()
    return "".join(row["name"] for row in said["items"]), said


def _stored(shelf: Session, moments: dict[str, datetime]) -> None:
    for name, moment in moments.items():
        stored(shelf, [name], created_at=moment)


@pytest.fixture
def days(shelf: Session) -> Session:
    """Games of the last instant before a day, of its first and last, and of the first after it."""
    last, after = MIDNIGHT.replace(day=10, minute=29, second=59, microsecond=999999), MIDNIGHT.replace(day=10)
    before = MIDNIGHT.replace(minute=29, second=59, microsecond=999999)
    _stored(shelf, {"a": before, "b": MIDNIGHT, "c": last, "d": after})
    return shelf


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("created_at_from=2026-03-10&created_at_to=2026-03-10", "bc"),
        ("created_at_from=2026-03-10", "bcd"),
        ("created_at_to=2026-03-10", "abc"),
        ("created_at_to=2026-03-09", "a"),
        ("created_at_from=2026-03-12", ""),
        ("created_at_from=1900-01-01&created_at_to=2999-12-31", "abcd"),
        ("created_at_from=&created_at_to=2026-03-09", "a"),
    ],
)
def test_days_are_those_of_the_business_and_both_included(
    player: Player,
    days: Session,  # noqa: ARG001 - it fills the table
    query: str,
    names: str,
) -> None:
    """A day begins at midnight in Kolkata, 18:30 UTC of the day before, and lasts until the next one begins."""
    assert _said(player, query)[0] == names


@pytest.fixture
def zones(toy_app: Flask) -> Iterator[dict[str, Any]]:
    """What sessions of the application know, restored after the test."""
    shared = toy_app.extensions["services"].database.shared
    before = shared[ZONE]
    yield shared
    shared[ZONE] = before


@pytest.mark.parametrize(
    ("zone", "day", "begins", "ends"),
    [
        ("UTC", "2026-03-10", "2026-03-10T00:00", "2026-03-11T00:00"),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
        ("America/Havana", "2026-03-08", "2026-03-08T05:00", "2026-03-09T04:00"),  # there is no midnight
        ("America/Havana", "2026-11-01", "2026-11-01T04:00", "2026-11-02T05:00"),  # there are two midnights
    ],
)
def test_a_day_is_as_long_as_its_zone_says(
    player: Player, shelf: Session, zones: dict[str, Any], zone: str, day: str, begins: str, ends: str
) -> None:
    """Where clocks change a day has 23 or 25 hours, and no instant is in two days or in none."""
    first, end = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (begins, ends))
    moment = datetime.resolution
    _stored(shelf, {"a": first - moment, "b": first, "c": end - moment, "d": end})
    zones[ZONE] = lambda _: zone

    assert _said(player, f"created_at_from={day}&created_at_to={day}")[0] == "bc"


def test_a_column_of_days_is_compared_as_it_is(player: Player, shelf: Session) -> None:
    """Of a date there is no instant: both ends are included whatever the zone, and rows without a date are in none."""
    for number, name in enumerate("abc", start=9):
        stored(shelf, [name], released=date(2026, 3, number))
    stored(shelf, ["d"])

    assert _said(player, "released_from=2026-03-09&released_to=2026-03-10")[0] == "ab"
    assert _said(player, "released_from=2026-03-11&released_to=2026-03-11")[0] == "c"
    assert _said(player, "")[0] == "abcd"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("created_at_from=yesterday", "created_at_from"),
        ("created_at_to=2026-02-30", "created_at_to"),
        ("created_at_to=2026-03-10T12:00:00Z", "created_at_to"),
        ("created_at_from=1899-12-31", "created_at_from"),
        ("created_at_to=3000-01-01", "created_at_to"),
        ("created_at_from=2026-03-11&created_at_to=2026-03-10", "created_at_to"),
        ("released_from=2026-03-11&released_to=2026-03-10", "released_to"),
        ("updated_at_from=2026-03-11", "updated_at_from"),
    ],
)
def test_what_is_no_day_is_refused_by_name(player: Player, query: str, field: str) -> None:
    """No date, one beyond what is known, a range without a day, and a column without ranges are 422 and named."""
    refusal(player().get(f"{PATH}?{query}"), 422, fields=(field,))


def test_sums_are_over_all_rows_that_fit(player: Player, shelf: Session) -> None:
    """They are numbers, the same on each page, by offset or by key, and of the rows that the filters leave."""
    games = stored(shelf, "abcd", price=Decimal("10.10"), players=2)
    stored(shelf, "e", price=Decimal("0.05"), players=7)
    stored(shelf, "f", price=Decimal(1000), is_active=False)
    everything = {"price": 40.45, "players": 15}

    for query in ("", "page_size=2", "page_size=2&page=3", "page_size=2&page=9", "count=none"):
        assert _said(player, query)[1]["sums"] == everything, query
    by_key = f"sort_field=name&sort_direction=asc&limit=2&after={games[1].id}"
    assert _said(player, by_key)[0] == "cd"
    assert _said(player, by_key)[1]["sums"] == everything
    assert _said(player, "least_players=3")[1]["sums"] == {"price": 0.05, "players": 7}
    assert _said(player, f"least_players=3&{by_key}")[1]["sums"] == {"price": 0.05, "players": 7}


def test_the_sums_of_nothing_are_0(player: Player, shelf: Session) -> None:  # noqa: ARG001 - it makes the table
    """An empty list has no rows, and still its sums."""
    names, said = _said(player, "created_at_from=2026-03-10")

    assert (names, said["total"], said["sums"]) == ("", 0, {"price": 0, "players": 0})


def test_a_list_with_days_and_sums_is_one_statement(toy_app: Flask, player: Player, days: Session) -> None:  # noqa: ARG001
    """Neither the zone nor a sum costs a statement more, and the statement is built once for all days."""
    client = player()
    client.get(PATH)  # the settings are read

    with statements(toy_app) as sent:
        for day in (9, 10):
            assert client.get(f"{PATH}?created_at_from=2026-03-{day:02}&least_players=1").status_code == 200

    assert len(sent) == 2
    assert len({*sent}) == 1


def test_only_an_object_holds_sums() -> None:
    """A list that declares sums, and an envelope without a place for them, is refused when it is declared."""
    assert replace(SHOP.listing, envelope=paginated("games")).sums == ("price", "players")
    for envelope in (ARRAY, named(GameList)):
        with pytest.raises(TypeError, match="Game has no place for sums"):
            replace(SHOP.listing, envelope=envelope)


def test_each_envelope_is_as_it_is_documented() -> None:
    """The five: the bytes around the rows, and the sums at the end of an object."""
    page, place = Page(b"[1]", 7), Paged(2, 2)
    ends = '"has_next":true,"has_previous":true'
    said = {
        ARRAY: "[1]",
        SHOP.listing.envelope: f'{{"items":[1],"total":7,"page":2,"page_size":2,"total_pages":4,{ends},"sums":{{}}}}',
        named(GameList): '{"games":[1],"total":7,"sums":{}}',
        part(GameList): '{"games":[1],"total":7,"skip":2,"limit":2,"sums":{}}',
        paginated("games"): f'{{"games":[1],"pagination":{{"skip":2,"limit":2,"total":7,{ends}}},"sums":{{}}}}',
    }

    assert {each: each.wrap(page, place, "{}").body.decode() for each in said} == said
    form = SHOP.listing.returns
    assert [*form.fields["sums"].schema.fields] == ["price", "players"]
    assert {"created_at_from", "created_at_to", "released_from", "released_to"} <= {*SHOP.listing.takes.fields}

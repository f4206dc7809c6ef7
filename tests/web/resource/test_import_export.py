"""Import and export: rows by the thousand, each judged by itself, on games."""

import csv
import io
import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import func, insert, literal, select, text
from sqlalchemy.orm import Session

from rental_backend.errors import Unavailable
from rental_backend.web.resource.import_export import MEDIA_TYPES
from tests.refusals import refusal
from tests.web.conftest import Player
from tests.web.sample_resource import FORBIDDEN, LOST, Game, Piece, stored

PATH = "/api/games/import"
ROWS = [{"name": "Go", "players": 2}, {"name": "Chess", "price": "9.50"}, {"name": "Nim", "kind": "hand"}]
JSON_LINES = b"\n".join(map(orjson.dumps, ROWS)) + b"\n\n"
CSV = "\ufeffname,players,price,kind\r\nGo,2,,\r\nChess,,9.50,\r\nNim,,,hand\r\n".encode()


def _counted(shelf: Session) -> tuple[int, int]:
    shelf.rollback()
    return tuple(shelf.scalar(select(func.count()).select_from(model)) for model in (Game, Piece))


@pytest.mark.parametrize(
    ("body", "media_type"),
    [(orjson.dumps(ROWS), "application/json"), (JSON_LINES, "application/x-ndjson"), (CSV, "text/csv; charset=utf-8")],
    ids=["json", "jsonl", "csv"],
)
def test_rows_come_in_three_forms(player: Player, shelf: Session, body: bytes, media_type: str) -> None:
    """A JSON array, JSON lines and CSV are read alike, and each row is made by the service that makes one."""
    said = player("GAME_CREATE").post(PATH, data=body, content_type=media_type).get_json()

    assert (said["total_rows"], said["successful_imports"], said["failed_imports"]) == (3, 3, 0)
    made = [shelf.get_one(Game, each) for each in said["ids"]]
    assert [(row.name, row.players, float(row.price), row.kind) for row in made] == [
        ("Go", 2, 0, "board"),
        ("Chess", 2, 9.5, "board"),
        ("Nim", 2, 0, "hand"),
    ]
    assert {row.created_by for row in made} != {None}
    assert _counted(shelf) == (3, 3)


def test_a_bad_row_stops_no_other_and_leaves_nothing(player: Player, shelf: Session) -> None:
    """Schema, rule and constraint refuse a row by its number; of what a row had stored before nothing is left."""
    stored(shelf, ["Taken"])
    rows = [
        {"name": "Go", "edition": 1},
        {"players": 2},
        {"name": FORBIDDEN},
        {"name": "taken"},
        {"name": "Second board", "edition": 1},  # the game is stored, then its board clashes
        {"name": "Huge", "players": 2**40},
        7,
        {"name": "Nim", "edition": 3},
        {"name": "Tafl", "aliases": ["Hnefatafl", 5]},
    ]

    said = player().post(PATH, json=rows).get_json()

    assert (said["total_rows"], said["successful_imports"], said["failed_imports"]) == (9, 2, 7)
    assert {fault["row"]: next(iter(fault["errors"])) for fault in said["errors"]} == {
        2: "name",
        3: "row",
        4: "name",
        5: "label",
        6: "body",
        7: "row",
        9: "aliases",
    }
    shelf.rollback()
    assert set(shelf.scalars(select(Game.name))) == {"Taken", "Go", "Nim"}
    assert _counted(shelf) == (3, 2)


def test_a_dry_run_tells_the_same_and_stores_nothing(player: Player, shelf: Session) -> None:
    """What would happen is said, also of rows that clash with each other, and nothing is kept."""
    rows = [{"name": "Go"}, {"name": "GO"}, {"name": ""}]
    client = player()

    dry = client.post(f"{PATH}?dry_run=true", json=rows).get_json()
    assert _counted(shelf) == (0, 0)
    real = client.post(PATH, json=rows).get_json()

    assert (dry.pop("dry_run"), dry.pop("ids")) == (True, [])
    assert (real.pop("dry_run"), len(real.pop("ids"))) == (False, 1)
    assert dry == real
    assert _counted(shelf) == (1, 1)


def test_an_outage_in_the_middle_stores_nothing(player: Player, shelf: Session) -> None:
    """What is no fault of a row ends the import with all it had stored."""
    refusal(player().post(PATH, json=[{"name": "Go"}, {"name": LOST}, {"name": "Nim"}]), 503)

    assert _counted(shelf) == (0, 0)


def test_a_lost_connection_in_the_middle_stores_nothing(player: Player, shelf: Session) -> None:
    """A server that ends the connection between two rows leaves none of them."""
    shelf.execute(text(BREAK))
    shelf.commit()
    try:
        refusal(player().post(PATH, json=[{"name": "Go"}, {"name": "Break"}, {"name": "Nim"}]), 503)
    finally:
        shelf.execute(text("DROP FUNCTION break_off CASCADE"))
        shelf.commit()

    assert _counted(shelf) == (0, 0)


BREAK = """
CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
CREATE TRIGGER break_off AFTER INSERT ON games FOR EACH ROW WHEN (NEW.name = 'Break') EXECUTE FUNCTION break_off()"""


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"[]", "application/json", 422),
        (b"", "application/json", 422),
        (b"{}", "application/json", 422),
        (b"[1", "application/json", 400),
        (b'{"name": "Go"}\n{', "application/x-ndjson", 400),
        (b"name\n", "text/csv", 422),
        (b'name\n"Go', "text/csv", 400),
        (b"name\n\xff", "text/csv", 400),
        (b"name=Go", "application/x-www-form-urlencoded", 415),
        (b"[]", "", 415),
        (orjson.dumps([{"name": "x"}] * 1001), "application/json", 422),
    ],
)
def test_what_is_no_list_of_rows_is_refused(player: Player, body: bytes, media_type: str, status: int) -> None:
    """An empty, broken, foreign or too long body is refused as a whole."""
    refusal(player().post(PATH, data=body, content_type=media_type), status)


def test_a_cell_too_many_is_a_fault_of_its_row(player: Player) -> None:
    """A row that does not go with the header is told by its number."""
    said = player().post(PATH, data=b"name,kind\nGo,board,more\nNim\n", content_type="text/csv").get_json()

    assert [fault["row"] for fault in said["errors"]] == [1, 2]


def test_an_import_may_take_longer_than_a_request(player: Player, shelf: Session) -> None:
    """Many rows have a time of their own, as long as the database answers each of them in time."""
    shelf.execute(text(DAWDLE))
    shelf.commit()
    try:
        said = player().post(PATH, json=[{"name": f"Game {number}"} for number in range(4)])
    finally:
        shelf.execute(text("DROP FUNCTION dawdle CASCADE"))
        shelf.commit()

    assert said.status_code == 200, said.text
    assert _counted(shelf) == (4, 4)


DAWDLE = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.4); RETURN NEW; END';
CREATE TRIGGER dawdle AFTER INSERT ON games FOR EACH ROW EXECUTE FUNCTION dawdle()"""


def _exported(client: Any, form: str, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/games/export?format={form}{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, MEDIA_TYPES[form])
    assert answer.headers["Content-Disposition"] == f'attachment; filename="games.{form}"'
    if form == "csv":
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))
    return answer.get_json() if form == "json" else [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
def crowd(shelf: Session) -> Iterator[Session]:
    """More games than one query of an export brings."""
    numbers = select(literal("Game ").concat(func.generate_series(1, 2500)), literal("board"), 2, 1.5, True)
    shelf.execute(insert(Game).from_select(["name", "kind", "players", "price", "is_active"], numbers))
    shelf.commit()
    yield shelf


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_everything_is_exported_once(player: Player, crowd: Session, form: str) -> None:
    """All rows that fit come, whatever page is asked for, and those of other kinds do not."""
    stored(crowd, ["Poker"], kind="card")

    rows = _exported(player("GAME_EXPORT"), form, "&kind=board&limit=3&skip=5")

    assert {row["name"] for row in rows} == {f"Game {number}" for number in range(1, 2501)}
    assert len(rows) == 2500
    assert {float(row["price"]) for row in rows} == {1.5}


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_an_export_of_nothing_is_whole(player: Player, form: str) -> None:
    """Without rows the file is an empty array, no line, or the header alone."""
    assert _exported(player(), form) == []


NASTY = ["=1+1", "+44 20", "-2", "@SUM(A1)", "\tx", "'=1", "''+", "plain", 'a "quoted", text', "line\nbreak", "'tis"]
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207c\u2212"
UNSEEN = (
    "",
    " ",
    "\t",
    "\r",
    "\n",
    "\xa0",
    "\u3000",
    "\u200b",
    "\u200e",
    "\ufeff",
    "\u2060",
    "\u00ad",
    "\ufeff\u200b ",
    "'",
    "'\u200b'",
)
NASTY += [f"{before}{sign}1" for sign in SIGNS for before in UNSEEN]
NASTY += [f"{before}plain" for before in UNSEEN]


def _runs(cell: str) -> bool:
    """Tell whether a cell begins with a sign, once signs are of usual width and nothing is unseen."""
    seen = [
        each for each in unicodedata.normalize("NFKC", cell) if unicodedata.category(each) not in ("Cf", "Cc", "Zs")
    ]
    return "".join(seen)[:1] in {*"=+-@\u2212"}


def test_no_cell_is_a_formula_and_all_come_back(player: Player, shelf: Session) -> None:
    """A spreadsheet runs nothing of what is exported, and an import of the export has the same texts."""
    shelf.execute(insert(Game), [{"name": str(number), "maker": maker} for number, maker in enumerate(NASTY)])
    shelf.commit()
    client = player()

    rows = _exported(client, "csv")
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, ("name", "maker"), extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**row, "name": f"new {row['name']}"} for row in rows)
    back = client.post(PATH, data=written.getvalue().encode(), content_type="text/csv").get_json()

    assert [row["maker"] for row in rows if _runs(row["maker"])] == []
    assert back["failed_imports"] == 0, back
    shelf.rollback()
    kept = select(Game.name, Game.maker).where(Game.name.like("new%"))
    assert {row.name: row.maker for row in shelf.execute(kept)} == {
        f"new {number}": text.strip() for number, text in enumerate(NASTY)
    }


def test_an_unknown_format_is_refused(player: Player) -> None:
    """Only three forms are written."""
    refusal(player().get("/api/games/export?format=xls"), 422, fields=("format",))


def test_an_outage_before_the_first_row_is_told(toy_app: Flask, player: Player) -> None:
    """While nothing has been sent the status can still say it."""
    client, breaker = player(), toy_app.extensions["services"].database.breaker
    assert client.get("/api/games/export").status_code == 200
    breaker.force_open(reason="a test", actor="test")
    try:
        refusal(client.get("/api/games/export"), 503)
    finally:
        breaker.reset(reason="a test", actor="test")


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_an_outage_in_the_middle_is_no_end(toy_app: Flask, player: Player, crowd: Session, form: str) -> None:  # noqa: ARG001
    """An export that cannot go on raises instead of ending, so that the server breaks the connection off."""
    client, breaker = player(), toy_app.extensions["services"].database.breaker
    chunks = iter(client.get(f"/api/games/export?format={form}", buffered=False).response)
    assert b"Game" in next(chunks) + next(chunks)
    breaker.force_open(reason="a test", actor="test")
    try:
        with pytest.raises(Unavailable):
            list(chunks)
    finally:
        breaker.reset(reason="a test", actor="test")

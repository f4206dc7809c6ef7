"""Import and export: rows by the thousand, each judged by itself, on games."""

import csv
import io
import json
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import delete, func, insert, literal, select, text
from sqlalchemy.orm import Session

from rental_backend.errors import Unavailable
from rental_backend.fields import clean
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


def _sent(client: Any, text: str | bytes, query: str = "", media_type: str = "text/csv") -> Any:
    raw = text.encode() if isinstance(text, str) else text
    return client.post(PATH + query, data=raw, content_type=media_type)


def test_rows_are_named_by_the_line_of_the_file(player: Player, shelf: Session) -> None:
    """A line within a cell, empty lines and rows of nothing but separators are counted, and are no rows."""
    rows = (",Parker,", "Tafl,x,card,,", "Chess,x,card,more")
    text = 'name,maker,kind\r\n"Go","two\r\nlines",board\r\n\r\n,,\r\n , ,\r\nNim\r\n' + "\r\n".join(rows)

    said = _sent(player(), text).get_json()

    assert said["total_rows"] == 5
    assert {fault["row"]: fault["errors"] for fault in said["errors"]} == {
        8: {"name": ["Missing data for required field."]},
        10: {"row": ["Has something in column 4, which has no name in the header."]},
    }
    shelf.rollback()
    assert dict(shelf.execute(select(Game.name, Game.kind)).all()) == {"Go": "board", "Nim": "board", "Tafl": "card"}


def test_lines_of_json_are_named_by_their_place(player: Player) -> None:
    """Empty lines count, as an editor counts them."""
    lines = b'\n{"name": "Go"}\n\n{"players": 2}\n'

    said = _sent(player(), lines, media_type="application/x-ndjson").get_json()

    assert [fault["row"] for fault in said["errors"]] == [4]


TABLE = "Name;Players;MAKER \r\nGö;2;Ægir\r\n"


@pytest.mark.parametrize(
    ("raw", "media_type"),
    [
        (TABLE.encode(), "text/csv"),
        (TABLE.encode("utf-8-sig"), "text/csv; charset=windows-1252"),  # the mark is surer than the sender
        (TABLE.replace(";", ",").encode(), "application/vnd.ms-excel"),
        (TABLE.replace(";", "\t").encode(), "text/tab-separated-values"),
        (TABLE.replace(";", "|").encode(), "text/plain; charset=utf-8"),
        (TABLE.replace(";", "\t").encode("utf-16"), "text/csv"),
        (TABLE.encode("utf-16-le"), "text/csv"),
        (TABLE.encode("utf-16-be"), "text/csv"),
        (TABLE.encode("cp1252"), "text/csv; charset=windows-1252"),
        (TABLE.encode("latin-1"), "text/csv; charset=ISO-8859-1"),
        (("sep=;\r\n" + TABLE).encode(), "text/csv"),
        (TABLE.replace("\r\n", "\n").encode(), "text/csv"),
        (TABLE.replace("\r\n", "\r").encode(), "text/csv"),
    ],
)
def test_tables_are_read_as_programs_write_them(player: Player, shelf: Session, raw: bytes, media_type: str) -> None:
    """Separators, encodings, types of media, and headers with capitals and blanks are recognised."""
    said = _sent(player(), raw, media_type=media_type).get_json()

    assert (said["successful_imports"], said["errors"]) == (1, [])
    shelf.rollback()
    assert shelf.execute(select(Game.name, Game.players, Game.maker)).one() == ("Gö", 2, "Ægir")


@pytest.mark.parametrize(
    ("raw", "media_type", "status", "named"),
    [
        (b"name,maker\nGo,x\nG\xf6,y\n", "text/csv", 400, "line 3 is not utf-8"),
        (b"name\nG\xf6\n", "text/csv; charset=us-ascii", 400, "line 2 is not ascii"),
        (b"name\nG\xf6\n", "text/csv; charset=punycode", 415, "punycode"),
        (b"name\nGo\n", "text/csv; charset=no-such", 415, "no-such"),
        (b"PK\x03\x04\x14", "application/vnd.ms-excel", 415, "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1", "text/csv", 415, "workbook"),
        (b'name,maker\nGo,x\n"Nim,y\n', "text/csv", 400, "line 3"),
    ],
)
def test_what_cannot_be_told_is_named(player: Player, raw: bytes, media_type: str, status: int, named: str) -> None:
    """No encoding is guessed, for wrong letters would be stored; the refusal says what to do."""
    assert named in refusal(_sent(player(), raw, media_type=media_type), status)["detail"]


@pytest.mark.parametrize("header", ["name,maker,name", "name,maker,Name", "name,maker, NAME "])
def test_a_column_that_stands_twice_is_refused(player: Player, shelf: Session, header: str) -> None:
    """The last of both would be kept, and the other one lost without a word."""
    refusal(_sent(player(), f"{header}\nGo,x,Nim\n"), 422, fields=("name",))

    assert _counted(shelf) == (0, 0)


def test_a_key_that_stands_twice_is_refused(player: Player, shelf: Session) -> None:
    """So it is in JSON, in an array, in lines, and within a value."""
    client = player()
    for body, media_type in (
        (b'[{"name": "Go", "name": "Nim"}]', "application/json"),
        (b'{"name": "Go"}\n{"name": "Nim", "name": "Nim"}', "application/x-ndjson"),
        (b'[{"name": "Go"}, {"maker": {"name": 1, "n\\u0061me": 2}}]', "application/json"),
    ):
        refusal(_sent(client, body, media_type=media_type), 422, fields=("name",))

    assert _counted(shelf) == (0, 0)


def test_unknown_columns_are_named_once_and_passed_over_if_asked(player: Player, shelf: Session) -> None:
    """The files of other programs have more columns; what was passed over is said."""
    client, text = player(), "name,Accepts SMS,Total Spent,ID\nGo,yes,5,7\nNim,no,6,8\n"

    said = refusal(_sent(client, text), 422, fields=("Accepts SMS", "Total Spent"))
    assert set(said["errors"]) == {"Accepts SMS", "Total Spent"}  # not ID, which answers have
    assert "ignore_unknown" in said["detail"]
    assert _counted(shelf) == (0, 0)

    done = _sent(client, text, "?ignore_unknown=true").get_json()
    assert (done["successful_imports"], done["ignored_fields"]) == (2, ["Accepts SMS", "ID", "Total Spent"])


def test_an_unknown_field_of_an_object_is_a_fault_of_its_row(player: Player) -> None:
    """Objects have no header: each is judged by itself, and may be passed over, too."""
    client, rows = player(), [{"name": "Go", "colour": "red", "id": "7"}, {"name": "Nim"}]

    said = client.post(PATH, json=rows).get_json()
    assert [(fault["row"], [*fault["errors"]]) for fault in said["errors"]] == [(1, ["colour"])]
    done = client.post(PATH + "?ignore_unknown=true", json=rows[:1]).get_json()
    assert (done["failed_imports"], done["ignored_fields"]) == (0, ["colour", "id"])


def test_an_amount_with_a_currency_is_refused_and_told_how(player: Player) -> None:
    """Which of its signs divides what is not guessed."""
    said = _sent(player(), 'name,price\nGo,"$1,234.56"\nNim,1_000\nTafl,١٢\n').get_json()

    assert [fault["row"] for fault in said["errors"]] == [2, 3, 4]
    assert all("1234.56" in fault["errors"]["price"][0] for fault in said["errors"])


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_what_is_exported_is_imported_again(player: Player, shelf: Session, form: str) -> None:
    """All three formats come back as they were, but for what only the database gives."""
    stored(shelf, [str(number) for number, _ in enumerate(NASTY)])
    for game, maker in zip(shelf.scalars(select(Game).order_by(Game.created_at.desc())), NASTY, strict=True):
        game.maker, game.price = clean(maker), Decimal("1234.50")
    shelf.commit()
    client = player()

    def exported() -> tuple[bytes, list[dict[str, Any]]]:
        rows = _exported(client, form)
        kept = [{name: row[name] for name in row if name not in MADE} for row in rows]
        return client.get(f"/api/games/export?format={form}").data, sorted(kept, key=lambda row: str(row["name"]))

    file, before = exported()
    shelf.execute(delete(Piece))
    shelf.execute(delete(Game))
    shelf.commit()
    said = _sent(client, file, media_type=MEDIA_TYPES[form]).get_json()

    assert (said["failed_imports"], said["successful_imports"]) == (0, len(NASTY)), said
    assert exported()[1] == before


MADE = {"id", "created_at", "updated_at", "created_by", "updated_by"}  # by the database, for each row anew


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
        f"new {number}": clean(text) for number, text in enumerate(NASTY)
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

"""Values of all kinds in every field of every route: none is an error of ours, and what is taken comes back.

A value that a form takes is stored, then read, changed, listed, exported and imported again. The quick test sends each
field one value of its kind, by turns; the long one sends each field all of them.
"""

import csv
import io
import itertools
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests import factories
from tests.conftest import Caller
from tests.outages import samples
from tests.refusals import refusal

from .walking import Route, routes

pytestmark = pytest.mark.long

TEXTS = (
    *(
        " padded ",
        "Zoe\u0308",
        "\u200b",
        "\ufeffx",
        "\u2800",
        "=1+1",
        "'=1",
        "''=1",
        "+44 20",
        "-2",
        "@x",
        "a\tb",
        "a\nb",
    ),
    *(
        "a\r\nb",
        'a "b", c;d',
        "\0",
        "\x01",
        "x" * 21,
        "x" * 300,
        "x" * 10_001,
        "日本",
        "\U0001f600",
        "\u212b",
        "%_\\",
        "null",
    ),
)
NUMBERS = (
    *(0, -1, 1.9, 12, 1e308, 10**12, 10**30, True, "12", "1.9", "1e3", "1_000", "١٢", "\uff11\uff12", "1,234.56", "$5"),
    *("NaN", "-0", "00012", 0.1 + 0.2, 99999999.994, 2**31, 2**63),
)
DATES = (
    *("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+14:00", "1900-01-01", "2999-12-31", "9999-12-31", "2026-02-30"),
    *("2026-03-01", "2026-01-01T00:00:00+05:30", "2026-01-01T00:00:00", "2999-12-31T23:59:59.999999-12:00"),
    *("1899-12-31T18:30:00Z", "2026-01-01T00:00:00.123456+05:30:15", "infinity", "20260101", "2026-W05-6"),
)
OTHERS = (None, "", [], {}, ["a"], {"a": 1}, "ada@example.com ", "\u00e9@example.com", str(uuid.UUID(int=7)))
VALUES = (*TEXTS, *NUMBERS, *DATES, *OTHERS)
LEFT_OUT = re.compile(r"/auth/|/operations/|change-password|/backup|/restore|/database/|/sessions")
EXPORTED = {
    "/api/customers": "customers",
    "/api/suppliers": "suppliers",
    "/api/master-data/units-of-measurement": "units_of_measurement",
    "/api/master-data/brands": "brands",
    "/api/master-data/locations": "locations",
}
AT_ONCE = 100  # rows of an import: some hold long texts
MADE = {"id", "created_at", "updated_at", "updatedAt", "created_by", "updated_by"}


class Turns:
    """Gives out the values: all of them to each field, or to each the next one of its kind."""

    def __init__(self, *, everything: bool) -> None:
        self._everything = everything
        self._dates, self._numbers = itertools.cycle(DATES), itertools.cycle(NUMBERS)
        self._others = itertools.cycle((*TEXTS, *OTHERS))

    def next(self, field: fields.Field[Any]) -> Iterable[Any]:
        """Return those for the next field."""
        if self._everything:
            return VALUES
        match field:
            case fields.DateTime() | fields.Date():
                return [next(self._dates)]
            case fields.Number():
                return [next(self._numbers)]
        return [next(self._others)]


@dataclass
class Shop:
    """A shop that is asked, what its answers were, and what was wrong with them."""

    renew: Callable[[], FlaskClient]  # somebody else, whose token and limits are new
    ids: samples.Ids
    statuses: dict[int, int] = made(default_factory=dict)
    wrong: list[str] = made(default_factory=list)

    def __post_init__(self) -> None:
        """Let somebody come in."""
        self.client = self.renew()

    def ask(self, method: str, path: str, said: str, **sent: Any) -> TestResponse:
        """Ask, and note what is an error of ours or a refusal without a name."""
        answer = self.client.open(path, method=method, **sent)
        if answer.status_code in (401, 429):
            self.client = self.renew()
            answer = self.client.open(path, method=method, **sent)
        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
        if answer.status_code >= 500 or (answer.status_code == 422 and not refusal(answer, 422)["errors"]):
            self.wrong.append(f"{answer.status_code} {method} {path} {said}")
        return answer


@pytest.fixture
def shop(session: Session, signed_in: Caller) -> Shop:
    """A shop with a row of each kind."""
    holder = factories.user(session, username="holder", is_superuser=True)
    return Shop(signed_in, samples.rows(session, holder))


def _fields(form: Schema | None) -> dict[str, fields.Field[Any]]:
    found = {each.data_key or name: each for name, each in form.load_fields.items()} if form else {}
    return {name: each for name, each in found.items() if name != "password"}  # whatever is one is in no answer


def _asked(app: Flask, *methods: str) -> list[Route]:
    return [each for each in routes(app, *methods) if not LEFT_OUT.search(each.rule.rule)]


def _queries(app: Flask, shop: Shop, turns: Turns) -> None:
    """Send values in every parameter of every list."""
    for route in _asked(app, "GET"):
        path = samples.path("GET", route.rule.rule, shop.ids)
        needed = samples.query(str(route), route.contract) if route.contract.query else {}
        for name, field in _fields(route.contract.query).items():
            for value in turns.next(field):
                query = {**needed, name: value if isinstance(value, str) else json.dumps(value)}
                shop.ask("GET", path, f"{name}={value!r:.60}", query_string=query)


def _bodies(app: Flask, shop: Shop, turns: Turns) -> None:
    """Send values in every field of every body, and follow what was made or changed."""
    for route in _asked(app, "POST", "PUT", "PATCH"):
        form = route.contract.accepts
        if form is None or form.many:
            continue
        path = samples.path("GET", route.rule.rule, shop.ids)
        for name, field in _fields(form).items():
            for value in turns.next(field):
                body = {**samples.body(str(route), route.contract, "none"), name: value}
                told = f"{name}={value!r:.60}"
                answer = shop.ask(route.method, path, told, json=body)
                if answer.status_code in (200, 201) and route.contract.returns:
                    _follow(app, shop, route, path, told, answer)


def _follow(app: Flask, shop: Shop, route: Route, path: str, told: str, answer: TestResponse) -> None:
    """Read what a value was stored in, send what was read back as a change, and list it."""
    said = answer.get_json()
    home = path.rstrip("/") if route.method == "POST" else path.rstrip("/").rpartition("/")[0]
    if not isinstance(said, dict) or "id" not in said or not home.startswith("/api/"):
        return
    changes = next((each for each in routes(app, "PUT") if each.rule.rule == f"{home}/<uuid:id>"), None)
    if changes is None:
        return
    one = f"{home}/{said['id']}"
    read = shop.ask("GET", one, told)
    if read.status_code != 200:
        shop.wrong.append(f"{read.status_code} GET {one} after {told}")
        return
    kept = read.get_json()
    back = {
        name: kept[name] for name in _fields(changes.contract.accepts) if kept.get(name) is not None and name in kept
    }
    changed = shop.ask("PUT", one, told, json={name: each for name, each in back.items() if not isinstance(each, dict)})
    after = changed.get_json()
    lost = [name for name in kept if name not in MADE and after.get(name) != kept[name]]
    if changed.status_code != 200 or lost:
        shop.wrong.append(f"{changed.status_code} PUT {one} after {told}: {lost} {changed.text[:200]}")
    shop.ask("GET", home + "/?limit=5", told)


def _round_trips(shop: Shop, session: Session) -> None:
    """Export all that was stored, in each format, and import it into an empty table."""
    kinds = {"json": "application/json", "jsonl": "application/x-ndjson", "csv": "text/csv"}
    for (home, table), (form, media) in itertools.product(EXPORTED.items(), kinds.items()):
        path = f"{home}/export?format={form}"
        file, before = shop.client.get(path).data, _exported(shop, home)
        session.execute(text(f"TRUNCATE {table} CASCADE"))
        session.commit()
        done = [
            shop.ask("POST", f"{home}/import", form, data=portion, content_type=media).get_json()
            for portion in _portions(file, form)
        ]
        ignored = {*MADE, *(name for each in done for name in each.get("ignored_fields", ()))}
        failed = [each for each in done if each.get("failed_imports") != 0]
        if failed or _kept(before, ignored) != _kept(_exported(shop, home), ignored):
            shop.wrong.append(f"import of {path}: {str(failed)[:900]}")


def _portions(file: bytes, form: str) -> Iterator[bytes]:
    """Yield an export in files of as many rows as are taken at once."""
    match form:
        case "json":
            yield from (orjson.dumps(rows) for rows in _cut(orjson.loads(file)))
        case "jsonl":
            yield from (b"".join(lines) for lines in _cut(file.splitlines(keepends=True)))
        case _:
            header, *rows = csv.reader(io.StringIO(file.decode(), newline=""))
            for part in _cut(rows):
                written = io.StringIO(newline="")
                csv.writer(written).writerows([header, *part])
                yield written.getvalue().encode()


def _cut(rows: list[Any]) -> Iterator[list[Any]]:
    return (rows[first : first + AT_ONCE] for first in range(0, len(rows), AT_ONCE))


def _exported(shop: Shop, home: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(shop.client.get(f"{home}/export?format=json").data)
    return found


def _kept(rows: list[dict[str, Any]], ignored: set[str]) -> list[str]:
    """Return rows without what an import passes over, in an order of their own."""
    return sorted(str({name: row[name] for name in row if name not in ignored}) for row in rows)


def test_some_values_in_every_field(app: Flask, shop: Shop, session: Session) -> None:
    """Each field gets one, another than the field before it."""
    turns = Turns(everything=False)
    _queries(app, shop, turns)
    _bodies(app, shop, turns)
    _round_trips(shop, session)

    assert "\n".join(shop.wrong) == ""
    assert shop.statuses[200] + shop.statuses[201] > 150
    assert shop.statuses[422] > 150


@pytest.mark.full
def test_all_values_in_every_field(app: Flask, shop: Shop, session: Session) -> None:
    """Each field gets each value."""
    turns = Turns(everything=True)
    _queries(app, shop, turns)
    _bodies(app, shop, turns)
    _round_trips(shop, session)

    print(shop.statuses)
    assert "\n".join(shop.wrong) == ""

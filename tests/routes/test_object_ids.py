"""Every id in a path, of all routes: a malformed, unknown or foreign one shows and changes nothing."""

import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields, validate
from sqlalchemy import Uuid, select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from rental_backend import app as program
from rental_backend.demo.generator import fill
from rental_backend.demo.simulator import Size
from rental_backend.seed import add_reference_data
from rental_backend.tables import metadata
from rental_backend.web.endpoint.capabilities import contracts
from rental_backend.web.endpoint.contracts import Contract
from rental_backend.web.endpoint.needs import PUBLIC, Needs
from rental_backend.web.endpoint.pipeline import endpoint
from tests import factories
from tests.conftest import empty_tables

FEW = Size(customers=10, items=12, units=40, rentals=40, days=20)
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
MALFORMED = ("1", "not-an-id", "%00", "..%2f..%2fetc", "' OR 1=1 --", "null", "9" * 400, "ä", "{}", "0" * 31 + "g")
TRACES = {"security_audit_logs", "login_attempts", "idempotency_keys"}  # what a mere request may leave behind
TRACES |= {"status_buckets", "status_incidents"}  # and the service itself, whenever it is time to
ASKING = {  # their parameter names nothing stored: whether it is right, and what contains it
    "/api/system/timezone/validate/<path:name>",
    "/api/master-data/item-master/search/<term>",
}
Route = tuple[str, str, Contract]
Ids = dict[str, uuid.UUID]


def routes(app: Flask) -> list[Route]:
    """Return the method, path and contract of every route with a parameter that stands for something stored."""
    named = [(method, rule, contract) for _, method, rule, contract in contracts(app) if PARAMETER.search(rule)]
    return [route for route in named if route[1] not in ASKING]


@pytest.fixture(scope="module")
def shop(engine: sqlalchemy.Engine) -> Iterator[Session]:
    """A whole shop, with a row in almost every table."""
    with Session(engine, expire_on_commit=False) as session:
        add_reference_data(session)
        factories.user(session, is_superuser=True)
        fill(session, FEW, datetime.now(UTC).date())
        session.commit()
        yield session
        session.rollback()
        empty_tables(session)


@pytest.fixture(scope="module")
def ids(shop: Session) -> Ids:
    """The id of one row of every table that has rows and ids."""
    found = {
        name: shop.scalar(select(table.c.id).limit(1))
        for name, table in metadata.tables.items()
        if isinstance(getattr(table.c.get("id"), "type", None), Uuid)
    }
    kept = {name: key for name, key in found.items() if key is not None}
    assert len(kept) > 25
    return kept


def _client(app: Flask, shop: Session, **values: Any) -> FlaskClient:
    user = factories.user(shop, **values)
    client = app.test_client()
    token = factories.token(shop, app.extensions["services"].identity.tokens, user)
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


@pytest.fixture(scope="module")
def superuser(app: Flask, shop: Session) -> FlaskClient:
    """Somebody who may do everything: only the ids stand between him and the rows."""
    return _client(app, shop, is_superuser=True)


def fitting(schema: Schema) -> dict[str, Any]:
    """Return a body that a schema takes, as far as its required fields tell."""
    return {field.data_key or name: _value(field) for name, field in schema.load_fields.items() if field.required}


def _value(field: fields.Field[Any]) -> Any:
    choices = [each.choices for each in field.validators if isinstance(each, validate.OneOf)]
    if choices:
        return str(next(iter(choices[0])))
    if isinstance(field, fields.List):
        return [_value(field.inner)]
    if isinstance(field, fields.Nested):
        return fitting(field.schema)
    now = datetime.now(UTC)
    kinds: list[tuple[type[fields.Field[Any]], Any]] = [
        (fields.UUID, str(uuid.uuid4())),
        (fields.Boolean, False),
        (fields.Number, 1),
        (fields.DateTime, now.isoformat()),
        (fields.Date, date.today().isoformat()),
        (fields.Email, "somebody@example.com"),
    ]
    return next((value for kind, value in kinds if isinstance(field, kind)), "some words")


def ask(client: FlaskClient, route: Route, *values: object) -> TestResponse:
    """Call a route with these values for its parameters, and a body that its contract takes."""
    method, rule, contract = route
    given = iter(values)
    path = PARAMETER.sub(lambda _: str(next(given)), rule)
    body = None if method == "GET" else fitting(contract.accepts) if contract.accepts else {}
    return client.open(path, method=method, json=body)


def contents(shop: Session) -> dict[str, str]:
    """Return a digest of every table, traces of requests left out."""
    shop.rollback()
    lines = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t"
    return {name: shop.scalar(text(lines.format(name))) or "" for name in metadata.tables.keys() - TRACES}


def _named(route: Route, answer: TestResponse) -> str:
    return f"{route[0]} {route[1]}: {answer.status_code} {answer.text[:200]}"


def test_a_malformed_id_is_refused_by_name(app: Flask, shop: Session, superuser: FlaskClient) -> None:
    """422 for what is no id (404 where it is another path); never a row, a change or a 500."""
    before, wrong = contents(shop), []
    for route in routes(app):
        kinds = [kind for kind, _ in PARAMETER.findall(route[1])]
        for place in range(len(kinds)):
            for bad in MALFORMED:
                values = [uuid.uuid4() if kind == "uuid" else "nothing" for kind in kinds]
                answer = ask(superuser, route, *(bad if at == place else value for at, value in enumerate(values)))
                if answer.status_code not in ((404, 422) if "%2f" in bad or kinds[place] != "uuid" else (422,)):
                    wrong.append(f"{bad} as {place} of {_named(route, answer)}")

    assert wrong == []
    assert contents(shop) == before


def unknown(app: Flask, client: FlaskClient) -> tuple[Counter[int], list[str]]:
    """Ask every route for ids that nobody has; return how often it said what, and where that was wrong."""
    seen, wrong = Counter[int](), []
    for route in routes(app):
        answer = ask(client, route, *(uuid.uuid4() for _ in PARAMETER.findall(route[1])))
        seen[answer.status_code] += 1
        if answer.status_code != 404 and (answer.status_code != 422 or not route[2].accepts):
            wrong.append(_named(route, answer))
    return seen, wrong


def test_an_unknown_id_is_404(app: Flask, shop: Session, superuser: FlaskClient) -> None:
    """Whatever the body; where one is needed that cannot be made up here, 422 will do."""
    before = contents(shop)

    seen, wrong = unknown(app, superuser)

    assert wrong == []
    assert seen[404] > 0.8 * seen.total()
    assert contents(shop) == before


stray = Blueprint("stray", __name__)


@stray.get("/api/stray/<uuid:id>")
@endpoint(needs=Needs(), permission="CUSTOMER_VIEW")
def show_anything(id: uuid.UUID) -> dict[str, uuid.UUID]:
    """Show what is not there."""
    return {"id": id}


def test_a_route_that_shows_what_is_not_there_would_be_found(
    build: Callable[..., Flask], shop: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new route is asked like all others."""
    monkeypatch.setattr(program, "BLUEPRINTS", (*program.BLUEPRINTS, stray))
    app = build()
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)

    _, wrong = unknown(app, _client(app, shop, is_superuser=True))

    assert [each.partition(":")[0] for each in wrong] == ["GET /api/stray/<uuid"]


def test_an_id_of_something_else_is_404(app: Flask, ids: Ids, superuser: FlaskClient) -> None:
    """A path shows rows of one kind at the most: a customer's id is no role's, and the other way round."""
    wrong = []
    for route in routes(app):
        if route[0] != "GET":
            continue
        count = len(PARAMETER.findall(route[1]))
        answers = {table: ask(superuser, route, *[key] * count) for table, key in ids.items()}
        shown = [table for table, answer in answers.items() if answer.status_code == 200]
        others = {answer.status_code for table, answer in answers.items() if table not in shown}
        if len(shown) > 1 or not others <= {404}:
            wrong.append(f"{route[1]} shows {shown}, and is {others} for others")

    assert wrong == []


def test_a_known_id_beside_an_unknown_one_changes_nothing(
    app: Flask, shop: Session, ids: Ids, superuser: FlaskClient
) -> None:
    """With several ids in a path, one that is right opens nothing while another is wrong."""
    before, wrong = contents(shop), []
    for route in (each for each in routes(app) if len(PARAMETER.findall(each[1])) > 1):
        count = len(PARAMETER.findall(route[1]))
        for key in list(ids.values())[:6]:
            for place in range(count):
                answer = ask(superuser, route, *(key if at == place else uuid.uuid4() for at in range(count)))
                if answer.status_code not in (404, 422):
                    wrong.append(_named(route, answer))

    assert wrong == []
    assert contents(shop) == before


def test_who_may_not_learns_nothing_of_what_is_there(app: Flask, shop: Session, ids: Ids) -> None:
    """Without the permission, or a token, an id that exists answers as one that does not."""
    nobody, clerk, wrong = app.test_client(), _client(app, shop), []

    def said(client: FlaskClient, route: Route, key: uuid.UUID) -> tuple[int, Any]:
        answer = ask(client, route, *[key] * len(PARAMETER.findall(route[1])))
        body = answer.get_json()
        return answer.status_code, {name: body[name] for name in body if name != "request_id"}

    for route in (each for each in routes(app) if each[2].permission != PUBLIC):
        for client, status in ((nobody, 401), (clerk, 403)):
            answers = [said(client, route, key) for key in (ids["users"], ids["customers"], uuid.uuid4())]
            if {code for code, _ in answers} != {status} or len({json.dumps(each) for each in answers}) > 1:
                wrong.append(f"{route[0]} {route[1]}: {answers}")

    assert wrong == []


def _session_of_another(shop: Session) -> tuple[uuid.UUID, uuid.UUID]:
    holder, other = factories.user(shop), factories.user(shop)
    return other.id, factories.begin(shop, holder).id


def _role_of_another(shop: Session) -> tuple[uuid.UUID, uuid.UUID]:
    holder, other = factories.user(shop), factories.user(shop)
    return other.id, factories.role(shop, holder, name=f"role-{uuid.uuid4().hex[:8]}").id


def _grant_of_another(shop: Session) -> tuple[uuid.UUID, str]:
    factories.user(shop, permissions=("CUSTOMER_VIEW",))
    return factories.user(shop).id, "CUSTOMER_VIEW"


# For each path with two parameters: an owner, and what belongs to another; None where the second belongs to nobody.
# A new path with two parameters has to be added.
FOREIGN = {
    "DELETE /api/users/<uuid:user_id>/sessions/<uuid:session_id>": _session_of_another,
    "DELETE /api/users/<uuid:id>/roles/<uuid:role_id>": _role_of_another,
    "DELETE /api/users/<uuid:id>/permissions/<permission_code>": _grant_of_another,
    "POST /api/users/<uuid:id>/roles/<uuid:role_id>": None,
    "GET /assets/<release>/<name>": None,  # files of a package, which belong to nobody
}


def test_what_belongs_to_another_is_left_alone(app: Flask, shop: Session, superuser: FlaskClient) -> None:
    """Under one owner's path another's things are out of reach."""
    several = {f"{method} {rule}": (method, rule, contract) for method, rule, contract in routes(app)
               if len(PARAMETER.findall(rule)) > 1}  # fmt: skip
    assert several.keys() == FOREIGN.keys()
    for name, make in FOREIGN.items():
        if make is None:
            continue
        owner, foreign = make(shop)
        shop.commit()
        before = contents(shop)
        answer = ask(superuser, several[name], owner, foreign)
        assert answer.status_code in (200, 404), _named(several[name], answer)
        assert str(foreign) not in answer.text or answer.status_code == 404
        assert contents(shop) == before, name

"""What holds for every route of the program, whoever adds one; walked over the shop made up for trying things out."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from rental_backend.config import driver_url
from tests import factories
from tests.conftest import PATIENT, application
from tests.routes.walking import Route, answered, known_ids, parameters, paths, routes
from tests.seeding.conftest import Make
from tests.seeding.test_demo import SMALL, _fill

pytestmark = pytest.mark.long

PLAIN = "rental_backend.web.resource.resource"


@dataclass(frozen=True)
class World:
    """An application with a shop full of rows, a superuser's client, and an id of each table."""

    app: Flask
    client: FlaskClient
    ids: list[UUID]


@pytest.fixture(scope="module")
def world(make: Make, settings: dict[str, str]) -> Iterator[World]:
    """The application before the made-up shop; nothing in it is changed."""
    url = make()
    _fill(url, SMALL)
    app = application({**settings, **PATIENT, "DATABASE_URL": url, "AUTH_FRESH": "3600"})
    services = app.extensions["services"]
    services.start()
    assert services.wait_until_settled(10)
    engine = sqlalchemy.create_engine(driver_url(url))
    with Session(engine) as session:
        user = factories.user(session, is_superuser=True)
        token = factories.token(session, services.identity.tokens, user, superuser=True)
        factories.begin(session, user)
        ids = [*known_ids(session), user.id]
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    yield World(app, client, ids)
    services.stop()
    engine.dispose()


def test_no_read_asks_the_same_for_each_row(world: World) -> None:
    """A list is one statement, and one more where its path names whose it is; no read sends any statement twice."""
    wrong, judged = {}, 0
    for route in routes(world.app, "GET"):
        answer = answered(world.app, world.client, route, world.ids)
        if answer is None:
            if route.is_list:
                wrong[str(route)] = "was not answered with 200 for any row there is"
            continue
        if answer.repeated:
            wrong[str(route)] = f"sends this for each row: {answer.repeated[0]}"
        if not route.is_list:
            continue
        judged += 1
        if len(answer.statements) > 1 + ("<" in route.rule.rule):
            wrong[str(route)] = f"takes {len(answer.statements)} statements: {answer.statements}"
        if answer.rows < 2 and "X-Total-Count" not in answer.response.headers:
            wrong[str(route)] = "is no page of one statement, and has too few rows in the made-up shop to be judged"

    assert wrong == {}
    assert judged > 10


@pytest.mark.parametrize("each_with", [1, pytest.param(3, marks=pytest.mark.full)])
def test_no_list_fails_for_what_it_is_asked(world: World, each_with: int) -> None:
    """Every parameter that a list declares is answered or refused: with what it takes, a word and a huge number.

    With all three for `full`; in the quick tests each parameter with the next of them, in turn.
    """
    wrong, turn = {}, 0
    for route in (each for each in routes(world.app, "GET") if each.is_list):
        path = next(iter(paths(route, world.ids)))
        needed = parameters(route.contract.query, required=True)
        for name, value in parameters(route.contract.query, required=False).items():
            turn += 1
            said = (value, "zz", "9" * 30)
            for each in [said[(turn + more) % 3] for more in range(each_with)]:
                status = world.client.get(path, query_string={**needed, name: each}).status_code
                if status not in (200, 404, 422):
                    wrong[f"{route}?{name}={each}"] = status

    assert wrong == {}
    assert turn > 100


def _plain(world: World, method: str) -> list[Route]:
    return [each for each in routes(world.app, method) if each.home == PLAIN]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_every_resource_is_guarded_by_its_tag(world: World, method: str) -> None:
    """Whoever changes or retires what he has not seen as it is (`If-Match`) is refused, of every declared resource."""
    wrong = {}
    for route in _plain(world, method):
        body = parameters(route.contract.accepts, required=True)
        found = set()
        for path in paths(route, world.ids):
            answer = world.client.open(path, method=method, json=body, headers={"If-Match": '"not this"'})
            found.add(answer.status_code)
        if not found <= {404, 412} or 412 not in found:
            wrong[str(route)] = found

    assert wrong == {}
    assert _plain(world, method)

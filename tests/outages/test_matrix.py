"""Every route in every state of the breakers answers as its contract declares; no route can escape."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Blueprint, Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from deploy.private.servers import RedisServer
from rental_backend import app as program
from rental_backend.errors import NotFound
from rental_backend.infra import DATABASE
from rental_backend.infra.runtime.modes import Mode
from rental_backend.resilience import State
from rental_backend.web.endpoint.contracts import operation_of
from rental_backend.web.endpoint.needs import PUBLIC, Needs
from rental_backend.web.endpoint.pipeline import endpoint
from tests.conftest import application, empty_tables

from .matrix import EMERGENCY, MIXED, PURE, SETTINGS, Matrix, Vector, prepared, tried_in_vain

pytestmark = pytest.mark.long

CLOSED = (State.CLOSED,) * 3
AWAY = (State.OPEN,) * 3
DB = 14  # of Redis, for nobody else


@pytest.fixture(scope="module")
def matrix(
    settings: dict[str, str], engine: Engine, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Matrix]:
    """Every route of the program, which is made once for all tests, in an application that nobody else disturbs."""
    url = f"{redis.url.rpartition('/')[0]}/{DB}"
    folder = str(tmp_path_factory.mktemp("matrix"))
    app = application({**settings, **SETTINGS, "REDIS_URL": url, "JOURNAL_FOLDER": folder})
    with Session(engine, expire_on_commit=False) as session:
        yield prepared(app, session)
        session.rollback()
        empty_tables(session)
    app.extensions["services"].stop()


def wrong(matrix: Matrix, *vectors: Vector) -> str:
    """Name the routes that do not answer as declared in these states, a line each."""
    found = []
    for vector in vectors:
        matrix.remember(vector)
        found += matrix.wrong(vector)
    return "\n".join(found)


def in_vain(matrix: Matrix) -> str:
    """Name the routes whose sample proves nothing, a line each."""
    matrix.put(CLOSED)
    return "\n".join(said for route in matrix.routes if (said := tried_in_vain(route, matrix.ask(route))))


def test_every_route_has_a_sample_that_reaches_it(matrix: Matrix) -> None:
    """With everything there no sample is refused unread, and every read that may be stale is found."""
    assert in_vain(matrix) == ""
    assert len(matrix.routes) == sum(
        len((rule.methods or set()) - {"HEAD", "OPTIONS"}) for rule in matrix.app.url_map.iter_rules()
    )


@pytest.mark.parametrize("vectors", [PURE, pytest.param(MIXED, marks=pytest.mark.full)], ids=["pure", "mixed"])
def test_every_route_answers_as_declared_in_every_outage(matrix: Matrix, vectors: tuple[Vector, ...]) -> None:
    """All routes, in all 27 combinations of closed, half-open and open of database, Redis and accounts.

    Those in which some are open and others half-open are left to the long proofs: nothing but closed admits a call.
    """
    assert len({*PURE, *MIXED}) == 27
    assert wrong(matrix, *vectors) == ""


@pytest.mark.parametrize("mode", [Mode.READ_ONLY, Mode.EMERGENCY])
def test_every_route_answers_as_declared_in_every_mode(matrix: Matrix, mode: Mode) -> None:
    """Changes are refused; in an emergency whatever needs the database or the accounts is as if they were away."""
    matrix.remember(EMERGENCY)
    matrix.services.modes.set(mode, reason="a test", actor="test")
    every = matrix.routes
    matrix.routes = [route for route in every if route.name != "PUT /api/operations/mode"]
    try:
        assert "\n".join(matrix.wrong(CLOSED)) == ""
        for route in matrix.routes:
            said = matrix.ask(route)
            assert said.headers["X-Mode"] == mode.value
            if route.contract.refused_in(mode, route.method):
                code = "read_only" if mode is Mode.READ_ONLY else "dependency_unavailable"
                assert json.loads(said.body)["code"] == code
    finally:
        matrix.routes = every
        matrix.services.modes.set(Mode.NORMAL, reason="a test", actor="test")


stray = Blueprint("stray", __name__, url_prefix="/api/stray")


@stray.get("/<uuid:id>")
@endpoint(needs=Needs(DATABASE, stale_for=60), permission=PUBLIC)
def show_stray(session: Session, id: uuid.UUID) -> None:  # noqa: ARG001
    """Show a row of a kind of which nobody has made a sample."""
    raise NotFound("There is no such stray.")


@stray.put("/")
@endpoint(needs=Needs(DATABASE), permission="CUSTOMER_UPDATE")
def change_stray() -> dict[str, bool]:
    """Declare the database, and never use it."""
    return {"ok": True}


def test_a_route_cannot_escape(
    build: Callable[..., Flask], session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A route without a sample is named; one that does not do what it declares, and one whose guard is gone, too.

    All routes are asked beside by the other tests, so here only customers and the strays are.
    """
    monkeypatch.setattr(program, "BLUEPRINTS", (*program.BLUEPRINTS, stray))
    empty_tables(session)  # of what the matrix of the other tests needs
    matrix = prepared(build(**SETTINGS, JOURNAL_FOLDER=str(tmp_path)), session)
    assert {"GET /api/stray/<uuid:id>", "PUT /api/stray/"} <= {route.name for route in matrix.routes}
    matrix.routes = [each for each in matrix.routes if {"stray", "customers"} & {*each.name.split("/")}]

    assert in_vain(matrix).partition(":")[0] == "GET /api/stray/<uuid"
    matrix.routes = [route for route in matrix.routes if route.name != "GET /api/stray/<uuid:id>"]
    assert wrong(matrix, AWAY).partition(" in ")[0] == "PUT /api/stray/"

    views, bare = matrix.app.view_functions, matrix.app.view_functions["customers.browse"]
    views["customers.browse"] = unguarded = lambda **_: {"ok": True}
    unguarded.operation = operation_of(bare)  # type: ignore[attr-defined]
    found = wrong(matrix, AWAY).splitlines()
    assert [line.partition(" in ")[0] for line in found] == ["GET /api/customers/", "PUT /api/stray/"]

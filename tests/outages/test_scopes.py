"""Whose answer an outage shows: to nobody what was answered to somebody who may do other things, or is another."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from rental_backend.accounts.access.permissions import PERMISSIONS
from rental_backend.accounts.models import User
from rental_backend.resilience import State
from rental_backend.web.endpoint.needs import PUBLIC
from tests import factories
from tests.conftest import application, empty_tables

from .matrix import SETTINGS, Matrix, Route, Said, prepared

pytestmark = pytest.mark.long

CLOSED = (State.CLOSED,) * 3
AWAY = (State.OPEN, State.CLOSED, State.OPEN)  # the database and the accounts; Redis tells who is signed out


@pytest.fixture
def matrix(settings: dict[str, str], engine: Engine, tmp_path: Path) -> Iterator[Matrix]:
    """Every route of an application that nobody else disturbs."""
    app = application({**settings, **SETTINGS, "JOURNAL_FOLDER": str(tmp_path)})
    with Session(engine, expire_on_commit=False) as session:
        yield prepared(app, session)
        session.rollback()
        empty_tables(session)
    app.extensions["services"].stop()


class Caller:
    """Somebody who asks what the matrix asks."""

    def __init__(self, app: Flask, session: Session, matrix: Matrix, user: User, *held: str) -> None:
        tokens, self.matrix = app.extensions["services"].identity.tokens, matrix
        self.token = factories.token(session, tokens, user, scopes=frozenset(held), superuser=user.is_superuser)

    def ask(self, route: Route) -> Said:
        """Return what they are answered."""
        return self.matrix.ask(replace(route, environ={**route.environ, "HTTP_AUTHORIZATION": f"Bearer {self.token}"}))


def shared(matrix: Matrix, first: Caller, second: Caller) -> set[str]:
    """Have the first ask every read that may be stale; name the routes whose old answer the second is then shown."""
    remembered = [route for route in matrix.routes if route.contract.needs.stale_for]
    matrix.put(CLOSED)
    assert [route.name for route in remembered if first.ask(route).status != 200] == []
    matrix.put(AWAY)
    assert [route.name for route in remembered if "stale" not in first.ask(route).degraded] == []
    private = [route for route in remembered if route.contract.permission != PUBLIC]
    return {route.name for route in private if second.ask(route).status == 200}


def test_no_answer_goes_to_somebody_else(matrix: Matrix, engine: Engine) -> None:
    """Callers of other permissions share nothing, equals all but what is about themselves: as `/api/auth/me` is."""
    held, app = tuple(PERMISSIONS), matrix.app
    fewer = tuple(PERMISSIONS.keys() - {"RENTAL_RETURN"})  # which opens no read
    with Session(engine, expire_on_commit=False) as session:
        users = [factories.user(session, permissions=held) for _ in range(2)]
        one, other = (Caller(app, session, matrix, user, *held) for user in users)
        boss = Caller(app, session, matrix, factories.user(session, is_superuser=True))
        less = Caller(app, session, matrix, factories.user(session, permissions=fewer), *fewer)
    for caller in (one, other, boss, less):
        caller.ask(next(route for route in matrix.routes if route.name == "GET /api/auth/me"))
    personal = {route.name for route in matrix.routes if route.contract.per_caller}

    assert shared(matrix, boss, one) == set()
    assert shared(matrix, less, other) == set()
    equals = shared(matrix, one, other)

    assert personal >= {"GET /api/auth/me", "GET /api/users/me"}
    assert equals.isdisjoint(personal)
    assert len(equals) > 70

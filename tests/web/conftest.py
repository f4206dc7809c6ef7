"""The application with toys in it."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import application
from tests.web import sample_resource as games
from tests.web import toys

Player = Callable[..., FlaskClient]
UNREACHABLE = {
    "DATABASE_URL": "postgresql://rental:hidden-word@127.0.0.1:1/rental",
    "REDIS_URL": "redis://:hidden-word@127.0.0.1:1/0",
}


def _serve(environ: dict[str, str]) -> Iterator[Flask]:
    app = application(environ)
    for bp in (toys.bp, games.bp, games.shop):
        app.register_blueprint(bp)
    services = app.extensions["services"]
    services.start()
    assert services.wait_until_settled(10)
    yield app
    services.stop()


@pytest.fixture(scope="package")
def toy_app(settings: dict[str, str], engine: sqlalchemy.Engine) -> Iterator[Flask]:
    """An application with toys, their table beside the real ones."""
    for metadata in (toys.ToyModel.metadata, games.GameModel.metadata):
        metadata.create_all(engine)
    yield from _serve(settings)
    for metadata in (toys.ToyModel.metadata, games.GameModel.metadata):
        metadata.drop_all(engine)


@pytest.fixture(scope="package")
def dark_app(settings: dict[str, str]) -> Iterator[Flask]:
    """An application with toys whose dependencies are nowhere to be found."""
    yield from _serve({**settings, **UNREACHABLE})


@pytest.fixture
def shelf(session: Session, toy_app: Flask) -> Iterator[Session]:  # noqa: ARG001 - it makes the table
    """A session around the toy application; no toy or game outlives the test."""
    yield session
    session.rollback()
    for model in (toys.Toy, games.Piece, games.Game):
        session.execute(sqlalchemy.delete(model))
    session.commit()


@pytest.fixture
def player(shelf: Session, toy_app: Flask) -> Player:
    """Make a client of the toy application, signed in with these permissions: with none, a superuser."""

    def sign_in(*permissions: str) -> FlaskClient:
        user = factories.user(shelf, permissions=permissions, is_superuser=not permissions)
        token = factories.token(shelf, toy_app.extensions["services"].identity.tokens, user)
        client = toy_app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    return sign_in

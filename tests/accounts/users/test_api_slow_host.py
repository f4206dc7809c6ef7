"""Users on a host that is slow to hash: what that takes is no wait for the database."""

import time
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests import factories
from tests.accounts.administering import client_of

USERS = "/api/users/"
BUDGET = 0.5  # seconds that a request may wait for the database
ADA = {"email": "ada@example.com", "password": "a password of hers"}


class SlowHasher:
    """Hashes like ours, for longer than a request may wait."""

    def hash(self, password: str) -> str:
        """Return a hash."""
        ends = time.monotonic() + 1.2 * BUDGET
        while True:
            hashed = factories.HASHER.hash(password)
            if time.monotonic() > ends:
                return hashed


@pytest.fixture
def boss(build: Callable[..., Flask], session: Session) -> FlaskClient:
    """A superuser of a service on a slow host."""
    app = build(REQUEST_BUDGET=str(BUDGET))
    services = app.extensions["services"]
    services.start()
    assert services.wait_until_settled(10)
    services.identity.passwords._hasher = SlowHasher()
    return client_of(app, session, factories.user(session, is_superuser=True))


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "once"}], ids=["", "with a key"])
def test_a_user_is_created_and_given_another_password(boss: FlaskClient, headers: dict[str, str]) -> None:
    """It was 503 for ever, since hashing left nothing of the time that the request has for the database."""
    made = boss.post(USERS, json=ADA, headers=headers)
    assert made.status_code == 201, made.text
    changed = boss.put(USERS + made.get_json()["id"], json={"password": "another password of hers"})
    assert changed.status_code == 200, changed.text

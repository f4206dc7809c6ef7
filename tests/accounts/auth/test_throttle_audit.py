"""Tries that came too often are in the audit log, and cannot flood it."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests import factories
from tests.accounts.administering import client_of, logged
from tests.serving import until

LOGIN = "/api/auth/login"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the events wait."""
    return tmp_path / "journal"


@pytest.fixture
def strict(build: Callable[..., Flask], folder: Path) -> Flask:
    """An application that lets one try pass."""
    app = build(JOURNAL_FOLDER=str(folder), SIGN_IN_ATTEMPTS="1", SIGN_IN_ATTEMPTS_ADDRESS="4")
    app.extensions["services"].audit_outbox.start = lambda: None  # the events stay where they can be read
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    return app


def _journal(folder: Path) -> list[dict[str, Any]]:
    path = folder / "security-events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _guess(client: FlaskClient, name: str, address: str = "10.0.0.1") -> int:
    body = {"username": name, "password": "a guess"}
    return client.post(LOGIN, json=body, environ_base={"REMOTE_ADDR": address}).status_code


def test_a_throttled_try_names_the_account_that_was_meant(strict: Flask, folder: Path, session: Session) -> None:
    """From where, at whom, by which request; also by his address; never what was typed if nobody is called so."""
    user, client = factories.user(session), strict.test_client()
    for name in (user.email, "a-password-typed-as-a-name"):
        address = f"10.0.0.{len(name)}"
        assert [_guess(client, name, address) for _ in range(2)] == [400, 429]

    known, unknown = _journal(folder)

    assert (known["action"], known["resource_id"], known["success"]) == ("THROTTLED", str(user.id), False)
    assert known["details"] == {"deed": "sign in", "username": user.username}
    assert known["actor"]["address"] == f"10.0.0.{len(user.email)}"
    assert uuid.UUID(known["actor"]["request_id"])
    assert (unknown["resource_id"], unknown["details"]) == (None, {"deed": "sign in"})
    assert "a-password" not in json.dumps(unknown)


def test_an_attack_cannot_flood_the_log(strict: Flask, folder: Path) -> None:
    """One event a minute, for many names from one address as for one name from many addresses."""
    client = strict.test_client()
    tries = [("one", f"10.0.1.{number}") for number in range(12)] + [(f"n{number}", "10.0.2.1") for number in range(12)]

    statuses = [_guess(client, name, address) for name, address in tries]

    assert (statuses.count(400), statuses.count(429)) == (5, 19)
    assert [event["actor"]["address"] for event in _journal(folder)] == ["10.0.1.1", "10.0.2.1"]


@pytest.mark.parametrize("way", ["forget", "change"])
def test_other_ways_to_guess_are_told_too(strict: Flask, folder: Path, session: Session, way: str) -> None:
    """Forgetting a password again and again, and guessing the current one at an open desk."""
    user = factories.user(session)
    client = client_of(strict, session, user)
    path = "/api/auth/forgot-password" if way == "forget" else "/api/users/me/change-password"
    body = {"username": user.username} if way == "forget" else {"current_password": "x", "new_password": "long enough"}

    statuses = [client.post(path, json=body).status_code for _ in range(3)]

    assert statuses[1:] == [429, 429]
    (event,) = _journal(folder)
    assert (event["resource_id"], event["details"]["deed"].split()[0]) == (str(user.id), way)


def test_it_reaches_the_audit_log(build: Callable[..., Flask], folder: Path, session: Session) -> None:
    """Within seconds, like all that is journalled."""
    app = build(JOURNAL_FOLDER=str(folder), SIGN_IN_ATTEMPTS="1")
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    client = app.test_client()
    for _ in range(2):
        _guess(client, "nobody at all")
    until(lambda: [entry[0] for entry in logged(session)] == ["THROTTLED"])

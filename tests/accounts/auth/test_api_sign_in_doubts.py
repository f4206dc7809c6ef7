"""What cannot be verified is not wrong: it is 503, counts as no try, and says nothing of the password."""

import uuid
from collections.abc import Callable
from typing import Any

import argon2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from rental_backend.accounts.models import LoginAttempt, User
from rental_backend.actor import Actor
from rental_backend.errors import Busy
from rental_backend.infra.identity.login_throttle import account
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal

LOGIN = "/api/auth/login"
TRIES = 3
ENDLESS = 2**32 - 1  # KiB: more memory than there is, which argon2 really asks for
TOO_BIG = factories.STRONG.replace("m=128,", f"m={ENDLESS},")


@pytest.fixture
def strict(build: Callable[..., Flask]) -> Flask:
    """An application that lets nobody try more than three times."""
    app = build(SIGN_IN_ATTEMPTS=str(TRIES))
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    return app


def _sign_in(client: FlaskClient, username: str, password: str = factories.PASSWORD, **more: Any) -> TestResponse:
    return client.post(LOGIN, json={"username": username, "password": password}, **more)


def _store(session: Session, user: User, stored: str) -> None:
    user.password = stored
    session.commit()


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        (TOO_BIG, "busy"),
        ("$2b$12$too-short", "password_not_verifiable"),
        ("$argon2id$v=19$broken", "password_not_verifiable"),
        (factories.STRONG[:-3] + "???", "password_not_verifiable"),
        ("$1$md5$x", "password_not_verifiable"),
    ],
    ids=["memory", "bcrypt", "argon2", "damaged", "another kind"],
)
def test_a_password_that_cannot_be_verified_is_503_and_no_try(
    strict: Flask, session: Session, stored: str, code: str
) -> None:
    """For want of memory, or with a damaged hash. With both mended, all tries are left."""
    client, user = strict.test_client(), factories.user(session, username="ada", password=stored)
    for _ in range(TRIES + 2):
        answer = _sign_in(client, "ada")
        assert refusal(answer, 503)["code"] == code
        assert int(answer.headers["Retry-After"]) > 0
    assert session.scalars(select(LoginAttempt)).all() == []

    _store(session, user, factories.STRONG)

    for _ in range(TRIES - 1):
        refusal(_sign_in(client, "ada", "wrong"), 400)
    assert _sign_in(client, "ada").status_code == 200


def test_who_is_right_gets_in_without_memory_for_a_stronger_hash(
    strict: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made at another sign-in."""
    user = factories.user(session, username="ada", password=factories.HASH)
    hasher = strict.extensions["services"].identity.passwords
    monkeypatch.setattr(hasher, "_hasher", argon2.PasswordHasher(memory_cost=ENDLESS, time_cost=1, parallelism=1))

    assert _sign_in(strict.test_client(), "ada").status_code == 200

    session.refresh(user)
    assert user.password == factories.HASH


def test_no_new_password_is_made_without_memory(
    app: Flask, signed_in: Caller, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is 503, and the old one stays."""
    user = factories.user(session)
    client = signed_in()
    hasher = app.extensions["services"].identity.passwords
    monkeypatch.setattr(hasher, "_hasher", argon2.PasswordHasher(memory_cost=ENDLESS, time_cost=1, parallelism=1))

    body = {"password": "velvet lantern orbit 31"}
    assert refusal(client.post(f"/api/users/{user.id}/reset-password", json=body), 503)["code"] == "busy"

    session.refresh(user)
    assert user.password == factories.HASH


def test_a_current_password_that_cannot_be_verified_is_no_wrong_one(signed_in: Caller, session: Session) -> None:
    """Whoever changes their password learns so, as often as they try."""
    client = signed_in(username="ada")
    user = session.scalars(select(User).where(User.username == "ada")).one()
    _store(session, user, TOO_BIG)
    body = {"current_password": factories.PASSWORD, "new_password": "velvet lantern orbit 31"}
    for _ in range(12):
        assert refusal(client.post("/api/users/me/change-password", json=body), 503)["code"] == "busy"


def test_a_break_glass_password_that_cannot_be_verified_is_no_try(build: Callable[..., Flask]) -> None:
    """Its few tries are left, and each is in the audit log all the same."""
    break_glass = build(BREAK_GLASS_HASH=TOO_BIG).extensions["services"].break_glass
    written: list[bool] = []
    break_glass._audit_outbox.write = lambda event: written.append(event.success)
    for _ in range(12):
        with pytest.raises(Busy):
            break_glass.verify(factories.PASSWORD, Actor(None, "nobody"))

    assert written == [False] * 12
    break_glass._hash = factories.STRONG
    assert break_glass.verify(factories.PASSWORD, Actor(None, "nobody"))


def _guesses(client: FlaskClient, names: list[str]) -> list[int]:
    """Guess under these names in turn; return the statuses."""
    return [_sign_in(client, name, f"guess {number}").status_code for number, name in enumerate(names)]


def test_an_account_has_one_count_under_both_its_names(strict: Flask, session: Session) -> None:
    """Tries under the user name are tries under the address: beyond them the right password is like a wrong one."""
    factories.user(session, username="ada", email="ada@example.com", password=factories.STRONG)
    client = strict.test_client()
    assert _guesses(client, ["ada", "ada@example.com", "ada"]) == [400] * 3

    assert [refusal(_sign_in(client, name), 400)["code"] for name in ("ada", "ada@example.com")] == (
        ["invalid_credentials"] * 2
    )


def test_the_count_does_not_tell_which_names_are_one_account(strict: Flask, session: Session) -> None:
    """Whatever is tried under whichever names, two that are one account are answered as two that nobody has."""
    factories.user(session, username="ada", email="ada@example.com")
    pattern = [0, 0, 0, 1, 0, 1, 1, 1, 0, 1]

    known = _guesses(strict.test_client(), [("ada", "ada@example.com")[each] for each in pattern])
    unknown = _guesses(strict.test_client(), [("eve", "eve@example.com")[each] for each in pattern])

    assert known == unknown == [400, 400, 400, 400, 429, 400, 400, 429, 429, 429]


def test_a_success_under_either_name_gives_the_tries_of_the_account_back(strict: Flask, session: Session) -> None:
    """And one who signed in from an address is not kept out there by strangers, whichever name these try."""
    factories.user(session, username="ada", email="ada@example.com", password=factories.STRONG)
    client = strict.test_client()
    for name in ("ada", "ada@example.com", "ada"):
        assert _guesses(client, ["ada", "ada@example.com"]) == [400] * 2
        assert _sign_in(client, name).status_code == 200
    stranger = {"REMOTE_ADDR": "203.0.113.7"}
    for name in ("ada", "ada@example.com", "ada"):
        _sign_in(client, name, "wrong", environ_base=stranger)
    assert _sign_in(client, "ada", environ_base=stranger).status_code == 400
    assert _sign_in(client, "ada").status_code == 200


def test_a_forgotten_password_is_logged_so_often_under_both_names_together(
    client: FlaskClient, signed_in: Caller, session: Session
) -> None:
    """What is beyond is answered like the rest, as for names that nobody has."""
    name = f"ada-{uuid.uuid4().hex[:8]}"
    factories.user(session, username=name, email=f"{name}@example.com")
    answers = [
        client.post("/api/auth/forgot-password", json={"username": each}).status_code
        for each in [name, f"{name}@example.com"] * 10
    ]

    log = signed_in().get("/api/security/audit-logs", query_string={"action": "PASSWORD_FORGOTTEN", "limit": 50})
    assert answers == [202] * 20
    assert len(log.get_json() if isinstance(log.get_json(), list) else log.get_json()["items"]) == 10


def test_a_locked_account_is_shown_as_locked_whichever_names_were_tried(session: Session, app: Flask) -> None:
    """Five tries under each of its names are ten at it."""
    name = f"ada-{uuid.uuid4().hex[:8]}"
    user = factories.user(session, username=name, email=f"{name}@example.com")
    _guesses(app.test_client(), [name, f"{name}@example.com"] * 5)

    throttle = app.extensions["services"].identity.throttle
    assert not throttle.is_full(user.username, user.email)
    assert throttle.is_full(user.username, user.email, account(user.id, user.username))

"""Signing in: who gets tokens, what they say, and what is written down."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import argon2
import bcrypt
import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from rental_backend.accounts.models import LoginAttempt, RefreshToken, SecurityAuditLog
from rental_backend.web.endpoint.capabilities import contracts
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal

LOGIN = "/api/auth/login"
OLD_HASH = bcrypt.hashpw(factories.PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def _sign_in(client: FlaskClient, username: str, password: str = factories.PASSWORD, **more: Any) -> TestResponse:
    return client.post(LOGIN, json={"username": username, "password": password}, **more)


def _attempts(session: Session) -> list[tuple[str, bool, str | None]]:
    attempts = session.scalars(select(LoginAttempt).order_by(LoginAttempt.attempted_at))
    return [(each.email, each.success, each.failure_reason) for each in attempts]


@pytest.mark.parametrize("name", ["clerk", "CLERK", "Clerk", "clerk@example.com", "CLERK@Example.COM", "  clerk "])
def test_a_user_signs_in_by_name_or_address_in_any_case(client: FlaskClient, session: Session, name: str) -> None:
    """The user name and the e-mail address both do, however they are written."""
    user = factories.user(session, username="Clerk", email="Clerk@example.com")

    answer = _sign_in(client, name)

    assert answer.status_code == 200, answer.text
    assert answer.get_json()["user"]["id"] == str(user.id)


def test_a_user_name_comes_before_another_s_address(client: FlaskClient, session: Session) -> None:
    """A user called like another one's address is the one who is meant."""
    factories.user(session, username="other", email="mixed@example.com")
    wanted = factories.user(session, username="mixed@example.com", email="wanted@example.com")

    assert _sign_in(client, "mixed@example.com").get_json()["user"]["id"] == str(wanted.id)


def test_the_tokens_are_jwts_that_say_when_they_end(client: FlaskClient, session: Session) -> None:
    """The frontend reads the end of a session from the tokens themselves: 30 minutes and 7 days from now."""
    user = factories.user(session, permissions=("CUSTOMER_VIEW",))

    said = _sign_in(client, user.username).get_json()

    access, refresh = (
        jwt.decode(said[name], options={"verify_signature": False}) for name in ("access_token", "refresh_token")
    )
    assert (access["type"], access["sub"], access["user_id"]) == ("access", user.username, str(user.id))
    assert (refresh["type"], refresh["user_id"]) == ("refresh", str(user.id))
    assert access["scopes"] == ["CUSTOMER_VIEW"]
    assert access["exp"] == said["expires_at"]
    assert abs(access["exp"] - time.time() - 30 * 60) < 30
    assert abs(refresh["exp"] - time.time() - 7 * 86400) < 30
    assert (said["expires_in"], said["token_type"]) == (1800, "bearer")
    assert access["jti"] != refresh["jti"]


def test_the_access_token_opens_what_the_user_may(client: FlaskClient, session: Session) -> None:
    """What signing in gave works at once, and no further than his permissions."""
    user = factories.user(session, permissions=("CUSTOMER_VIEW",))
    headers = {"Authorization": f"Bearer {_sign_in(client, user.username).get_json()['access_token']}"}

    assert client.get("/api/customers/", headers=headers).status_code == 200
    refusal(client.post("/api/customers/", json={}, headers=headers), 403)


def test_the_user_comes_in_both_spellings(client: FlaskClient, session: Session) -> None:
    """Every field is there as the frontend's pages read it, snake and camel."""
    user = factories.user(
        session,
        username="ada",
        full_name="Ada Byron",
        first_name="Ada",
        last_name="Byron",
        user_type="ADMIN",
        permissions=("CUSTOMER_VIEW",),
    )
    factories.role(session, user, name="Manager", permissions=("CUSTOMER_CREATE",))

    said = _sign_in(client, "ada").get_json()["user"]

    assert (said["id"], said["username"], said["email"]) == (str(user.id), "ada", "ada@example.com")
    assert (said["name"], said["full_name"]) == ("Ada Byron", "Ada Byron")
    assert (said["role"], said["roles"]) == ({"name": "Manager"}, ["Manager"])
    for snake, camel, value in (
        ("first_name", "firstName", "Ada"),
        ("last_name", "lastName", "Byron"),
        ("user_type", "userType", "ADMIN"),
        ("is_superuser", "isSuperuser", False),
        ("is_active", "isActive", True),
    ):
        assert (said[snake], said[camel]) == (value, value)
    for snake, camel in (("created_at", "createdAt"), ("last_login", "lastLogin")):
        assert said[snake] == said[camel]
        assert datetime.fromisoformat(said[snake]).tzinfo is not None
    for name in ("effective_permissions", "effectivePermissions"):
        for inner in ("all_permissions", "allPermissions"):
            assert said[name][inner] == ["CUSTOMER_CREATE", "CUSTOMER_VIEW"]
    assert "password" not in said


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong"),
        ("ada", factories.PASSWORD + " "),
        ("ada", factories.PASSWORD.upper()),
        ("ada", "\0"),
        ("ada", "x" * 5000),
        pytest.param("ada", factories.HASH, id="the hash"),
        ("nobody", factories.PASSWORD),
        ("' OR '1'='1", factories.PASSWORD),
        ("%", factories.PASSWORD),
        ("ada%", factories.PASSWORD),
        ("retired", factories.PASSWORD),
        ("gone", factories.PASSWORD),
    ],
)
def test_wrong_credentials_are_400_and_never_say_which(
    client: FlaskClient, session: Session, name: str, password: str
) -> None:
    """A wrong password, an unknown, an inactive and a deleted user get the same words, and no tokens."""
    factories.user(session, username="ada")
    factories.user(session, username="retired", is_active=False)
    factories.user(session, username="gone", deleted_at=datetime.now(UTC))

    said = refusal(_sign_in(client, name, password), 400)

    said.pop("request_id")
    assert said == {
        "type": "/problems/invalid-credentials",
        "title": "Sign-in failed",
        "status": 400,
        "detail": "The user name or password is wrong.",
        "code": "invalid_credentials",
    }
    assert session.scalars(select(RefreshToken)).all() == []


def test_every_attempt_is_written_down(client: FlaskClient, session: Session) -> None:
    """Success and failure leave a row each: what was typed, from where, with what, and why not."""
    factories.user(session, username="ada")
    factories.user(session, username="retired", is_active=False)
    headers = {"User-Agent": "A browser " + "x" * 600}

    for name, password in (("ada", "wrong"), ("Nobody", "x"), ("retired", factories.PASSWORD)):
        _sign_in(client, name, password, headers=headers)
    _sign_in(client, "ADA@example.com", headers=headers)

    assert _attempts(session) == [
        ("ada", False, "wrong credentials"),
        ("Nobody", False, "wrong credentials"),
        ("retired", False, "inactive"),
        ("ADA@example.com", True, None),
    ]
    for attempt in session.scalars(select(LoginAttempt)):
        assert attempt.ip_address == "127.0.0.1"
        assert attempt.user_agent == headers["User-Agent"][:500]


def test_the_address_of_the_edge_counts_only_on_railway(client: FlaskClient, session: Session, build: Any) -> None:
    """A header that anybody can send says nothing about where he is, except behind the edge that sets it."""
    factories.user(session, username="ada")
    app: Flask = build(RAILWAY_ENVIRONMENT_NAME="production")
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    headers = {"X-Real-IP": "203.0.113.9", "X-Forwarded-For": "198.51.100.1"}

    assert _sign_in(client, "ada", headers=headers).status_code == 200
    assert _sign_in(app.test_client(), "ada", headers=headers).status_code == 200

    addresses = session.scalars(select(LoginAttempt.ip_address).order_by(LoginAttempt.attempted_at)).all()
    assert addresses == ["127.0.0.1", "203.0.113.9"]


def test_the_last_sign_in_is_kept(client: FlaskClient, session: Session) -> None:
    """A sign-in is noted with the user; a failed one is not."""
    user = factories.user(session, username="ada")
    _sign_in(client, "ada", "wrong")
    session.refresh(user)
    assert user.last_login is None

    _sign_in(client, "ada")

    session.refresh(user)
    assert user.last_login is not None
    assert datetime.now(UTC) - user.last_login < timedelta(seconds=30)


def test_an_old_hash_works_and_is_upgraded(client: FlaskClient, session: Session) -> None:
    """The predecessor's bcrypt hash lets its user in, and becomes argon2id of the same password."""
    user = factories.user(session, username="old", password=OLD_HASH)

    assert _sign_in(client, "old").status_code == 200

    session.refresh(user)
    assert user.password.startswith("$argon2id$")
    assert argon2.PasswordHasher().verify(user.password, factories.PASSWORD)
    assert _sign_in(client, "old").status_code == 200
    upgraded = user.password
    session.refresh(user)
    assert user.password == upgraded


def test_a_wrong_password_upgrades_nothing(client: FlaskClient, session: Session) -> None:
    """Only the right password shows what the new hash is to be made of."""
    user = factories.user(session, username="old", password=OLD_HASH)

    refusal(_sign_in(client, "old", "wrong"), 400)

    session.refresh(user)
    assert user.password == OLD_HASH


@pytest.mark.parametrize("stored", ["", "plain text", "!", "*"])
def test_a_hash_that_is_none_lets_nobody_in(client: FlaskClient, session: Session, stored: str) -> None:
    """A column that holds no hash is no password, not even its own text, and no error."""
    factories.user(session, username="ada", password=stored)

    refusal(_sign_in(client, "ada", stored or "x"), 400)


def test_a_weak_hash_is_made_stronger(client: FlaskClient, session: Session) -> None:
    """An argon2id hash of lesser parameters is replaced by one of those in force."""
    user = factories.user(session, username="ada", password=factories.HASH)

    assert _sign_in(client, "ada").status_code == 200

    session.refresh(user)
    assert argon2.extract_parameters(user.password) == argon2.extract_parameters(factories.STRONG)


def test_a_refresh_token_is_kept_as_a_digest_only(client: FlaskClient, session: Session) -> None:
    """Who reads the table finds no token that would work."""
    user = factories.user(session, username="ada")

    token = _sign_in(client, "ada").get_json()["refresh_token"]

    (row,) = session.scalars(select(RefreshToken)).all()
    assert (row.user_id, row.is_active, len(row.token)) == (user.id, True, 64)
    assert row.token not in token
    assert row.expires_at == datetime.fromtimestamp(jwt.decode(token, options={"verify_signature": False})["exp"], UTC)


def test_sign_in_takes_the_frontend_s_extra_field(client: FlaskClient, session: Session) -> None:
    """`remember_me` is accepted and changes nothing."""
    factories.user(session, username="ada")
    body = {"username": "ada", "password": factories.PASSWORD, "remember_me": True}

    assert client.post(LOGIN, json=body).get_json()["expires_in"] == 1800


@pytest.fixture
def strict(build: Any) -> FlaskClient:
    """A client of an application that lets nobody try more than three times."""
    app: Flask = build(SIGN_IN_ATTEMPTS="3")
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    return app.test_client()


def test_guessing_is_stopped_and_says_nothing_of_the_account(strict: FlaskClient, session: Session) -> None:
    """After so many wrong tries it is 429 with the seconds to wait, known name or not; the right one too."""
    factories.user(session, username="ada", email="ada@example.com")
    told, client = [], strict
    for name, spelt in (("ada", "ADA "), ("nobody", " Nobody")):
        for _ in range(3):
            refusal(_sign_in(client, name, "wrong"), 400)
        answer = _sign_in(client, spelt)
        said = refusal(answer, 429)
        assert int(answer.headers["Retry-After"]) == said["retry_after"]
        assert 800 < said.pop("retry_after") <= 900
        told.append({name: said[name] for name in ("type", "title", "status", "code")})
    assert told[0] == told[1]
    assert len(_attempts(session)) == 6


def test_an_address_is_stopped_and_another_is_not(build: Any, session: Session) -> None:
    """Who tries many names is stopped by his address, before any password is looked at."""
    factories.user(session, username="ada")
    app: Flask = build(RAILWAY_ENVIRONMENT_NAME="production", SIGN_IN_ATTEMPTS_ADDRESS="3")
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    client = app.test_client()
    for number in range(3):
        refusal(_sign_in(client, f"nobody-{number}", "x", headers={"X-Real-IP": "203.0.113.9"}), 400)
    refusal(_sign_in(client, "ada", headers={"X-Real-IP": "203.0.113.9"}), 429)
    assert _sign_in(client, "ada", headers={"X-Real-IP": "203.0.113.10"}).status_code == 200


def test_a_success_gives_all_tries_back(strict: FlaskClient, session: Session) -> None:
    """One less than it takes, the right one, and as many wrong ones again."""
    factories.user(session, username="ada", password=factories.STRONG)
    for _ in range(2):
        for _ in range(2):
            refusal(_sign_in(strict, "ada", "wrong"), 400)
        assert _sign_in(strict, "ada").status_code == 200


def test_a_sign_in_is_in_the_audit_log(client: FlaskClient, session: Session) -> None:
    """With its user, its session, its address and the request; a failed one is in the list of tries only."""
    user = factories.user(session, username="ada")
    _sign_in(client, "ada", "wrong")
    answer = _sign_in(client, "ada", headers={"User-Agent": "a browser"})

    (event,) = session.scalars(select(SecurityAuditLog))
    (begun,) = session.scalars(select(RefreshToken))
    assert (event.action, event.user_id, event.user_name) == ("SIGN_IN", user.id, "ada")
    assert (event.resource_id, event.ip_address, event.user_agent) == (str(begun.id), "127.0.0.1", "a browser")
    assert event.details == {"request_id": answer.headers["X-Request-ID"]}


def test_both_tokens_name_their_session(client: FlaskClient, session: Session) -> None:
    """What the tokens carry is the id of the row that can be ended."""
    factories.user(session, username="ada")
    said = _sign_in(client, "ada").get_json()
    (begun,) = session.scalars(select(RefreshToken))
    for name in ("access_token", "refresh_token"):
        assert jwt.decode(said[name], options={"verify_signature": False})["sid"] == str(begun.id)


def test_a_password_that_changes_while_it_is_checked_lets_nobody_in(
    app: Flask, client: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow sign-in with the old password neither gets in nor puts the old password back."""
    user = factories.user(session, username="old", password=OLD_HASH)
    passwords = app.extensions["services"].identity.passwords
    verify = passwords.verify

    def slow(stored: str | None, password: str) -> bool:
        fits = verify(stored, password)
        user.password = factories.STRONG
        session.commit()
        return bool(fits)

    monkeypatch.setattr(passwords, "verify", slow)

    refusal(_sign_in(client, "old"), 400)

    session.refresh(user)
    assert user.password == factories.STRONG
    assert session.scalars(select(RefreshToken)).all() == []


def test_no_more_than_a_share_of_the_threads_signs_in(app: Flask, client: FlaskClient, session: Session) -> None:
    """When all seats are taken a sign-in is 503 at once, counts as no try, and leaves the database alone."""
    factories.user(session, username="ada")
    passwords = app.extensions["services"].identity.passwords
    with ExitStack() as stack:
        for _ in range(2):  # a quarter of eight threads
            stack.enter_context(passwords.reserve())
        for _ in range(12):
            answer = _sign_in(client, "ada", "wrong")
            assert refusal(answer, 503)["code"] == "busy"
            assert 1 <= int(answer.headers["Retry-After"]) <= 5
    assert _attempts(session) == []
    assert _sign_in(client, "ada").status_code == 200


def test_who_finds_no_seat_is_refused_before_his_body_is_read(app: Flask, signed_in: Caller) -> None:
    """Wherever a password is hashed: a storm costs no parsing. With a seat free the same body is found wanting."""
    hashing = {f"{method} {rule}" for _, method, rule, contract in contracts(app) if contract.hashes}
    assert hashing == {
        "POST /api/auth/login",
        "POST /api/auth/reset-password",
        "POST /api/users/",
        "POST /api/users/me/change-password",
        "POST /api/users/<uuid:user_id>/reset-password",
    }
    client = signed_in()
    paths = [each.partition(" ")[2].replace("<uuid:user_id>", str(factories.NOBODY)) for each in hashing]
    passwords = app.extensions["services"].identity.passwords

    with passwords.reserve(), passwords.reserve():
        for path in paths:
            answer = client.post(path, data="no JSON", content_type="application/json")
            assert refusal(answer, 503)["code"] == "busy"
            assert int(answer.headers["Retry-After"]) >= 1
    for path in paths:
        refusal(client.post(path, data="no JSON", content_type="application/json"), 400)


def test_without_redis_one_signs_in_and_is_throttled_all_the_same(build: Any, session: Session) -> None:
    """The process counts by itself; a revocation that nobody can be told of still ends the session here."""
    factories.user(session, username="ada", password=factories.STRONG)
    app: Flask = build(REDIS_URL="", SIGN_IN_ATTEMPTS="2")
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    client = app.test_client()
    said = _sign_in(client, "ada").get_json()
    headers = {"Authorization": f"Bearer {said['access_token']}"}
    assert client.get("/api/auth/me", headers=headers).status_code == 200
    assert client.post("/api/auth/logout", json={}, headers=headers).status_code == 200
    refusal(client.get("/api/auth/me", headers=headers), 401)
    for _ in range(2):
        refusal(_sign_in(client, "ada", "wrong"), 400)
    refusal(_sign_in(client, "ADA"), 429)

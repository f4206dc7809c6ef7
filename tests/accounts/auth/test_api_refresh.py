"""Staying signed in: a refresh token works until it ends, is revoked, or its user is."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from rental_backend.accounts.models import RefreshToken, User, UserPermission
from rental_backend.infra.identity.tokens import key_name
from tests import factories
from tests.refusals import refusal

KEY = "a key for tests, long enough to be taken"
FOREIGN = "of somebody else, and long enough to be taken"
PATHS = ("/api/auth/refresh", "/api/v1/auth/refresh", "/api/auth/refresh/")


def _refresh_token(client: FlaskClient, user: User) -> str:
    body = {"username": user.username, "password": factories.PASSWORD}
    return str(client.post("/api/auth/login", json=body).get_json()["refresh_token"])


@pytest.mark.parametrize("path", PATHS)
def test_a_refresh_token_gives_a_new_access_token(client: FlaskClient, session: Session, path: str) -> None:
    """The answer has the token and its end at top level, at either address, without a token in a header."""
    user = factories.user(session, permissions=("CUSTOMER_VIEW",))
    token = _refresh_token(client, user)

    answer = client.post(path, json={"refresh_token": token})

    said = answer.get_json()
    assert answer.status_code == 200, answer.text
    assert set(said) == {"access_token", "token_type", "expires_in", "expires_at", "offline"}
    assert abs(said["expires_at"] - time.time() - 1800) < 30
    headers = {"Authorization": f"Bearer {said['access_token']}"}
    assert client.get("/api/customers/", headers=headers).status_code == 200


def test_a_refresh_token_is_not_used_up(client: FlaskClient, session: Session) -> None:
    """The frontend ignores a new refresh token, so the old one stays good; each access token is another."""
    token = _refresh_token(client, factories.user(session))

    given = {
        client.post("/api/auth/refresh", json={"refresh_token": token}).get_json()["access_token"] for _ in range(3)
    }

    assert len(given) == 3


def test_a_new_access_token_has_the_permissions_of_now(client: FlaskClient, session: Session) -> None:
    """What was granted or taken since the sign-in counts."""
    user = factories.user(session, permissions=("CUSTOMER_VIEW",))
    token = _refresh_token(client, user)
    added = factories.permission(session, "CUSTOMER_CREATE")
    session.add(UserPermission(user_id=user.id, permission_id=added.id))
    session.commit()

    said = client.post("/api/auth/refresh", json={"refresh_token": token}).get_json()

    claims = jwt.decode(said["access_token"], options={"verify_signature": False})
    assert claims["scopes"] == ["CUSTOMER_CREATE", "CUSTOMER_VIEW"]


def _revoke(session: Session, user: User) -> None:
    session.execute(update(RefreshToken).where(RefreshToken.user_id == user.id).values(is_active=False))


def _expire(session: Session, user: User) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    session.execute(update(RefreshToken).where(RefreshToken.user_id == user.id).values(expires_at=past))


def _forget(session: Session, _user: User) -> None:
    session.query(RefreshToken).delete()


def _disable(session: Session, user: User) -> None:
    session.execute(update(User).where(User.id == user.id).values(is_active=False))


def _delete(session: Session, user: User) -> None:
    session.execute(update(User).where(User.id == user.id).values(deleted_at=datetime.now(UTC)))


def _give_away(session: Session, _user: User) -> None:
    session.execute(update(RefreshToken).values(user_id=factories.user(session).id))


@pytest.mark.parametrize("end", [_revoke, _expire, _forget, _disable, _delete, _give_away])
def test_a_refresh_token_ends(client: FlaskClient, session: Session, end: object) -> None:
    """Revoked, expired, unknown, of a disabled or deleted user, of somebody else: all are 401."""
    user = factories.user(session)
    token = _refresh_token(client, user)
    assert client.post("/api/auth/refresh", json={"refresh_token": token}).status_code == 200
    end(session, user)  # type: ignore[operator]
    session.commit()

    said = refusal(client.post("/api/auth/refresh", json={"refresh_token": token}), 401)

    assert (said["code"], said["reason"]) == ("unauthenticated", "revoked")


def test_a_token_that_was_never_given_out_is_401(app: Flask, client: FlaskClient, session: Session) -> None:
    """A sound signature is not enough: the token has to be one that was given out."""
    user = factories.user(session)
    tokens = app.extensions["services"].identity.tokens
    token, _ = tokens.sign("refresh", user.id, user.username, session=uuid.uuid4())

    refusal(client.post("/api/auth/refresh", json={"refresh_token": token}), 401)


def _forged(kind: str, ends: float, key: str = KEY, algorithm: str = "HS256", named: str = KEY) -> str:
    ids = {"user_id": str(uuid.uuid4()), "sid": str(uuid.uuid4())}
    said = {"sub": "a", **ids, "type": kind, "exp": int(time.time() + ends)}
    return jwt.encode(said, key, algorithm=algorithm, headers={"kid": key_name(named)})


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: "nonsense", "invalid"),
        (lambda: "a.b.c", "invalid"),
        (lambda: "ü.ü.ü", "invalid"),
        (lambda: _forged("access", 60), "wrong_kind"),
        (lambda: _forged("refresh", -60), "expired"),
        (lambda: _forged("refresh", 60, FOREIGN), "invalid"),
        (lambda: _forged("refresh", 60, FOREIGN, named=FOREIGN), "invalid"),
        (lambda: _forged("refresh", 60, KEY * 2, "HS512"), "invalid"),
    ],
    ids=[
        "nonsense",
        "three parts",
        "letters",
        "an access token",
        "expired",
        "foreign",
        "of an unknown key",
        "another algorithm",
    ],
)
def test_what_is_no_refresh_token_of_ours_is_401(client: FlaskClient, make: Callable[[], str], reason: str) -> None:
    """Nothing but a refresh token of ours is exchanged; the answer tells the frontend to sign in again."""
    answer = client.post("/api/auth/refresh", json={"refresh_token": make()})

    assert refusal(answer, 401)["reason"] == reason
    assert answer.headers["WWW-Authenticate"] == "Bearer"

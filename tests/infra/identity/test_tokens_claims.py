"""A signature does not turn nonsense into an error of ours: each claim with each value that does not fit it is 401."""

import base64
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from rental_backend.infra.identity.tokens import key_name
from tests import factories
from tests.issuer import RSA, Issuer
from tests.refusals import refusal
from tests.serving import until

DEEP = 3000
# Written as JSON, for some of them no program of good faith would write.
NUMBERS = {
    "10^400": f"1{'0' * 400}",
    "10^5000": f"1{'0' * 5000}",
    "1e400": "1e400",
    "NaN": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "minus 10^400": f"-1{'0' * 400}",
    "10^20": "1" + "0" * 20,
}
TEXTS = {
    "NUL": json.dumps("ada\0@example.com"),
    "only NUL": json.dumps("\0"),
    "a lone surrogate": json.dumps("ada\ud800@example.com"),
    "the other half": json.dumps("\udfff"),
    "a long text": json.dumps("a" * 1000),
}
TYPES = {
    "null": "null",
    "true": "true",
    "a list": "[]",
    "a list of a list": "[[]]",
    "an object": "{}",
    "a deep list": "[" * DEEP + "]" * DEEP,
    "a list of numbers": "[1]",
}
MOMENTS = {**NUMBERS, **TEXTS, **TYPES, "a number in a text": '"4102444800"', "before the epoch": "-1"}
NAMES = {**TEXTS, **TYPES, **NUMBERS, "a number": "7"}
IDS = {**NAMES, "no id": '"7"', "an id with more": json.dumps(f"{factories.NOBODY}\0")}
SCOPES = {**TYPES, **TEXTS, "a text": '"USER_VIEW"', "texts with one NUL": '["USER_VIEW", "\\u0000"]', "a number": "7"}
OURS = {
    "exp": MOMENTS,
    "iat": MOMENTS,
    "sub": NAMES,
    "type": NAMES,
    "user_id": IDS,
    "sid": IDS,
    "scopes": {name: value for name, value in SCOPES.items() if name != "a list"},
    "superuser": {**TYPES, **NAMES},
}
FITS = {("superuser", "true")}
THEIRS = {
    "exp": MOMENTS,
    "iat": MOMENTS,
    "sub": NAMES,
    "email": NAMES,
    "aud": NAMES,
    "iss": NAMES,
    "email_verified": NAMES,
}
FITS_THERE = {("email_verified", "true")}


def _written(claims: dict[str, str]) -> str:
    return f"{{{', '.join(f'{json.dumps(name)}: {value}' for name, value in claims.items())}}}"


def _part(text: str) -> bytes:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).rstrip(b"=")


def _ours(key: str, claims: dict[str, str], **head: str) -> str:
    """Sign claims as text with our own key; `head` is JSON, too."""
    header = _written({"alg": '"HS256"', "typ": '"JWT"', "kid": json.dumps(key_name(key)), **head})
    signed = _part(header) + b"." + _part(_written(claims))
    mac = base64.urlsafe_b64encode(hmac.digest(key.encode(), signed, "sha256")).rstrip(b"=")
    return (signed + b"." + mac).decode()


def _theirs(claims: dict[str, str], **head: str) -> str:
    header = _written({"alg": '"RS256"', "typ": '"JWT"', "kid": '"first"', **head})
    signed = _part(header) + b"." + _part(_written(claims))
    signature = RSA.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def _answers(client: FlaskClient, token: str) -> Iterator[tuple[str, Any]]:
    """Yield what is answered to a token, wherever one is taken: with the accounts asked, and to no account at all."""
    bearer = {"Authorization": f"Bearer {token}"}
    yield "me", client.get("/api/auth/me", headers=bearer)
    yield "a list", client.get("/api/customers/", headers=bearer)
    yield "an unknown id", client.get(f"/api/customers/{factories.NOBODY}", headers=bearer)
    yield "refresh", client.post("/api/auth/refresh", json={"refresh_token": token})


def _good(session: Session, app: Flask) -> dict[str, str]:
    user = factories.user(session, username="ada", email="ada@example.com", is_superuser=True)
    token = factories.token(session, app.extensions["services"].identity.tokens, user)
    padded = token.split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(padded + "=" * (-len(padded) % 4)))
    return {name: json.dumps(value) for name, value in said.items()}


def test_a_claim_that_is_none_is_401_in_our_tokens(app: Flask, session: Session, settings: dict[str, str]) -> None:
    """Whichever claim, whatever value; and a header that names a key in any such way."""
    client, key, good = app.test_client(), settings["SECRET_KEY"], _good(session, app)
    assert client.get("/api/auth/me", headers={"Authorization": f"Bearer {_ours(key, good)}"}).status_code == 200
    bad = {
        (claim, name): _ours(key, {**good, claim: value})
        for claim, values in OURS.items()
        for name, value in values.items()
        if (claim, name) not in FITS
    }
    bad |= {("kid", name): _ours(key, good, kid=value) for name, value in NAMES.items()}
    bad |= {("alg", name): _ours(key, good, alg=value) for name, value in NAMES.items()}

    wrong = {
        (*which, place): answer.status_code
        for which, token in bad.items()
        for place, answer in _answers(client, token)
        if answer.status_code != (422 if len(token) > 8192 and place == "refresh" else 401)
    }

    assert wrong == {}
    assert len(bad) > 150


def test_a_claim_that_is_none_is_401_in_tokens_of_another_issuer(build: Any, session: Session) -> None:
    """The names of accounts come from there, so what cannot be a name is nobody."""
    issuer = Issuer()
    try:
        app = build(**issuer.environ())
        services = app.extensions["services"]
        services.start()
        until(lambda: services.identity.breaker.closed)
        factories.user(session, username="ada", email="ada@example.com", is_superuser=True)
        now = int(time.time())
        good = {
            "iss": json.dumps(issuer.name),
            "aud": '"the shop"',
            "sub": '"0815"',
            "email": '"ada@example.com"',
            "email_verified": "true",
            "iat": str(now),
            "exp": str(now + 600),
            "jti": json.dumps(uuid.uuid4().hex),
        }
        client = app.test_client()
        assert client.get("/api/auth/me", headers={"Authorization": f"Bearer {_theirs(good)}"}).status_code == 200
        bad = {
            (claim, name): _theirs({**good, claim: value})
            for claim, values in THEIRS.items()
            for name, value in values.items()
            if (claim, name) not in FITS_THERE
        }
        bad |= {("kid", name): _theirs(good, kid=value) for name, value in NAMES.items()}

        wrong = {
            which: refused.status_code
            for which, token in bad.items()
            if (refused := client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})).status_code != 401
        }
    finally:
        issuer.stop()

    assert wrong == {}
    assert len(bad) > 120


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_token_without_bottom_is_401(client: FlaskClient, where: str) -> None:
    """JSON that is nested deeper than Python goes, which needs no key."""
    deep = _part("[" * 6000).decode()
    token = f"{deep}.e30.x" if where == "head" else f"{_part('{}').decode()}.{deep}.x"

    refusal(client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"}), 401)

"""Access tokens of another issuer: who is let in by which, and what an outage of either side leaves."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from rental_backend.infra.identity import oidc
from tests import factories
from tests.issuer import EC, RSA, Issuer, public
from tests.refusals import refusal
from tests.serving import until

VERIFIED = {"email": "Ada@Example.com", "email_verified": True}
Serve = Callable[..., Flask]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer of its own, with one RSA key."""
    issuer = Issuer()
    yield issuer
    issuer.going_on.set()
    issuer.stop()


@pytest.fixture
def serve(issuer: Issuer, build: Callable[..., Flask]) -> Serve:
    """Make an application that trusts the issuer."""

    def serve(**environ: str) -> Flask:
        app = build(**issuer.environ(**environ))
        app.extensions["services"].start()
        assert app.extensions["services"].wait_until_settled(10)
        return app

    return serve


def me(app: Flask, token: str) -> TestResponse:
    """Ask who one is."""
    return app.test_client().get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})


def lets_in(app: Flask, token: str) -> bool:
    """Tell whether a token is good."""
    return me(app, token).status_code == 200


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("claim", ["email", "sub"])
def test_a_token_opens_what_its_account_may(
    serve: Serve, issuer: Issuer, session: Session, algorithm: str, claim: str
) -> None:
    """The account is found by its verified address, or its name; what it may do is said here, not there."""
    issuer.keys = {"keys": [public(algorithm, "k")]}
    user = factories.user(session, username="ada", permissions=("CUSTOMER_VIEW",))
    app = serve(OIDC_CLAIM=claim)
    token = issuer.token("k", algorithm, sub="Ada" if claim == "sub" else "0815", superuser=True, **VERIFIED)

    said = me(app, token).get_json()

    assert (said["id"], said["isSuperuser"]) == (str(user.id), False)
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}"}
    assert client.get("/api/customers/", headers=headers).status_code == 200
    assert refusal(client.get("/api/users/", headers=headers), 403)["permission"] == "USER_VIEW"


def test_ours_are_good_beside_it_and_theirs_are_not_without_it(
    serve: Serve, app: Flask, issuer: Issuer, session: Session
) -> None:
    """It is off unless it is configured."""
    user = factories.user(session, username="ada")
    ours = factories.token(session, app.extensions["services"].identity.tokens, user)
    theirs = issuer.token(**VERIFIED)
    assert [lets_in(each, token) for each in (serve(), app) for token in (ours, theirs)] == [True, True, True, False]


def _false_tokens(issuer: Issuer) -> Iterator[tuple[str, str]]:
    """Yield tokens that name Ada, each with one thing wrong."""
    now = int(time.time())
    good = issuer.token(**VERIFIED)
    head, body, signature = good.split(".")
    yield "expired", issuer.token(**VERIFIED, exp=now - 11)
    yield "not yet good", issuer.token(**VERIFIED, nbf=now + 60)
    yield "of another issuer", issuer.token(**VERIFIED, iss="https://issuer.example")
    yield "for somebody else", issuer.token(**VERIFIED, aud="another shop")
    yield "of a key that is not published", issuer.token("other", **VERIFIED)
    yield "of another key under a known name", issuer.token("first", "RS256", _other(), **VERIFIED)
    yield "of another kind of key", issuer.token("first", "ES256", **VERIFIED)
    yield "of another padding", issuer.token("first", "PS256", RSA, **VERIFIED)
    yield "without a signature", f"{head}.{body}."
    yield "tampered with", f"{head}.{issuer.token(sub='boss', **VERIFIED).split('.')[1]}.{signature}"
    yield "signed with the public key", _confused(issuer)
    yield "signed by nobody", jwt.encode({"sub": "ada"}, None, algorithm="none", headers={"kid": "first"})  # type: ignore[arg-type]
    yield "without a key's name", jwt.encode(jwt.decode(good, options={"verify_signature": False}), RSA, "RS256")
    yield "of an address that nobody verified", issuer.token(email="ada@example.com")
    yield "of an address said to be verified", issuer.token(email="ada@example.com", email_verified="true")
    yield "without an address", issuer.token(email_verified=True)
    yield "of nobody here", issuer.token(email="eve@example.com", email_verified=True)
    for claim in ("exp", "iat", "iss", "aud", "sub"):
        yield f"without {claim}", issuer.token(**{**VERIFIED, claim: None})


def _other() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _confused(issuer: Issuer) -> str:
    """Return a token signed by HMAC with what everybody knows: the modulus."""
    said = jwt.decode(issuer.token(**VERIFIED), options={"verify_signature": False})
    known = public("RS256", "first")["n"]
    return jwt.encode(said, known, algorithm="HS256", headers={"kid": "first"})


def test_a_false_token_is_401(serve: Serve, issuer: Issuer, session: Session) -> None:
    """Whatever is wrong with it. Put right, it is good; an issuer is asked no more than once for all of them."""
    factories.user(session, username="ada", email="ada@example.com", is_superuser=True)
    app = serve()
    assert lets_in(app, issuer.token(**VERIFIED))

    wrong = {name: me(app, token).status_code for name, token in _false_tokens(issuer)}

    assert {name: status for name, status in wrong.items() if status != 401} == {}
    assert len(wrong) >= 20
    assert issuer.asked == 1


@pytest.mark.parametrize("state", ["disabled", "doubled"])
def test_an_account_that_is_not_one_lets_nobody_in(serve: Serve, issuer: Issuer, session: Session, state: str) -> None:
    """Switched off, or the same address twice but for its letters."""
    factories.user(session, username="ada", email="ada@example.com", is_active=state != "disabled")
    if state == "doubled":
        factories.user(session, username="ada2", email="ADA@example.com")
    assert refusal(me(serve(), issuer.token(**VERIFIED)), 401)["reason"] == "inactive"


@pytest.mark.parametrize("keys", [
    b"not JSON", {"keys": []}, {"keys": "no"}, [], {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "first"}]},
    {"keys": [public("RS256", "first", use="enc")]}, {"keys": [{"kid": "first"}, 7, {"kty": "RSA", "kid": "first"}]},
    {"keys": [public("RS256", "first", rsa.generate_private_key(public_exponent=65537, key_size=1024))]},  # noqa: S505
    b" " * (oidc.LARGEST + 1), None,
])  # fmt: skip
def test_keys_that_are_none_are_no_keys(serve: Serve, issuer: Issuer, session: Session, keys: Any) -> None:
    """Broken, secret, weak, meant for something else, or only said to lie elsewhere: nobody can be judged."""
    factories.user(session, username="ada", email="ada@example.com")
    issuer.keys, issuer.status = ({"keys": [public("RS256", "first")]}, 302) if keys is None else (keys, 200)
    assert refusal(me(serve(), issuer.token(**VERIFIED)), 503)["dependency"] == "oidc"


def test_a_new_key_is_fetched_once_a_minute_and_an_old_one_goes(
    serve: Serve, issuer: Issuer, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who makes up names of keys does not make us ask on and on."""
    factories.user(session, username="ada", email="ada@example.com")
    app = serve()
    assert lets_in(app, issuer.token(**VERIFIED))
    issuer.keys = {"keys": [public("ES256", "second")]}
    new = issuer.token("second", "ES256", EC, **VERIFIED)
    assert [me(app, new).status_code for _ in range(5)] == [401] * 5
    assert issuer.asked == 1

    monkeypatch.setattr(oidc, "PAUSE", 0.0)

    assert lets_in(app, new)
    assert not lets_in(app, issuer.token(**VERIFIED))


@pytest.mark.alone(waiting=True)
@pytest.mark.parametrize("how", ["frozen", "refused", "failing"])
def test_while_the_issuer_is_away_known_keys_work(
    serve: Serve, issuer: Issuer, session: Session, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whoever comes with another key is told to come again, at once after the first; then all is well by itself."""
    monkeypatch.setattr(oidc, "PAUSE", 0.0)
    factories.user(session, username="ada", email="ada@example.com")
    app = serve(OIDC_DEADLINE="0.3")
    assert lets_in(app, issuer.token(**VERIFIED))
    issuer.keys["keys"].append(public("ES256", "second"))
    new = issuer.token("second", "ES256", EC, **VERIFIED)
    leave, return_ = {
        "frozen": (issuer.going_on.clear, issuer.going_on.set),
        "refused": (issuer.stop, issuer.start),
        "failing": (lambda: setattr(issuer, "status", 500), lambda: setattr(issuer, "status", 200)),
    }[how]
    leave()

    began = time.monotonic()
    answers = [me(app, new) for _ in range(20)]
    took = time.monotonic() - began

    for answer in answers:
        assert refusal(answer, 503)["dependency"] == "oidc"
        assert 1 <= int(answer.headers["Retry-After"]) <= 5
    assert took < 1.0  # one has waited, nineteen have not
    assert lets_in(app, issuer.token(**VERIFIED))
    return_()
    until(lambda: lets_in(app, new), 5)


def test_one_thread_fetches(serve: Serve, issuer: Issuer, session: Session) -> None:
    """However many come at once with a key that nobody knows yet."""
    factories.user(session, username="ada", email="ada@example.com")
    app = serve()
    issuer.going_on.clear()
    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(lets_in, app, issuer.token(**VERIFIED)) for _ in range(8)]
        until(lambda: issuer.now == 1)
        issuer.going_on.set()
        assert all(each.result() for each in asking)
    assert (issuer.asked, issuer.most) == (1, 1)


def test_without_the_accounts_only_who_was_seen_goes_on(serve: Serve, issuer: Issuer, session: Session) -> None:
    """The issuer says who somebody is, but only the accounts say which account that is."""
    for name in ("ada", "eve"):
        factories.user(session, username=name, email=f"{name}@example.com")
    app = serve(AUTH_FRESH="0.01")
    ada = issuer.token(**VERIFIED)
    assert lets_in(app, ada)
    app.extensions["services"].identity.breaker.force_open(reason="test", actor="test")

    answer = me(app, ada)
    assert (answer.status_code, answer.headers["X-Degraded"]) == (200, "offline, stale")
    assert refusal(me(app, issuer.token(email="eve@example.com", email_verified=True)), 503)["dependency"] == "auth"


def test_it_signs_out_nobody_else(serve: Serve, issuer: Issuer, session: Session) -> None:
    """A token without a session of ours ends none, and refreshes nothing."""
    factories.user(session, username="ada", email="ada@example.com")
    client, token = serve().test_client(), issuer.token(**VERIFIED)
    answer = client.post("/api/auth/logout", json={}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert refusal(client.post("/api/auth/refresh", json={"refresh_token": token}), 401)["reason"] == "invalid"


def test_its_breaker_is_shown_with_the_others(serve: Serve, app: Flask, issuer: Issuer) -> None:
    """Closed, then open with a reason while the issuer is away, without its address; none where there is no issuer."""
    shop = serve()

    def shown(each: Flask) -> dict[str, Any] | None:
        said = each.test_client().get("/health/breakers")
        assert issuer.environ()["OIDC_JWKS_URL"] not in said.text
        return next((one for one in said.get_json()["breakers"] if one["name"] == "oidc"), None)

    assert shown(app) is None
    until(lambda: (shown(shop) or {})["state"] == "closed")
    issuer.stop()
    shop.extensions["services"].identity.issuer._fetched = float("-inf")
    assert refusal(me(shop, issuer.token("unknown", **VERIFIED)), 503)["dependency"] == "oidc"
    found = shown(shop)
    assert found
    assert (found["state"], found["calls"], len(found["events"]) > 0) == ("open", None, True)

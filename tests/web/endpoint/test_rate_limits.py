"""Limits of how much one caller may ask for: who is counted as whom, and what they are told."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from rental_backend.config import Config
from rental_backend.web.endpoint.capabilities import contracts
from rental_backend.web.endpoint.contracts import operation_of
from rental_backend.web.endpoint.needs import NOTHING, PUBLIC
from rental_backend.web.endpoint.rate_limits import Limits, Rate, rate_of
from tests import factories
from tests.refusals import refusal

FEW = {"RATE_READS": "3", "RATE_WRITES": "2", "RATE_TRANSFERS": "1", "RATE_STRANGERS": "4", "RATE_WINDOW": "600"}


@pytest.fixture
def few(app: Flask) -> object:
    """The application held to a few calls."""
    usual = app.extensions["limits"]
    app.extensions["limits"] = Limits(Config.from_environ({**FEW, "ENVIRONMENT": "test"}))
    yield
    app.extensions["limits"] = usual


@pytest.mark.usefixtures("few")
def test_reads_and_changes_of_a_user_are_counted(signed_in: Callable[..., object]) -> None:
    """Three reads pass and say what is left, the fourth is 429 and says when to come; changes, others go on."""
    ada, bob = signed_in("CUSTOMER_VIEW", "CUSTOMER_CREATE"), signed_in("CUSTOMER_VIEW")

    told = [ada.get("/api/customers/").headers["RateLimit"] for _ in range(3)]
    refused = ada.get("/api/customers/", headers={"Origin": "http://localhost:3000"})

    assert told == ['"reads";r=2;t=200', '"reads";r=1;t=400', '"reads";r=0;t=600']
    said = refusal(refused, 429)
    assert (said["code"], said["limit"], said["retry_after"]) == ("rate_limited", "reads", 200)
    assert refused.headers["Retry-After"] == "200"
    assert refused.headers["RateLimit-Policy"] == '"reads";q=3;w=600'
    assert refused.headers["RateLimit"] == '"reads";r=0;t=600'
    exposed = refused.headers["Access-Control-Expose-Headers"]
    assert "RateLimit, " in exposed + ", " and "RateLimit-Policy" in exposed
    assert ada.post("/api/customers/", json={}).headers["RateLimit"].startswith('"writes";r=1')
    assert bob.get("/api/customers/").status_code == 200


@pytest.mark.usefixtures("few")
def test_exports_have_a_limit_of_their_own(signed_in: Callable[..., object]) -> None:
    """One export passes, a second does not, and reads go on."""
    ada = signed_in("CUSTOMER_VIEW", "CUSTOMER_EXPORT")

    first, second = ada.get("/api/customers/export"), ada.get("/api/customers/export")

    assert first.headers["RateLimit"].startswith('"transfers";r=0')
    assert refusal(second, 429)["limit"] == "transfers"
    assert ada.get("/api/customers/").status_code == 200


@pytest.mark.usefixtures("few")
def test_who_is_nobody_counts_by_address(app: Flask, session: Session) -> None:
    """Bad tokens and signing in count together, by address; a forged header gives nobody a new one."""
    factories.user(session, username="ada")
    client = app.test_client()
    here = {"REMOTE_ADDR": "198.51.100.7"}

    answers = [client.get("/api/customers/", headers={"Authorization": "Bearer no"}, environ_base=here)]
    answers += [client.post("/api/auth/login", json={"username": "ada", "password": "x"}, environ_base=here)]
    answers += [client.get("/api/customers/", environ_base=here) for _ in range(2)]
    forged = {"X-Real-IP": "203.0.113.9", "X-Forwarded-For": "203.0.113.9"}
    refused = client.get("/api/customers/", environ_base=here, headers=forged)

    assert [each.status_code for each in answers] == [401, 400, 401, 401]
    assert refusal(refused, 429)["limit"] == "strangers"
    assert client.get("/api/customers/", environ_base={"REMOTE_ADDR": "198.51.100.8"}).status_code == 401
    for path in ("/health", "/api/health", "/health/ready", "/docs", "/metrics"):
        answer = client.get(path, environ_base=here)
        assert (answer.status_code in (200, 403), "RateLimit" in answer.headers) == (True, False), path


def test_nothing_escapes_but_what_needs_nothing(app: Flask) -> None:
    """Each operation counts to the limit of its kind; only public ones that need nothing count to none."""
    kinds: dict[Rate | None, set[str]] = {}
    for rule in app.url_map.iter_rules():
        operation = operation_of(app.view_functions[rule.endpoint])
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            kinds.setdefault(rate_of(operation, method), set()).add(f"{method} {rule.rule}")
    free = {
        f"{method} {rule}"
        for _, method, rule, each in contracts(app)
        if each.permission == PUBLIC and each.needs == NOTHING
    }

    assert kinds[None] == free
    assert "POST /api/customers/" in kinds[Rate.WRITES]
    assert "GET /api/customers/" in kinds[Rate.READS]
    assert {"POST /api/auth/login", "POST /api/auth/refresh"} <= kinds[Rate.STRANGERS]
    assert {"GET /api/customers/export", "POST /api/customers/import"} <= kinds[Rate.TRANSFERS]


def test_a_limit_of_nothing_is_none(app: Flask, signed_in: Callable[..., object]) -> None:
    """With 0 nobody is counted and nothing is told."""
    usual, none = app.extensions["limits"], {**dict.fromkeys(FEW, "0"), "RATE_WINDOW": "60", "ENVIRONMENT": "test"}
    app.extensions["limits"] = Limits(Config.from_environ(none))
    try:
        answers = [signed_in("CUSTOMER_VIEW").get("/api/customers/"), app.test_client().get("/api/customers/")]
    finally:
        app.extensions["limits"] = usual

    assert [each.status_code for each in answers] == [200, 401]
    assert all("RateLimit" not in each.headers for each in answers)

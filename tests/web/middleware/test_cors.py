"""Which pages may call, and that every answer says so."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rental_backend.web.middleware import cors
from tests.conftest import Caller
from tests.serving import until

SHOP = "https://www.omomrentals.shop"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STRANGERS = (
    "null",
    "*",
    "http://www.omomrentals.shop",
    "https://omomrentals.shop",
    "https://www.omomrentals.shop.evil.com",
    "https://evil.com/https://www.omomrentals.shop",
    "https://wwwxomomrentals.shop",
    "https://www.omomrentals.shop:8443",
    "https://www.omomrentals.shop/",
    "HTTPS://WWW.OMOMRENTALS.SHOP",
    "https://www.omomrentals.shop https://evil.com",
    "http://localhost:2999",
    "http://localhost:3011",
    "http://localhost",
    "https://localhost:3000",
    "http://localhost:3000.evil.com",
    "http://localhost:99999999",
    "http://evil.localhost:3000",
    "http://127.0.0.2:3000",
)


def _allowed(answer: TestResponse) -> str | None:
    assert "Origin" in str(answer.vary), f"{answer.status} lacks Vary: Origin"
    return answer.headers.get("Access-Control-Allow-Origin")


def _preflight(client: FlaskClient, path: str, method: str = "GET", origin: str = SHOP) -> TestResponse:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization, content-type, x-request-id",
    }
    return client.options(path, headers=headers)


@pytest.mark.parametrize("origin", [SHOP, "http://localhost:3000", "http://localhost:3010", "http://127.0.0.1:3005"])
def test_a_page_of_ours_may_call(client: FlaskClient, origin: str) -> None:
    """The shop may, and outside production the ports of development; the answer names just the caller."""
    answer = client.get("/health", headers={"Origin": origin})

    assert _allowed(answer) == origin


@pytest.mark.parametrize("origin", STRANGERS)
def test_a_page_of_a_stranger_may_not(client: FlaskClient, origin: str) -> None:
    """What only looks like one of ours gets no permission, neither on a call nor on a preflight."""
    assert _allowed(client.get("/health", headers={"Origin": origin})) is None
    assert _allowed(_preflight(client, "/api/customers/", origin=origin)) is None


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_localhost_may_not_call_production(build: Callable[..., Flask], environment: str) -> None:
    """The ports of development count for nothing where customers' data are."""
    client = build(ENVIRONMENT=environment).test_client()

    assert _allowed(client.get("/health", headers={"Origin": "http://localhost:3000"})) is None
    assert _allowed(client.get("/health", headers={"Origin": SHOP})) == SHOP


def test_localhost_can_be_switched_off_and_moved(build: Callable[..., Flask]) -> None:
    """The range of ports is a setting."""
    off, moved = build(CORS_LOCALHOST="off").test_client(), build(CORS_LOCALHOST="4000-4001").test_client()

    assert _allowed(off.get("/health", headers={"Origin": "http://localhost:3000"})) is None
    assert _allowed(moved.get("/health", headers={"Origin": "http://localhost:3000"})) is None
    assert _allowed(moved.get("/health", headers={"Origin": "http://localhost:4001"})) == "http://localhost:4001"


@pytest.mark.parametrize("path", ["/api/customers/", "/api/customers/x", "/api/auth/login", "/health", "/nowhere", "/"])
@pytest.mark.parametrize("method", METHODS)
def test_a_preflight_needs_no_sign_in(client: FlaskClient, path: str, method: str) -> None:
    """A browser's question is answered for every path and method, known or not, without a token and a body."""
    answer = _preflight(client, path, method)

    assert (answer.status_code, answer.data) == (204, b"")
    assert _allowed(answer) == SHOP
    assert set(METHODS) <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-request-id"} <= set(allowed)


def test_a_preflight_allows_no_header_that_is_not_ours(client: FlaskClient) -> None:
    """Unknown headers are not waved through."""
    headers = {
        "Origin": SHOP,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-evil, authorization",
    }

    allowed = client.options("/health", headers=headers).headers["Access-Control-Allow-Headers"].lower()

    assert "x-evil" not in allowed
    assert "authorization" in allowed


def test_the_page_may_read_our_headers(client: FlaskClient) -> None:
    """The id of a request, totals and marks of degradation are exposed to the page; cookies are not asked for."""
    answer = client.get("/health", headers={"Origin": SHOP})

    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert {"X-Request-ID", "X-Total-Count", "X-Degraded", "Age", "Retry-After", "Location"} <= exposed
    assert "Access-Control-Allow-Credentials" not in answer.headers


def _send(client: FlaskClient, method: str, path: str, **more: Any) -> TestResponse:
    return client.open(path, method=method, headers={"Origin": SHOP}, **more)


def test_every_answer_to_a_client_carries_the_headers(signed_in: Caller, client: FlaskClient) -> None:
    """Successes and refusals alike can be read by the page, or it could not show why."""
    clerk, weak = signed_in(), signed_in("NOTHING_MUCH")
    json, new = "application/json", "/api/customers/"
    answers = {
        200: _send(clerk, "GET", new),
        201: _send(
            clerk,
            "POST",
            new,
            data='{"customer_code": "1", "customer_type": "BUSINESS", "business_name": "B"}',
            content_type=json,
        ),
        400: _send(clerk, "POST", new, data="{", content_type=json),
        401: _send(client, "GET", new),
        403: _send(weak, "GET", new),
        404: _send(client, "GET", "/nowhere"),
        405: _send(clerk, "PATCH", new),
        413: _send(clerk, "POST", new, data="x" * (2**20 + 1), content_type=json),
        415: _send(clerk, "POST", new, data="x", content_type="text/plain"),
        422: _send(clerk, "GET", new + "undefined"),
    }

    assert {status: answer.status_code for status, answer in answers.items()} == {status: status for status in answers}
    for answer in answers.values():
        assert _allowed(answer) == SHOP
        assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]


def test_a_crash_and_an_outage_carry_the_headers(toy_app: Flask, dark_app: Flask) -> None:
    """A 500 and a 503 can be read by the page too."""
    tokens = dark_app.extensions["services"].identity.tokens
    token, _ = tokens.sign("access", uuid.uuid4(), "a", session=uuid.uuid4(), superuser=True)
    headers = {"Origin": SHOP, "Authorization": f"Bearer {token}"}

    crashed = toy_app.test_client().get("/api/toys/crash", headers=headers)
    refused = dark_app.test_client().get("/api/customers/", headers=headers)

    assert (crashed.status_code, refused.status_code) == (500, 503)
    assert (_allowed(crashed), _allowed(refused)) == (SHOP, SHOP)


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/api/customers/"])
def test_answers_to_no_page_vary_all_the_same(client: FlaskClient, path: str) -> None:
    """A cache must not keep an answer without the headers for a page that needs them."""
    assert _allowed(client.get(path)) is None


def test_more_origins_come_from_a_file_without_a_restart(build: Callable[..., Flask], tmp_path: Path) -> None:
    """The file is followed as it changes: added origins may call, removed ones may not any more."""
    file = tmp_path / "origins"
    file.write_text("# ours\nhttps://one.example  # the first\n\n")
    client = build(CORS_ORIGINS_FILE=str(file)).test_client()

    def may(origin: str) -> bool:
        return _allowed(client.get("/health", headers={"Origin": origin})) == origin

    assert may("https://one.example")
    assert not may("https://two.example")

    file.write_text("https://two.example\n")

    until(lambda: may("https://two.example"), 5, "the file read again")
    assert not may("https://one.example")
    assert may(SHOP)


def _throughout(seconds: float, condition: Callable[[], bool]) -> bool:
    """Tell whether a condition holds at every look, for longer than the file is left unread."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if not condition():
            return False
    return True


def test_a_file_that_cannot_be_read_leaves_the_last_list(
    build: Callable[..., Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is away or broken takes nobody's permission; a whole one counts again."""
    monkeypatch.setattr(cors, "LOOK_EVERY", 0.1)
    file = tmp_path / "origins"
    client = build(CORS_ORIGINS_FILE=str(file)).test_client()

    def may(origin: str) -> bool:
        return _allowed(client.get("/health", headers={"Origin": origin})) == origin

    assert not may("https://one.example")
    file.write_text("https://one.example\n")
    until(lambda: may("https://one.example"), 5, "the file that came into being")
    file.write_bytes(b"\xff\xfe https://evil.example")
    assert _throughout(0.3, lambda: may("https://one.example"))
    file.unlink()
    assert _throughout(0.3, lambda: may("https://one.example"))
    file.write_text("https://two.example\n")
    until(lambda: may("https://two.example"), 5, "the file that came back")
    assert not may("https://one.example")

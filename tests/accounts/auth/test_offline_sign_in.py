"""Signing in and staying signed in while the accounts are away."""

import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import argon2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from rental_backend.infra.identity import host_revocations
from rental_backend.infra.identity.break_glass import TRIES
from tests import factories
from tests.refusals import refusal
from tests.serving import until

AWAY = {"DATABASE_URL": "postgresql://rental:hidden-word@127.0.0.1:1/rental"}
HASH = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("open sesame, please")
GLASS = {"username": "Break-Glass ", "password": "open sesame, please"}
Dark = Callable[..., FlaskClient]


@pytest.fixture
def dark(build: Callable[..., Flask], tmp_path: Path) -> Dark:
    """Make a client of an application whose accounts are away, and whose Redis is not."""

    def make(**environ: str) -> FlaskClient:
        app = build(**{**AWAY, "JOURNAL_FOLDER": str(tmp_path), **environ})
        app.extensions["services"].start()
        assert app.extensions["services"].wait_until_settled(10)
        return app.test_client()

    return make


@pytest.fixture
def journal_kept(app: Flask, settings: dict[str, str], tmp_path: Path) -> None:
    """Give the dark application the journal of the one that is well, as if it were that host after a restart."""
    kept = Path(settings["JOURNAL_FOLDER"]) / host_revocations.FILE
    revocations = app.extensions["services"].identity.revocations
    revocations.announce([uuid.uuid4()])  # then the file is written; others with the same folder may have removed it

    def has_all() -> bool:
        revocations.refresh()
        return kept.exists()

    until(has_all, what="Redis has all that the application knows")
    shutil.copy(kept, tmp_path)


@pytest.fixture
def tokens(client: FlaskClient, session: Session) -> dict[str, str]:
    """The tokens of somebody who signed in when all was well."""
    user = factories.user(session, permissions=("CUSTOMER_VIEW", "CUSTOMER_DELETE"))
    body = {"username": user.username, "password": factories.PASSWORD}
    return dict(client.post("/api/auth/login", json=body).get_json())


@pytest.fixture
def refresh_token(tokens: dict[str, str]) -> str:
    """Their refresh token."""
    return tokens["refresh_token"]


def refreshed(client: FlaskClient, token: str) -> Any:
    """Refresh."""
    return client.post("/api/auth/refresh", json={"refresh_token": token})


def journal(folder: Path) -> list[tuple[str, bool]]:
    """Return what was journalled: actions, and whether they succeeded."""
    lines = (folder / "security-events.jsonl").read_text().splitlines()
    return [(said["action"], said["success"]) for said in map(json.loads, lines)]


@pytest.mark.usefixtures("journal_kept")
def test_who_is_signed_in_stays_so(dark: Dark, refresh_token: str, tmp_path: Path) -> None:
    """A refresh token gives a short access token with what its holder may do; the answer says so, and the journal."""
    client = dark()
    answers = [refreshed(client, refresh_token) for _ in range(2)]
    for answer in answers:
        said = answer.get_json()
        assert (answer.status_code, said["offline"], said["expires_in"]) == (200, True, 300)
        assert answer.headers["X-Degraded"] == "offline"
    bearer = {"Authorization": f"Bearer {said['access_token']}"}
    assert refusal(client.get("/api/customers/?search=never+asked", headers=bearer), 503)["dependency"] == "database"
    assert refusal(client.get("/api/users/", headers=bearer), 403)["permission"] == "USER_VIEW"
    assert journal(tmp_path) == [("REFRESHED_OFFLINE", True), ("PERMISSION_DENIED", False)]


def test_with_the_accounts_in_reach_they_are_asked(client: FlaskClient, refresh_token: str) -> None:
    """An answer by signature is for outages only."""
    said = refreshed(client, refresh_token).get_json()
    assert (said["offline"], said["expires_in"]) == (False, 1800)


@pytest.mark.usefixtures("journal_kept")
def test_who_signed_out_stays_out(dark: Dark, client: FlaskClient, refresh_token: str) -> None:
    """The host hears of it through Redis."""
    assert client.post("/api/auth/logout", json={"refresh_token": refresh_token}).status_code == 200
    assert refusal(refreshed(dark(), refresh_token), 401)["reason"] == "revoked"


@pytest.mark.parametrize("reached", [False, True])
def test_a_host_that_knows_of_no_endings_leaves_nothing_that_harms(
    dark: Dark, tokens: dict[str, str], reached: bool
) -> None:
    """Nobody knows then who was signed out: no new tokens, and no damage by old ones."""
    client = dark(**({} if reached else {"REDIS_URL": "redis://127.0.0.1:1/0"}))
    assert refusal(refreshed(client, tokens["refresh_token"]), 503)["dependency"] == "auth"
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert refusal(client.get("/api/customers/?search=never+asked", headers=bearer), 503)["dependency"] == "database"
    answer = client.delete("/api/customers/00000000-0000-0000-0000-000000000007", headers=bearer)
    assert refusal(answer, 403)["permission"] == "CUSTOMER_DELETE"


def test_an_outage_that_lasts_ends_it(dark: Dark, refresh_token: str) -> None:
    """After a while only the accounts themselves will do."""
    answer = refreshed(dark(OFFLINE_REFRESHING="0.01"), refresh_token)
    assert refusal(answer, 503)["dependency"] == "auth"


def test_a_false_refresh_token_is_401(dark: Dark, refresh_token: str) -> None:
    """A signature is what all of this rests on."""
    assert refusal(refreshed(dark(), refresh_token[:-4] + "AAAA"), 401)["reason"] == "invalid"


def test_nobody_signs_in(dark: Dark) -> None:
    """Not with any password, nor under the name of an account that is not configured."""
    client = dark()
    for body in (GLASS, {"username": "admin", "password": "admin123"}):
        assert refusal(client.post("/api/auth/login", json=body), 503)["dependency"] == "auth"


def test_the_break_glass_account_opens(dark: Dark, tmp_path: Path) -> None:
    """Its holder looks at everything and steers, for a quarter of an hour; he changes nothing. All tries are kept."""
    client = dark(BREAK_GLASS_HASH=HASH, REDIS_URL="redis://127.0.0.1:1/0")
    wrong = client.post("/api/auth/login", json={**GLASS, "password": "open says me"})
    assert refusal(wrong, 400)["code"] == "invalid_credentials"
    answer = client.post("/api/auth/login", json=GLASS)
    said = answer.get_json()
    assert (answer.status_code, said["expires_in"], said["user"]["isSuperuser"]) == (200, 900, False)
    assert "SYSTEM_MAINTENANCE" in said["user"]["effectivePermissions"]["allPermissions"]
    bearer = {"Authorization": f"Bearer {said['access_token']}"}
    assert refusal(client.get("/api/customers/?search=never+asked", headers=bearer), 503)["dependency"] == "database"
    assert refusal(client.post("/api/customers/", json={}, headers=bearer), 403)["permission"] == "CUSTOMER_CREATE"
    assert refusal(client.post("/api/auth/login", json={**GLASS, "username": "admin"}), 503)["dependency"] == "auth"
    assert journal(tmp_path)[:2] == [("BREAK_GLASS", False), ("BREAK_GLASS", True)]


@pytest.mark.usefixtures("journal_kept")
def test_the_deciding_second_is_marked_too(dark: Dark, refresh_token: str) -> None:
    """Before the breaker has opened, what was given out without asking the accounts says so."""
    client = dark(BREAK_GLASS_HASH=HASH)
    breaker = client.application.extensions["services"].identity.breaker
    breaker.force_closed(reason="test", actor="test")
    for answer in (client.post("/api/auth/login", json=GLASS), refreshed(client, refresh_token)):
        assert (answer.status_code, answer.headers["X-Degraded"]) == (200, "offline")
    assert breaker.closed


def test_the_break_glass_password_cannot_be_guessed(dark: Dark) -> None:
    """After a few tries not even the right one opens, for a minute."""
    client = dark(BREAK_GLASS_HASH=HASH)
    for _ in range(TRIES):
        refusal(client.post("/api/auth/login", json={**GLASS, "password": "a guess"}), 400)
    refusal(client.post("/api/auth/login", json=GLASS), 400)


def test_with_the_accounts_in_reach_there_is_no_break_glass(build: Callable[..., Flask]) -> None:
    """It is for outages, not a second door."""
    app = build(BREAK_GLASS_HASH=HASH)
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    refusal(app.test_client().post("/api/auth/login", json=GLASS), 400)

"""New passwords: by the old one, by a reset token, and from an administrator."""

import itertools
import random
import secrets
import string
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rental_backend.accounts.auth.passwords import ENOUGH, require_good
from rental_backend.accounts.models import PasswordResetToken, SecurityAuditLog, User
from rental_backend.errors import Invalid
from rental_backend.infra.identity.password_strength import common_words, strength
from tests import factories
from tests.accounts.auth.test_sessions import Device
from tests.conftest import Caller
from tests.refusals import refusal

CHANGE = "/api/users/me/change-password"
RESET = "/api/auth/reset-password"
FORGOT = "/api/auth/forgot-password"
NEW = "a new and better sentence"
BAD = [
    *("short", "1234567", "password123", "PassWord123", "ada", "ADA@example.com", "aaaaaaaa", "abababab", "x" * 1001),
    *(
        "abcdefgh",
        "qwerty123456",
        "12345679",
        "P@ssw0rd!",
        "Summer2024!",
        "adaada12",
        "1qaz2wsx",
        "aabbccdd",
        "iloveyou2",
    ),
    *(
        "ada.example.2024",
        "drowssap1",
        "01011990",
        "xyz" * 333,
        "ππππλλμμ",
        "asdfjkl;",
        "Manager@123",
        "1q2w3e4r",
        "\t" * 9,
    ),
]


@pytest.fixture
def ada(session: Session) -> User:
    """A user whose hash is as strong as ours."""
    return factories.user(session, username="ada", password=factories.STRONG)


def _change(client: FlaskClient, current: str = factories.PASSWORD, new: str = NEW) -> Any:
    return client.post(CHANGE, json={"current_password": current, "new_password": new})


def _gets_in(app: Flask, password: str) -> bool:
    answer = app.test_client().post("/api/auth/login", json={"username": "ada", "password": password})
    assert answer.status_code in (200, 400), answer.text
    return bool(answer.status_code == 200)


def _events(session: Session) -> dict[str, SecurityAuditLog]:
    session.rollback()
    return {each.action: each for each in session.scalars(select(SecurityAuditLog))}


def _token(admin: FlaskClient, user: User) -> str:
    answer = admin.post(f"/api/users/{user.id}/reset-token", json={})
    assert answer.status_code == 201, answer.text
    ends = datetime.fromisoformat(answer.get_json()["expires_at"])
    assert timedelta(minutes=59) < ends - datetime.now(UTC) <= timedelta(hours=1)
    return str(answer.get_json()["token"])


def _redeem(client: FlaskClient, token: str, new: str = NEW) -> Any:
    return client.post(RESET, json={"token": token, "new_password": new})


def test_a_user_changes_his_password(app: Flask, ada: User, session: Session) -> None:
    """The new one counts from now on, and every session but the one that asked has ended; both are logged."""
    here, there = Device(app, ada), Device(app, ada)

    assert _change(here.client).status_code == 200

    assert here.signed_in
    assert not there.signed_in
    assert _gets_in(app, NEW)
    assert not _gets_in(app, factories.PASSWORD)
    events = _events(session)
    assert events["PASSWORD_CHANGED"].user_id == events["SESSIONS_REVOKED"].user_id == ada.id
    assert not [each for each in events.values() if NEW in str(each.details) or "argon2" in str(each.details)]


def test_a_wrong_current_password_changes_nothing_and_counts_as_a_try(app: Flask, ada: User) -> None:
    """Who found an open desk cannot guess on: after ten wrong ones it is 429."""
    here = Device(app, ada)
    for _ in range(10):
        assert refusal(_change(here.client, "wrong"), 400)["code"] == "invalid_credentials"
    answer = _change(here.client)
    assert refusal(answer, 429)["code"] == "too_many_attempts"
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert here.signed_in


@pytest.mark.parametrize("new", BAD)
def test_a_bad_password_is_refused_by_name(signed_in: Caller, new: str) -> None:
    """Too short, too long, one's own name or address, or among the first to be guessed: in any case of letters."""
    refusal(_change(signed_in(username="ada"), new=new), 422, fields=("new_password",))


@pytest.mark.parametrize(
    "new", ["pass word of blanks", "πολλμηρχ", "kx7abc99", "nM4#qz7L", "long enough", "x" * 30 + "elephants"]
)
def test_any_other_password_will_do(new: str) -> None:
    """No rule asks for signs of several kinds, which make passwords no better (NIST SP 800-63B)."""
    require_good(new, "ada", "ada@example.com", "Ada Lovelace")


def test_the_list_of_the_commonest_is_of_use() -> None:
    """It holds nothing that would never be looked up; two of its words with a digit are no password."""
    words = sorted(common_words())
    assert len(words) > 300
    assert [each for each in words if len(each) < 3 or each != each.casefold() or not each.isalpha()] == []
    for first, second in itertools.pairwise(words):
        with pytest.raises(Invalid):
            require_good(f"{first.title()}{second}7", "ada", "")


@pytest.mark.parametrize("new", ["lovelace99", "Ada-Lovelace-1", "acmetools1!", "Acme2Tools", "adatools"])
def test_what_everybody_knows_of_a_user_is_easy_to_guess(new: str) -> None:
    """Their names, and where they work, which the address tells; for others it may do."""
    with pytest.raises(Invalid):
        require_good(new, "ada", "ada@acme-tools.example", "Ada Lovelace")


def test_passwords_that_are_made_are_good() -> None:
    """Those of administrators, and nearly all that a program makes of eight letters and digits."""
    for _ in range(200):
        require_good(secrets.token_urlsafe(12), "admin", "admin@example.com", "Administrator")
    letters = random.Random(7)
    made = ["".join(letters.choices(string.ascii_lowercase + string.digits, k=8)) for _ in range(1000)]
    assert sum(strength(each) < ENOUGH for each in made) < 10


def test_a_token_gives_a_new_password_once(app: Flask, client: FlaskClient, signed_in: Caller, ada: User) -> None:
    """It sets the password, ends every session, and is used up."""
    here = Device(app, ada)
    token = _token(signed_in(), ada)

    assert _redeem(client, token).status_code == 200

    assert not here.signed_in
    assert _gets_in(app, NEW)
    assert refusal(_redeem(client, token, "yet another sentence"), 400)["code"] == "invalid_reset_token"
    assert _gets_in(app, NEW)


def test_a_token_is_kept_as_a_digest_and_logged_without_it(signed_in: Caller, ada: User, session: Session) -> None:
    """Who reads the tables can reset nothing."""
    token = _token(signed_in(), ada)

    (row,) = session.scalars(select(PasswordResetToken))
    assert (row.user_id, row.is_used, len(row.token)) == (ada.id, False, 64)
    assert token not in row.token
    assert _events(session)["PASSWORD_RESET_ISSUED"].resource_id == str(ada.id)
    assert token not in str(_events(session)["PASSWORD_RESET_ISSUED"].details)


def test_a_refused_password_leaves_the_token(client: FlaskClient, signed_in: Caller, ada: User) -> None:
    """Who chooses badly may choose again."""
    token = _token(signed_in(), ada)
    refusal(_redeem(client, token, "short"), 422, fields=("new_password",))
    assert _redeem(client, token).status_code == 200


def test_a_token_is_used_once_however_many_try_at_once(app: Flask, signed_in: Caller, ada: User) -> None:
    """Of two who redeem it at the same moment one succeeds."""
    token = _token(signed_in(), ada)
    both = threading.Barrier(2)

    def redeem(number: int) -> int:
        both.wait(10)
        return int(_redeem(app.test_client(), token, f"{NEW} {number}").status_code)

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(redeem, range(2)))

    assert statuses[0] == 200
    assert statuses[1] in (400, 503)
    assert sum(_gets_in(app, f"{NEW} {number}") for number in range(2)) == 1


@pytest.mark.parametrize("end", ["expired", "another", "changed", "inactive", "deleted"])
def test_a_token_ends(
    app: Flask, client: FlaskClient, signed_in: Caller, ada: User, session: Session, end: str
) -> None:
    """After an hour, by another token, with a change of the password, and with its user."""
    token = _token(signed_in(), ada)
    past = datetime.now(UTC) - timedelta(seconds=1)
    match end:
        case "expired":
            session.execute(update(PasswordResetToken).values(expires_at=past))
        case "another":
            _token(signed_in(), ada)
        case "changed":
            assert _change(Device(app, ada).client, new="in between a sentence").status_code == 200
        case "inactive":
            session.execute(update(User).where(User.id == ada.id).values(is_active=False))
        case "deleted":
            session.execute(update(User).where(User.id == ada.id).values(deleted_at=past))
    session.commit()

    refusal(_redeem(client, token), 400)


@pytest.mark.parametrize("token", ["x", "' OR 1=1 --", "a" * 64])
def test_what_is_no_token_resets_nothing(client: FlaskClient, session: Session, token: str) -> None:
    """Unknown tokens get the words of used ones."""
    factories.user(session)
    assert refusal(_redeem(client, token), 400)["detail"] == "This reset token was used or has expired."


def test_an_administrator_gives_a_password(app: Flask, signed_in: Caller, ada: User, session: Session) -> None:
    """The user signs in with it, his sessions have ended, and it is logged who did it."""
    here, admin = Device(app, ada), signed_in("USER_RESET_PASSWORD", username="boss")
    path = f"/api/users/{ada.id}/reset-password"
    refusal(admin.post(path, json={"password": "short"}), 422, fields=("password",))

    assert admin.post(path, json={"password": NEW}).status_code == 200

    assert not here.signed_in
    assert _gets_in(app, NEW)
    event = _events(session)["PASSWORD_RESET"]
    assert (event.user_name, event.resource, event.resource_id) == ("boss", "users", str(ada.id))


@pytest.mark.parametrize("path", ["reset-token", "reset-password"])
def test_a_reset_is_no_way_to_more_power(signed_in: Caller, session: Session, path: str) -> None:
    """Whoever may do more than the one who asks is out of his reach; without the permission everybody is."""
    body = {"password": NEW} if path == "reset-password" else {}
    plain = factories.user(session, permissions=("CUSTOMER_VIEW",))
    above = factories.user(session, is_superuser=True)
    richer = factories.user(session, permissions=("CUSTOMER_VIEW", "CUSTOMER_DELETE"))
    clerk = signed_in("USER_RESET_PASSWORD", "CUSTOMER_VIEW")
    for user in (above, richer):
        refusal(clerk.post(f"/api/users/{user.id}/{path}", json=body), 403)
        refusal(signed_in("USER_UPDATE", "CUSTOMER_VIEW").post(f"/api/users/{user.id}/{path}", json=body), 403)
    assert clerk.post(f"/api/users/{plain.id}/{path}", json=body).status_code < 300
    assert signed_in().post(f"/api/users/{above.id}/{path}", json=body).status_code < 300
    refusal(signed_in().post(f"/api/users/{'0' * 32}/{path}", json=body), 404)


def test_forgetting_is_told_to_the_administrators_and_to_nobody_else(
    client: FlaskClient, ada: User, session: Session
) -> None:
    """The answer is the same for a name that nobody has; the log says whose password it is."""
    answers = [client.post(FORGOT, json={"username": name}) for name in ("ADA@example.com", "nobody")]

    assert [each.status_code for each in answers] == [202, 202]
    assert answers[0].get_json() == answers[1].get_json()
    session.rollback()
    logged = session.scalars(select(SecurityAuditLog).order_by(SecurityAuditLog.timestamp)).all()
    assert [each.action for each in logged] == ["PASSWORD_FORGOTTEN"] * 2
    assert [each.resource_id for each in logged] == [str(ada.id), None]
    assert session.scalars(select(PasswordResetToken)).all() == []


def test_forgetting_is_limited(client: FlaskClient, session: Session) -> None:
    """Nobody fills the log with it, and it does not use up the tries to sign in."""
    user = factories.user(session, password=factories.STRONG)
    for _ in range(10):
        assert client.post(FORGOT, json={"username": user.username}).status_code == 202
    refusal(client.post(FORGOT, json={"username": user.username}), 429)
    body = {"username": user.username, "password": factories.PASSWORD}
    assert client.post("/api/auth/login", json=body).status_code == 200


@pytest.mark.parametrize("path", [CHANGE, "/api/users/7b0f4a4e-5c5c-4a29-9a5c-0f6f3c1f7a11/reset-token"])
def test_nobody_changes_a_password_without_signing_in(client: FlaskClient, path: str) -> None:
    """A token is needed."""
    refusal(client.post(path, json={"current_password": "x", "new_password": NEW}), 401)

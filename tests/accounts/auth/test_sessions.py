"""Sessions: listed, ended one by one or all, by their owner and by those who may."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rental_backend.accounts.access.permissions import BREAK_GLASS
from rental_backend.accounts.models import RefreshToken, SecurityAuditLog, User
from rental_backend.infra.identity import break_glass
from tests import factories
from tests.refusals import refusal
from tests.statements import statements_of

ME = "/api/auth/me"
LOGOUT = "/api/auth/logout"


class Device:
    """A client that has signed in as a user."""

    def __init__(self, app: Flask, user: User, agent: str = "a browser") -> None:
        self.client = app.test_client()
        body = {"username": user.username, "password": factories.PASSWORD}
        answer = self.client.post("/api/auth/login", json=body, headers={"User-Agent": agent})
        assert answer.status_code == 200, answer.text
        self.access, self.refresh = (answer.get_json()[name] for name in ("access_token", "refresh_token"))
        self.client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.access}"
        self.user = f"/api/users/{user.id}"

    @property
    def signed_in(self) -> bool:
        """Whether both of its tokens are still good; never just one of them."""
        good = self.client.get(ME).status_code == 200
        refreshed = self.client.post("/api/auth/refresh", json={"refresh_token": self.refresh}).status_code == 200
        assert good == refreshed
        return good

    def sessions(self) -> list[dict[str, Any]]:
        """List the sessions of its user."""
        answer = self.client.get(f"{self.user}/sessions")
        assert answer.status_code == 200, answer.text
        return list(answer.get_json())


@pytest.fixture
def user(session: Session) -> User:
    """A user whose password is cheap to verify and is upgraded by nobody."""
    return factories.user(session, username="ada", password=factories.STRONG)


@pytest.fixture
def device(app: Flask, user: User) -> Callable[[], Device]:
    """Sign in as the user from another device."""
    return lambda: Device(app, user)


def _logged(session: Session) -> list[str]:
    session.rollback()
    return list(session.scalars(select(SecurityAuditLog.action).order_by(SecurityAuditLog.timestamp)))


def test_a_user_sees_where_he_is_signed_in(app: Flask, user: User) -> None:
    """Each session has all that the page shows, in the order of use; the asking one is marked, no token is shown."""
    phone, desk = Device(app, user, "a phone"), Device(app, user, "a desk")
    phone.client.post("/api/auth/refresh", json={"refresh_token": phone.refresh})

    listed = desk.sessions()

    assert [(each["userAgent"], each["isCurrent"]) for each in listed] == [("a phone", False), ("a desk", True)]
    assert {(each["ipAddress"], each["isActive"]) for each in listed} == {("127.0.0.1", True)}
    for each in listed:
        uuid.UUID(each["id"])
        began, used, ends = (datetime.fromisoformat(each[name]) for name in ("createdAt", "lastActivity", "expiresAt"))
        assert timedelta() <= abs(used - began) < timedelta(seconds=30)
        assert timedelta(days=6.9) < ends - began <= timedelta(days=7.1)
    assert phone.refresh not in str(listed)


def test_an_ended_or_expired_session_is_not_listed_and_lets_nobody_in(
    device: Callable[[], Device], session: Session
) -> None:
    """What has ended in the database has ended, for access tokens as for refresh tokens."""
    gone, here = device(), device()
    past = datetime.now(UTC) - timedelta(seconds=1)
    session.execute(update(RefreshToken).where(RefreshToken.id == _id(gone)).values(expires_at=past))
    session.commit()

    assert not gone.signed_in
    assert [each["isCurrent"] for each in here.sessions()] == [True]


def _id(device: Device) -> str:
    (found,) = [each["id"] for each in device.sessions() if each["isCurrent"]]
    device.client.application.extensions["services"].identity.forget(uuid.UUID(device.user.rsplit("/", 1)[1]))
    return str(found)


@pytest.mark.parametrize("by", ["access token", "refresh token"])
def test_signing_out_ends_both_tokens_at_once(device: Callable[[], Device], session: Session, by: str) -> None:
    """Either token will do; other sessions go on, and doing it again is no error."""
    here, there = device(), device()
    assert here.signed_in
    body = {"refresh_token": here.refresh} if by == "refresh token" else {}
    client = here.client.application.test_client() if by == "refresh token" else here.client

    for _ in range(2):
        assert client.post(LOGOUT, json=body).status_code == 200

    assert not here.signed_in
    assert there.signed_in
    assert _logged(session) == ["SIGN_IN", "SIGN_IN", "SIGN_OUT"]


@pytest.mark.parametrize("body", [{}, {"refresh_token": "nonsense"}, {"refresh_token": ""}])
def test_signing_out_without_a_token_is_401(client: FlaskClient, session: Session, body: dict[str, str]) -> None:
    """Nobody ends what he does not hold."""
    refusal(client.post(LOGOUT, json=body), 401)
    assert _logged(session) == []


def test_an_access_token_is_no_refresh_token(device: Callable[[], Device]) -> None:
    """The body takes refresh tokens only."""
    here = device()
    refusal(here.client.post(LOGOUT, json={"refresh_token": here.access}), 401)
    assert here.signed_in


def test_a_user_ends_one_of_his_sessions(device: Callable[[], Device], session: Session) -> None:
    """The one named ends at once, the others go on; it cannot be ended twice."""
    here, there = device(), device()
    assert there.signed_in
    path = f"{here.user}/sessions/{_id(there)}"

    assert here.client.delete(path).get_json() == {"ended": 1}

    assert not there.signed_in
    assert here.signed_in
    refusal(here.client.delete(path), 404)
    (event,) = session.scalars(select(SecurityAuditLog).where(SecurityAuditLog.action == "SESSION_REVOKED"))
    assert (str(event.user_id), event.resource_id) == (here.user[-36:], here.user[-36:])
    assert event.details is not None
    assert event.details["sessions"] == [path[-36:]]


@pytest.mark.parametrize(("query", "stays"), [("", False), ("?except_current=true", True)])
def test_a_user_ends_all_his_sessions(device: Callable[[], Device], query: str, stays: bool) -> None:
    """All of them, or all but the one that asks."""
    here, others = device(), [device(), device()]

    assert here.client.delete(f"{here.user}/sessions{query}").get_json() == {"ended": 2 if stays else 3}

    assert [each.signed_in for each in (here, *others)] == [stays, False, False]


def test_a_revocation_is_announced_to_other_workers(app: Flask, device: Callable[[], Device]) -> None:
    """It stands in Redis for those who cannot ask the accounts."""
    here = device()
    revocations = app.extensions["services"].identity.revocations
    ended = uuid.UUID(_id(here))

    def listed() -> bool:
        found = revocations._store.read(0)
        assert found is not None
        return ended in found.changes.ended

    assert not listed()

    here.client.post(LOGOUT, json={})

    assert listed()


def test_the_break_glass_account_signs_out_while_the_accounts_are_away(build: Callable[..., Flask]) -> None:
    """It is in no table; its token is refused from then on, and signing out twice is no error."""
    app = build(DATABASE_URL="postgresql://rental:hidden-word@127.0.0.1:1/rental")
    tokens = app.extensions["services"].identity.tokens
    token, _ = tokens.sign("access", break_glass.ID, "break-glass", session=uuid.uuid4(), scopes=BREAK_GLASS)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    assert client.get("/api/health/detailed").status_code == 200
    for _ in range(2):
        assert client.post(LOGOUT, json={}).status_code == 200
    assert refusal(client.get("/api/health/detailed"), 401)["reason"] == "inactive"


def test_another_worker_learns_of_it_from_the_database(
    device: Callable[[], Device], build: Callable[..., Flask]
) -> None:
    """A worker that has let the session in does so no more once AUTH_FRESH is over, without Redis."""
    other = build(AUTH_FRESH="0.01", REDIS_URL="")
    other.extensions["services"].start()
    assert other.extensions["services"].wait_until_settled(10)
    here = device()
    client, headers = other.test_client(), {"Authorization": f"Bearer {here.access}"}
    assert client.get(ME, headers=headers).status_code == 200

    here.client.post(LOGOUT, json={})

    refusal(client.get(ME, headers=headers), 401)


def test_others_sessions_need_a_permission_of_their_own(device: Callable[[], Device], signed_in: Any) -> None:
    """Looking needs USER_VIEW_SESSIONS and ending USER_MANAGE; no other permission will do, nor one for the other."""
    here = device()
    path, one = f"{here.user}/sessions", f"{here.user}/sessions/{_id(here)}"
    clerk = signed_in("USER_VIEW", "USER_UPDATE", "USER_DELETE")
    looking, managing = signed_in("USER_VIEW_SESSIONS"), signed_in("USER_MANAGE")
    for client, method, target in (
        *((clerk, method, target) for method, target in (("GET", path), ("DELETE", path), ("DELETE", one))),
        *((looking, "DELETE", target) for target in (path, one)),
        (managing, "GET", path),
    ):
        refusal(client.open(target, method=method), 403)
    assert here.signed_in
    assert [each["isCurrent"] for each in looking.get(path).get_json()] == [False]
    assert managing.delete(one).get_json() == {"ended": 1}
    assert managing.delete(path).get_json() == {"ended": 0}
    assert not here.signed_in


def test_a_session_belongs_to_its_user(device: Callable[[], Device], session: Session, signed_in: Any) -> None:
    """Somebody else's session is not found under one's own address, nor anything under no user."""
    here = device()
    stranger = factories.user(session)
    refusal(signed_in().delete(f"/api/users/{stranger.id}/sessions/{_id(here)}"), 404)
    for method in ("GET", "DELETE"):
        refusal(signed_in().open(f"/api/users/{uuid.uuid4()}/sessions", method=method), 404)
    refusal(signed_in().get("/api/users/7/sessions"), 422)
    assert here.signed_in


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "sessions"), ("DELETE", "sessions"), ("DELETE", f"sessions/{factories.NOBODY}")]
)
def test_nobody_sees_or_ends_sessions_without_signing_in(client: FlaskClient, method: str, path: str) -> None:
    """All of it needs a token."""
    refusal(client.open(f"/api/users/{uuid.uuid4()}/{path}", method=method), 401)


def test_a_look_at_an_account_is_one_query(app: Flask, device: Callable[[], Device]) -> None:
    """Whoever is signed in costs his account one statement, permissions and session included."""
    here = device()
    identity = app.extensions["services"].identity
    claims = identity.tokens.verify(here.access, "access")
    with statements_of(identity.database.engine) as sent:
        identity.standing(claims)
    assert len([each for each in sent if "security_audit_logs" not in each]) == 1  # the journal writes when it likes

"""Power over somebody, and over a permission: to have as much for as long."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from rental_backend.accounts.models import Permission, Role, User, UserPermission
from tests import factories
from tests.accounts.administering import client_of
from tests.refusals import refusal

HOUR = timedelta(hours=1)
TOOLS = (
    *("PERMISSION_ASSIGN", "ROLE_ASSIGN", "ROLE_ASSIGN_PERMISSION", "ROLE_CREATE", "ROLE_UPDATE", "ROLE_CLONE"),
    *("USER_CREATE", "USER_UPDATE", "USER_RESET_PASSWORD", "USER_MANAGE"),
)


def lend(session: Session, user: User, name: str, until: datetime) -> None:
    """Grant a permission to a user until then."""
    session.add(UserPermission(user_id=user.id, permission_id=factories.permission(session, name).id, expires_at=until))
    session.commit()


@pytest.fixture
def until() -> datetime:
    """An hour from now."""
    return datetime.now(UTC) + HOUR


@pytest.fixture
def borrower(session: Session, until: datetime) -> User:
    """Somebody who may do much for good, and A for an hour."""
    user = factories.user(session, permissions=TOOLS)
    lend(session, user, "A", until)
    return user


@pytest.fixture
def client(app: Flask, session: Session, borrower: User) -> FlaskClient:
    """The borrower's."""
    return client_of(app, session, borrower)


def _end_of(session: Session, user: User, name: str) -> datetime | None:
    session.rollback()
    granted = select(UserPermission.expires_at).join(Permission, Permission.id == UserPermission.permission_id)
    return session.scalars(granted.where(UserPermission.user_id == user.id, Permission.name == name)).one()


def _empty_role(session: Session, user: User) -> Role:
    return factories.role(session, user, name=f"role {uuid.uuid4().hex[:8]}")


# Each way to give a permission; some to oneself, some to another, all for good or for longer.
Way = Callable[[FlaskClient, Session, User, datetime], TestResponse]
WAYS: dict[str, Way] = {
    "granting it to oneself for good": lambda client, _, me, __: client.post(
        f"/api/users/{me.id}/permissions", json={"permissionCode": "A"}
    ),
    "granting it to oneself for longer": lambda client, _, me, until: client.post(
        f"/api/users/{me.id}/permissions",
        json={"permissionCode": "A", "expiresAt": (until + timedelta(seconds=1)).isoformat()},
    ),
    "granting it to another": lambda client, session, _, __: client.post(
        f"/api/users/{factories.user(session).id}/permissions", json={"permissionCode": "A"}
    ),
    "a form of another": lambda client, session, _, __: client.put(
        f"/api/users/{factories.user(session).id}", json={"directPermissions": ["A"]}
    ),
    "a form of a new user": lambda client, _, __, ___: client.post(
        "/api/users/",
        json={"email": "n@example.com", "password": "velvet lantern orbit 31", "directPermissions": ["A"]},
    ),
    "a role that one has": lambda client, session, me, _: client.post(
        f"/api/auth/roles/{_empty_role(session, me).id}/permissions", json={"permission_ids": ["A"]}
    ),
    "the form of a role that one has": lambda client, session, me, _: client.put(
        f"/api/auth/roles/{_empty_role(session, me).id}", json={"permissions": ["A"]}
    ),
    "a new role": lambda client, _, __, ___: client.post("/api/auth/roles", json={"name": "x", "permissions": ["A"]}),
    "a role that has it": lambda client, session, me, _: client.post(
        f"/api/users/{me.id}/roles/{_role_with(session, 'A').id}"
    ),
    "many at once": lambda client, session, me, _: client.post(
        "/api/security/roles/bulk-assign",
        json={"user_ids": [str(me.id)], "role_ids": [str(_role_with(session, "A").id)]},
    ),
    "the copy of a role": lambda client, session, _, __: client.post(
        f"/api/auth/roles/{_role_with(session, 'A').id}/clone", json={"name": "y"}
    ),
    "a password of somebody who has it": lambda client, session, _, __: client.post(
        f"/api/users/{factories.user(session, permissions=('A',)).id}/reset-password",
        json={"password": "velvet lantern orbit 31"},
    ),
    "a reset token of somebody who has it": lambda client, session, _, __: client.post(
        f"/api/users/{factories.user(session, permissions=('A',)).id}/reset-token"
    ),
}


def _role_with(session: Session, name: str) -> Role:
    return factories.role(session, factories.user(session), name=f"role {uuid.uuid4().hex[:8]}", permissions=(name,))


@pytest.mark.parametrize("way", WAYS)
def test_nobody_gives_for_longer_than_they_have(
    client: FlaskClient, session: Session, borrower: User, until: datetime, way: str
) -> None:
    """What somebody has for an hour ends after the hour, whatever they do with it meanwhile (D105)."""
    said = refusal(WAYS[way](client, session, borrower, until), 403)

    assert said["missing"] == ["A"]
    assert "for as long" in said["detail"]
    assert _end_of(session, borrower, "A") == until


@pytest.mark.parametrize("way", [name for name in WAYS if "longer" not in name])
def test_who_has_it_for_good_gives_it(app: Flask, session: Session, until: datetime, way: str) -> None:
    """Each of the ways is open to who has the permission without an end: by a role, beside a grant that ends."""
    lender = factories.user(session, permissions=TOOLS)
    factories.role(session, lender, name="lasting", permissions=("A",))
    lend(session, lender, "A", until)

    answer = WAYS[way](client_of(app, session, lender), session, lender, until)

    assert answer.status_code in (200, 201), answer.text


def test_what_one_has_for_a_time_is_lent_for_that_time(client: FlaskClient, session: Session, until: datetime) -> None:
    """Until the same moment, or an earlier one."""
    for ends in (until, until - timedelta(minutes=1)):
        other = factories.user(session)
        body = {"permissionCode": "A", "expiresAt": ends.isoformat()}
        assert client.post(f"/api/users/{other.id}/permissions", json=body).status_code == 200
        assert _end_of(session, other, "A") == ends


@pytest.mark.parametrize("zone", ["+05:30", "-08:00", "Z"])
def test_a_grant_ends_at_the_moment_that_was_named(client: FlaskClient, session: Session, zone: str) -> None:
    """A time with an offset is that moment, not the same digits elsewhere: 5.5 hours too long in Kolkata."""
    other = factories.user(session)
    offset = {"+05:30": timedelta(hours=5, minutes=30), "-08:00": timedelta(hours=-8), "Z": timedelta()}[zone]
    written = (datetime.now(UTC) + timedelta(minutes=30) + offset).replace(tzinfo=None).isoformat() + zone
    body = {"permissionCode": "A", "expiresAt": written}

    answer = client.post(f"/api/users/{other.id}/permissions", json=body)

    assert answer.status_code == 200, answer.text
    session.rollback()
    left = select(func.extract("epoch", UserPermission.expires_at - func.now()))
    assert 1700 < session.scalars(left.where(UserPermission.user_id == other.id)).one() <= 1800


@pytest.mark.parametrize("rest", ["sessions", "sessions/{id}"])
@pytest.mark.parametrize("more", ["superuser", "a permission", "a permission for longer"])
def test_nobody_ends_the_sessions_of_who_may_do_more(
    app: Flask, client: FlaskClient, session: Session, until: datetime, rest: str, more: str
) -> None:
    """USER_MANAGE ends the sessions of those who may do no more, and one's own; the others stay signed in."""
    above = factories.user(session, is_superuser=more == "superuser")
    if more != "superuser":
        lend(session, above, "B" if more == "a permission" else "A", until + timedelta(seconds=1))
    begun = factories.begin(session, above)
    path = f"/api/users/{above.id}/{rest.format(id=begun.id)}"

    refusal(client.delete(path), 403)

    session.refresh(begun)
    assert begun.is_active
    boss = client_of(app, session, factories.user(session, is_superuser=True))
    assert boss.delete(path).get_json() == {"ended": 1}


def test_equals_end_the_sessions_of_each_other(client: FlaskClient, session: Session, until: datetime) -> None:
    """Somebody with the same for the same time is no more than an equal."""
    equal = factories.user(session)
    lend(session, equal, "A", until)
    begun = factories.begin(session, equal)

    said: Any = client.delete(f"/api/users/{equal.id}/sessions/{begun.id}").get_json()

    assert said == {"ended": 1}


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("PUT", "", {"permissions": []}),
        ("PUT", "", {"is_active": False}),
        ("DELETE", "/permissions", {"permission_ids": ["B"]}),
    ],
)
def test_nobody_takes_a_right_by_a_role_from_who_may_do_more(
    app: Flask, session: Session, method: str, rest: str, body: dict[str, Any]
) -> None:
    """As they cannot take the role itself; from equals they can, and to give is no harm."""
    client = client_of(app, session, factories.user(session, permissions=(*TOOLS, "B", "C")))
    for above, status in ((("D",), 403), (("C",), 200)):
        holder = factories.user(session, permissions=above)
        role = factories.role(session, holder, name=f"role {above[0]}", permissions=("B",))
        path = f"/api/auth/roles/{role.id}"
        assert client.post(f"{path}/permissions", json={"permission_ids": ["C"]}).status_code == 200

        assert client.open(f"{path}{rest}", method=method, json=body).status_code == status

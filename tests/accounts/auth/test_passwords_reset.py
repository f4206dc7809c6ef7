"""A reset token is good for the account that it was made for, as that was then (D106)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from rental_backend.accounts.auth import passwords
from rental_backend.accounts.models import User
from rental_backend.actor import Actor
from rental_backend.errors import Forbidden
from rental_backend.infra.identity.identity import Identity
from tests import factories
from tests.accounts.administering import client_of
from tests.refusals import refusal

NEW = "a new and better sentence"


@pytest.fixture
def clerk(session: Session) -> User:
    """Somebody who has forgotten their password."""
    return factories.user(session, permissions=("CUSTOMER_VIEW",), password=factories.STRONG)


@pytest.fixture
def maker(session: Session) -> User:
    """Somebody who may do as much, and reset passwords."""
    return factories.user(session, permissions=("CUSTOMER_VIEW", "USER_RESET_PASSWORD"))


@pytest.fixture
def boss(app: Flask, session: Session) -> FlaskClient:
    """A superuser's client."""
    return client_of(app, session, factories.user(session, is_superuser=True))


def _issued(client: FlaskClient, user: User) -> str:
    return str(client.post(f"/api/users/{user.id}/reset-token").get_json()["token"])


def _redeemed(app: Flask, token: str) -> Any:
    return app.test_client().post("/api/auth/reset-password", json={"token": token, "new_password": NEW})


# What makes an account another one than the token was made for, done by a superuser.
Change = Callable[[FlaskClient, Session, User], object]
CHANGES: dict[str, Change] = {
    "a promotion to superuser": lambda boss, _, user: boss.put(f"/api/users/{user.id}", json={"isSuperuser": True}),
    "a promotion by type": lambda boss, _, user: boss.put(f"/api/users/{user.id}", json={"userType": "SUPERADMIN"}),
    "a grant": lambda boss, _, user: boss.post(
        f"/api/users/{user.id}/permissions", json={"permissionCode": "SALE_VIEW"}
    ),
    "a grant that ends": lambda boss, _, user: boss.post(
        f"/api/users/{user.id}/permissions",
        json={"permissionCode": "SALE_VIEW", "expiresAt": (datetime.now(UTC) + timedelta(hours=9)).isoformat()},
    ),
    "a grant by form": lambda boss, _, user: boss.put(
        f"/api/users/{user.id}", json={"directPermissions": ["CUSTOMER_VIEW", "SALE_VIEW"]}
    ),
    "a role": lambda boss, session, user: boss.post(f"/api/users/{user.id}/roles/{_role(session)}"),
    "a role by form": lambda boss, session, user: boss.put(f"/api/users/{user.id}", json={"roleId": _role(session)}),
    "a role for many": lambda boss, session, user: boss.post(
        "/api/security/roles/bulk-assign", json={"user_ids": [str(user.id)], "role_ids": [_role(session)]}
    ),
    "a permission in a role": lambda boss, session, user: boss.post(
        f"/api/auth/roles/{_held(session, user)}/permissions", json={"permission_ids": ["SALE_VIEW"]}
    ),
    "another address": lambda boss, _, user: boss.put(f"/api/users/{user.id}", json={"email": "other@example.com"}),
    "another name": lambda boss, _, user: boss.put(f"/api/users/{user.id}", json={"username": "other"}),
    "off and on again": lambda boss, _, user: [
        boss.patch(f"/api/users/{user.id}/status", json={"is_active": active}) for active in (False, True)
    ],
}


def _role(session: Session) -> str:
    return str(factories.role(session, factories.user(session), name="seller", permissions=("SALE_VIEW",)).id)


def _held(session: Session, user: User) -> str:
    return str(factories.role(session, user, name="seller").id)


@pytest.mark.parametrize("by", ["boss", "maker"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_token_from_before_is_no_way_into_what_the_account_became(
    app: Flask, boss: FlaskClient, session: Session, clerk: User, maker: User, change: str, by: str
) -> None:
    """Whoever made it: somebody who was promoted, or is somebody else now, keeps their password."""
    factories.permission(session, "SALE_VIEW")
    session.commit()
    token = _issued(boss if by == "boss" else client_of(app, session, maker), clerk)

    CHANGES[change](boss, session, clerk)

    assert refusal(_redeemed(app, token), 400)["code"] == "invalid_reset_token"
    session.refresh(clerk)
    assert clerk.password == factories.STRONG


@pytest.mark.parametrize("change", ["disabled", "deleted", "may not", "may do less"])
def test_a_token_ends_with_the_power_of_who_made_it(
    app: Flask, boss: FlaskClient, session: Session, clerk: User, maker: User, change: str
) -> None:
    """Who is out, or may reset the password no more, has no token left in their drawer."""
    token = _issued(client_of(app, session, maker), clerk)
    path = f"/api/users/{maker.id}"
    match change:
        case "disabled":
            boss.patch(f"{path}/status", json={"is_active": False})
        case "deleted":
            boss.delete(path)
        case "may not":
            boss.delete(f"{path}/permissions/USER_RESET_PASSWORD")
        case "may do less":
            boss.delete(f"{path}/permissions/CUSTOMER_VIEW")

    refusal(_redeemed(app, token), 400)


def test_a_token_outlives_what_changes_nothing(
    app: Flask, boss: FlaskClient, session: Session, clerk: User, maker: User
) -> None:
    """A new telephone number, or an end of all sessions, leaves it good."""
    token = _issued(client_of(app, session, maker), clerk)
    boss.put(f"/api/users/{clerk.id}", json={"phone": "1"})
    boss.delete(f"/api/users/{clerk.id}/sessions")

    assert _redeemed(app, token).status_code == 200


@pytest.mark.parametrize("way", ["imposed", "by a token"])
def test_a_promotion_while_the_password_is_hashed_is_seen(
    app: Flask, session: Session, clerk: User, maker: User, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rights are looked at again after the hashing, which lies between the first look and the new password."""
    identity: Identity = app.extensions["services"].identity
    token, hashed = _issued(client_of(app, session, maker), clerk), identity.passwords.hash(NEW)

    def promoted(_: str) -> str:
        session.execute(update(User).where(User.id == clerk.id).values(is_superuser=True))
        session.commit()
        return hashed

    monkeypatch.setattr(identity.passwords, "hash", promoted)
    actor = Actor(maker.id, maker.username, "127.0.0.1", "", "a request")
    with pytest.raises(passwords.InvalidResetToken if way == "by a token" else Forbidden):
        if way == "by a token":
            passwords.redeem(identity, actor, token, NEW)
        else:
            passwords.impose(identity, actor, clerk.id, NEW)

    session.refresh(clerk)
    assert clerk.password == factories.STRONG

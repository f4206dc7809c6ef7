"""Who I am: the profile, and the permissions that roles and grants add up to."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from rental_backend.accounts.models import Permission, RefreshToken, User, UserPermission
from tests import factories
from tests.refusals import refusal
from tests.serving import until

ME = "/api/auth/me"


def _client(app: Flask, session: Session, user: User) -> FlaskClient:
    """Return a client that holds a token of the user."""
    token = factories.token(session, app.extensions["services"].identity.tokens, user)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def _permissions(app: Flask, session: Session, user: User) -> list[str]:
    said = _client(app, session, user).get(ME).get_json()
    return list(said["effective_permissions"]["all_permissions"])


def test_me_is_the_user_of_the_token(app: Flask, session: Session) -> None:
    """The answer is the user of the sign-in, of the token's owner, without his password."""
    factories.user(session)
    user = factories.user(session, username="ada", full_name="Ada Byron", is_superuser=True)

    said = _client(app, session, user).get(ME).get_json()

    assert (said["id"], said["username"], said["name"]) == (str(user.id), "ada", "Ada Byron")
    assert (said["is_superuser"], said["isSuperuser"], said["role"], said["roles"]) == (True, True, None, [])
    assert (said["last_login"], said["lastLogin"]) == (None, None)
    assert user.password not in str(said)


def test_me_without_a_token_is_401(client: FlaskClient) -> None:
    """The frontend takes a 401 here for a backend that is alive."""
    refusal(client.get(ME), 401)
    refusal(client.get(ME, headers={"Authorization": "Bearer dummy"}), 401)


def test_permissions_come_from_roles_and_grants_together(app: Flask, session: Session) -> None:
    """What several roles and direct grants give is one list, each name once, in order."""
    user = factories.user(session, permissions=("D", "B"))
    factories.role(session, user, name="one", permissions=("B", "A"))
    factories.role(session, user, name="two", permissions=("C", "A"))
    factories.role(session, factories.user(session), name="another's", permissions=("X",))

    assert _permissions(app, session, user) == ["A", "B", "C", "D"]


def test_an_inactive_role_gives_nothing(app: Flask, session: Session) -> None:
    """A role that is switched off takes its permissions with it."""
    user = factories.user(session)
    factories.role(session, user, name="on", permissions=("A",))
    factories.role(session, user, name="off", permissions=("A", "B"), is_active=False)

    assert _permissions(app, session, user) == ["A"]


def test_a_retired_permission_is_given_by_nothing(app: Flask, session: Session) -> None:
    """A permission that is retired holds neither by role nor by grant."""
    user = factories.user(session, permissions=("A", "B"))
    factories.role(session, user, name="on", permissions=("B", "C"))
    retired = sqlalchemy.update(Permission).where(Permission.name.in_(("B", "C"))).values(is_active=False)
    session.execute(retired)
    session.commit()

    assert _permissions(app, session, user) == ["A"]


@pytest.mark.parametrize(("hours", "names"), [(-1, []), (1, ["A"]), (None, ["A"])])
def test_a_grant_holds_until_it_expires(app: Flask, session: Session, hours: int | None, names: list[str]) -> None:
    """A grant for a time ends with it; the time is UTC, whatever the zone of the machine."""
    user = factories.user(session, permissions=("A",))
    ends = None if hours is None else datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=hours)
    session.execute(sqlalchemy.update(UserPermission).values(expires_at=ends))
    session.commit()

    assert _permissions(app, session, user) == names


def test_what_roles_give_opens_views(app: Flask, session: Session) -> None:
    """Permissions by role and by grant count in the same way at every view."""
    by_role, by_grant, none = (factories.user(session) for _ in range(3))
    by_grant = factories.user(session, permissions=("CUSTOMER_VIEW",))
    factories.role(session, by_role, name="viewer", permissions=("CUSTOMER_VIEW",))

    for user, status in ((by_role, 200), (by_grant, 200), (none, 403)):
        assert _client(app, session, user).get("/api/customers/").status_code == status


def test_a_disabled_user_loses_access_within_the_freshness(build: Callable[..., Flask], session: Session) -> None:
    """A token is of no use any more once its owner is disabled, and works again when he is enabled."""
    app = build(AUTH_FRESH="0.05")
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    user = factories.user(session, permissions=("CUSTOMER_VIEW",))
    client = _client(app, session, user)
    assert client.get("/api/customers/").status_code == 200

    user.is_active = False
    session.commit()

    until(lambda: client.get("/api/customers/").status_code == 401, 5)
    assert refusal(client.get("/api/customers/"), 401)["reason"] == "inactive"
    user.is_active = True
    session.commit()
    until(lambda: client.get("/api/customers/").status_code == 200, 5)


def test_a_lost_permission_is_gone_within_the_freshness(build: Callable[..., Flask], session: Session) -> None:
    """A permission that was taken away does not live on in the token."""
    app = build(AUTH_FRESH="0.05")
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    user = factories.user(session, permissions=("CUSTOMER_VIEW",))
    client = _client(app, session, user)
    assert client.get("/api/customers/").status_code == 200

    session.execute(sqlalchemy.delete(UserPermission))
    session.commit()

    until(lambda: client.get("/api/customers/").status_code == 403, 5)


def test_an_account_just_changed_is_asked_anew(app: Flask, session: Session) -> None:
    """Who changes an account has it forgotten: the next request sees the change."""
    user = factories.user(session, permissions=("CUSTOMER_VIEW",))
    client = _client(app, session, user)
    assert client.get("/api/customers/").status_code == 200
    user.is_active = False
    session.commit()

    app.extensions["services"].identity.forget(user.id)

    refusal(client.get("/api/customers/"), 401)


@pytest.mark.parametrize("gone", ["deleted", "retired"])
def test_a_user_who_is_gone_is_401(app: Flask, session: Session, gone: str) -> None:
    """A deleted row and a row marked as deleted both end the session, also while the account is still trusted."""
    user = factories.user(session)
    client = _client(app, session, user)
    assert client.get(ME).status_code == 200
    if gone == "deleted":
        session.execute(sqlalchemy.delete(RefreshToken))
        session.delete(user)
    else:
        user.deleted_at = datetime.now(UTC)
    session.commit()

    if gone == "deleted":
        refusal(client.get(ME), 401)
    app.extensions["services"].identity.forget(user.id)
    refusal(client.get(ME), 401)

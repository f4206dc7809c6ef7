"""Users, as administrators see and change them: who may, what it does, and what the audit log says."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.orm import Session

from rental_backend.accounts.access import authority as administration
from rental_backend.accounts.models import LoginAttempt, RefreshToken, User
from tests import factories
from tests.accounts.administering import at_once, client_of, logged
from tests.conftest import Caller
from tests.refusals import refusal
from tests.statements import statements

pytestmark = pytest.mark.long

USERS = "/api/users/"
ADA = {
    "email": "Ada.Byron@example.com",
    "firstName": "Ada",
    "lastName": "Byron",
    "full_name": "Ada Byron",
    "userType": "USER",
    "password": "a password of hers",
}


def _path(user: User, rest: str = "") -> str:
    return f"{USERS}{user.id}{rest}"


def _fresh(session: Session, user: User) -> User:
    session.rollback()
    session.refresh(user)
    return user


def test_a_created_user_can_sign_in(signed_in: Caller, session: Session, app: Flask) -> None:
    """He gets a user name of his address and his role; his password is hashed, and in no answer or log."""
    role = factories.role(session, factories.user(session), name="clerk", permissions=("CUSTOMER_VIEW",))
    sent = {**ADA, "roleId": str(role.id), "locationId": "", "directPermissions": ["CUSTOMER_VIEW"]}

    answer = signed_in(username="boss").post(USERS, json=sent)

    made = answer.get_json()
    assert answer.status_code == 201
    assert (made["username"], made["name"], made["firstName"], made["userType"], made["isActive"]) == (
        *("ada.byron", "Ada Byron", "Ada"),
        *("USER", True),
    )
    assert (made["role"]["name"], made["directPermissions"], made["created_by"]) == ("clerk", ["CUSTOMER_VIEW"], "boss")
    stored = session.get_one(User, uuid.UUID(made["id"])).password
    assert stored.startswith("$argon2id$")
    said = app.test_client().post("/api/auth/login", json={"username": "ada.byron", "password": ADA["password"]})
    assert said.status_code == 200
    log = logged(session)
    *changes, signed_in_himself = [(entry[0], entry[2]) for entry in log]
    assert changes == [(action, made["id"]) for action in ("CREATE", "REPLACE_ROLES", "CHANGE_PERMISSIONS")]
    assert signed_in_himself[0] == "SIGN_IN"
    assert log[0][3]["after"]["email"] == ADA["email"]
    assert not any(secret in answer.text + str(log) for secret in (ADA["password"], stored))


def test_user_names_are_made_until_one_is_free(signed_in: Caller) -> None:
    """Equal beginnings of addresses get numbers; what no user name may hold is left out."""
    client = signed_in()

    names = [
        client.post(USERS, json={**ADA, "email": email}).get_json()["username"]
        for email in ("jo@one.example", "JO@two.example", "j+o@three.example", "!@four.example")
    ]

    assert names == ["jo", "jo2", "jo3", "user"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"password": "short"}, "password"),
        ({"userType": "KING"}, "user_type"),
        ({"username": "ada@example.com"}, "username"),
        ({"isSuperuser": True}, "is_superuser"),
        ({"roleId": "x"}, "role_id"),
        ({"directPermissions": ["NONE"]}, "direct_permissions"),
        ({"shoeSize": 4}, "shoe_size"),
    ],
    ids=str,
)
def test_a_bad_field_is_named(signed_in: Caller, session: Session, sent: dict[str, Any], field: str) -> None:
    """What does not fit is 422 and names its field; nobody is created."""
    refusal(signed_in().post(USERS, json={**ADA, **sent}), 422, fields=(field,))

    assert session.scalar(select(func.count()).select_from(User)) == 1


@pytest.mark.parametrize(("field", "value"), [("email", "ADA@example.com"), ("username", "Ada")])
def test_what_another_is_called_is_409(signed_in: Caller, session: Session, field: str, value: str) -> None:
    """A name or address in use, in whatever case, clashes at creation and at a change, and is named."""
    factories.user(session, username="ada")
    other = factories.user(session)
    client = signed_in()

    refusal(client.post(USERS, json={**ADA, field: value}), 409, fields=(field,))
    refusal(client.put(_path(other), json={field: value}), 409, fields=(field,))
    assert client.put(_path(other), json={field: getattr(other, field)}).status_code == 200


def test_users_are_listed_searched_and_filtered(signed_in: Caller, session: Session, app: Flask) -> None:
    """The list has its total, both names, the first role, no deleted users; and it takes one statement."""
    clerk = factories.user(session, username="clerk", user_type="ADMIN", is_active=False)
    factories.role(session, clerk, name="b", description="B")
    factories.role(session, clerk, name="a")
    factories.user(session, deleted_at=datetime.now(UTC))
    client = signed_in("USER_VIEW", username="boss")
    assert client.get(USERS).status_code == 200

    with statements(app) as sent:
        said = client.get(USERS, query_string={"page": 1, "limit": "20"}).get_json()
    assert len(sent) == 1
    assert [user["username"] for user in said["items"]] == ["boss", "clerk"]
    assert (said["total"], said["users"]) == (2, said["items"])
    assert said["items"][1]["role"]["name"] == "a"

    for query in ({"search": "CLE"}, {"userType": "ADMIN"}, {"isActive": "false"}, {"user_type": "ADMIN"}):
        assert [user["username"] for user in client.get(USERS, query_string=query).get_json()["items"]] == ["clerk"]
    assert client.get(USERS, query_string={"page": 2, "limit": "1"}).get_json()["items"][0]["username"] == "clerk"


def test_a_user_by_himself_shows_what_he_has(signed_in: Caller, session: Session) -> None:
    """Roles, grants in force, and how often he has signed in are there; the password is not."""
    user = factories.user(session, permissions=("SALE_VIEW",))
    factories.role(session, user, name="clerk")
    for success in (True, True, False):
        session.add(LoginAttempt(email=user.username, ip_address="-", success=success))
    session.commit()

    said = signed_in("USER_VIEW").get(_path(user)).get_json()

    assert ([role["name"] for role in said["roles"]], said["directPermissions"]) == (["clerk"], ["SALE_VIEW"])
    assert (said["loginCount"], said["location"], "password" in said) == (2, None, False)


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        *(("GET", rest) for rest in ("", "/roles", "/permissions", "/effective-permissions", "/audit-logs")),
        *(("PUT", ""), ("DELETE", "")),
        *(("POST", f"/roles/{factories.NOBODY}"), ("DELETE", f"/roles/{factories.NOBODY}")),
        *(("DELETE", "/permissions/SALE_VIEW"),),
    ],
)
def test_an_unknown_user_is_404(signed_in: Caller, session: Session, method: str, rest: str) -> None:
    """Neither an id nobody has nor that of a deleted user leads anywhere."""
    gone = factories.user(session, deleted_at=datetime.now(UTC))

    for user_id in (uuid.uuid4(), gone.id):
        refusal(signed_in().open(f"{USERS}{user_id}{rest}", method=method, json={}), 404)


def test_a_change_leaves_the_rest_and_is_logged(signed_in: Caller, session: Session) -> None:
    """Only what is sent changes; the full name follows; the log has what was before and after, and nothing else."""
    user = factories.user(session, first_name="Ada", last_name="Byron", phone="1")

    said = signed_in().put(_path(user), json={"lastName": "King", "userType": "ADMIN", "email": ""}).get_json()

    assert (said["name"], said["firstName"], said["phone"], said["userType"]) == ("Ada King", "Ada", "1", "ADMIN")
    ((*entry, details),) = logged(session)
    assert entry == ["UPDATE", "users", str(user.id)]
    assert details["before"] == {"full_name": user.full_name, "last_name": "Byron", "user_type": "USER"}
    assert details["after"] == {"full_name": "Ada King", "last_name": "King", "user_type": "ADMIN"}


def _open_session(session: Session, user: User) -> RefreshToken:
    token = RefreshToken(token=uuid.uuid4().hex, user_id=user.id, expires_at=datetime.now(UTC) + timedelta(days=1))
    session.add(token)
    session.commit()
    return token


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [("PUT", "", {"password": "another password"}), ("PATCH", "/status", {"is_active": False}), ("DELETE", "", None)],
)
def test_a_new_password_and_an_end_end_the_sessions(
    app: Flask, signed_in: Caller, session: Session, method: str, rest: str, body: dict[str, Any] | None
) -> None:
    """Whoever gets a new password, is switched off or is deleted has to sign in anew, if he can; others go on.

    All workers hear of it, those too that cannot ask the accounts.
    """
    user, other = factories.user(session), factories.user(session)
    ended, kept = _open_session(session, user), _open_session(session, other)

    answer = signed_in().open(_path(user, rest), method=method, json=body)

    assert answer.status_code in (200, 204)
    session.refresh(ended), session.refresh(kept)
    assert (ended.is_active, kept.is_active) == (False, True)
    revocations = app.extensions["services"].identity.revocations
    assert (revocations.has_ended(ended.id), revocations.has_ended(kept.id)) == (True, False)
    assert ("SESSIONS_REVOKED", str(user.id)) in [(entry[0], entry[2]) for entry in logged(session)]
    assert "another password" not in answer.text + str(logged(session))


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("password", ["short", "Password123", "ada.byron", "a\0bcdefghij"])
def test_a_form_asks_for_as_good_a_password_as_everybody_does(
    signed_in: Caller, session: Session, method: str, password: str
) -> None:
    """Too short, among the first to be guessed, one's own name, no plain text: refused, and nothing is changed."""
    user = factories.user(session, username="ada.byron") if method == "PUT" else None
    path = _path(user) if user else USERS

    answer = signed_in().open(path, method=method, json={**(ADA if user is None else {}), "password": password})

    refusal(answer, 422, fields=("password",))
    assert user is None or _fresh(session, user).password == factories.HASH


def test_a_new_password_of_a_form_ends_the_reset_tokens(
    signed_in: Caller, client: FlaskClient, session: Session
) -> None:
    """What was handed out before it opens nothing any more."""
    user, boss = factories.user(session), signed_in()
    token = boss.post(_path(user, "/reset-token")).get_json()["token"]

    assert boss.put(_path(user), json={"password": "another password"}).status_code == 200

    body = {"token": token, "new_password": "yet another sentence"}
    assert refusal(client.post("/api/auth/reset-password", json=body), 400)["code"] == "invalid_reset_token"


@pytest.mark.parametrize("elsewhere", [{}, {"REDIS_URL": ""}], ids=["redis", "no redis"])
def test_an_account_is_shown_locked_while_sign_in_is_refused(
    build: Callable[..., Flask], session: Session, elsewhere: dict[str, str]
) -> None:
    """Also under his address, and while Redis is away: the clerk sees what the user meets."""
    app = build(SIGN_IN_ATTEMPTS="2", **elsewhere)
    app.extensions["services"].start()
    assert app.extensions["services"].wait_until_settled(10)
    user, client = factories.user(session), app.test_client()
    clerk = client_of(app, session, factories.user(session, is_superuser=True))
    seen = []
    for _ in range(3):
        seen.append(clerk.get(f"/api/security/users/{user.id}/security").get_json()["is_locked"])
        status = client.post("/api/auth/login", json={"username": user.email, "password": "a guess"}).status_code
        assert status == (429 if seen[-1] else 400)
    assert seen == [False, False, True]


def test_a_new_password_needs_its_own_permission(signed_in: Caller, session: Session) -> None:
    """USER_UPDATE alone sets no password."""
    user = factories.user(session)

    refusal(signed_in("USER_UPDATE").put(_path(user), json={"password": "another password"}), 403)
    answer = signed_in("USER_UPDATE", "USER_RESET_PASSWORD").put(_path(user), json={"password": "another password"})

    assert answer.status_code == 200


@pytest.mark.parametrize(("held", "active", "status"), [
    (("USER_VIEW",), False, 403),
    (("USER_VIEW", "USER_ACTIVATE"), False, 403),
    (("USER_VIEW", "USER_DEACTIVATE"), False, 200),
    (("USER_VIEW", "USER_DEACTIVATE"), True, 403),
    (("USER_VIEW", "USER_ACTIVATE"), True, 200),
])  # fmt: skip
def test_switching_takes_the_permission_of_its_direction(
    signed_in: Caller, session: Session, held: tuple[str, ...], active: bool, status: int
) -> None:
    """USER_ACTIVATE switches on, USER_DEACTIVATE off, by PATCH as by PUT; whoever is off is out at once."""
    user = factories.user(session, is_active=not active)

    assert signed_in(*held).patch(_path(user, "/status"), json={"is_active": active}).status_code == status
    by_put = signed_in(*held, "USER_UPDATE").put(_path(user), json={"isActive": active})

    assert by_put.status_code == status
    assert _fresh(session, user).is_active == (active if status == 200 else not active)


def test_a_change_is_felt_at_once(app: Flask, signed_in: Caller, session: Session) -> None:
    """The next request of whom a change concerns sees it, although this process knew him."""
    user = factories.user(session)
    role = factories.role(session, factories.user(session), name="clerk", permissions=("CUSTOMER_VIEW",))
    client, admin = client_of(app, session, user), signed_in()

    def seen() -> int:
        return client.get("/api/customers/").status_code

    assert seen() == 403
    admin.post(_path(user, f"/roles/{role.id}"))
    assert seen() == 200
    admin.put(f"/api/auth/roles/{role.id}", json={"is_active": False})
    assert seen() == 403
    admin.post(_path(user, "/permissions"), json={"permissionCode": "CUSTOMER_VIEW"})
    assert seen() == 200
    admin.delete(_path(user, "/permissions/CUSTOMER_VIEW"))
    assert seen() == 403
    admin.patch(_path(user, "/status"), json={"is_active": False})
    assert seen() == 401


def test_a_deleted_user_is_gone_but_his_row_stays(app: Flask, signed_in: Caller, session: Session) -> None:
    """He is in no list, cannot come in, and his address is not given to another."""
    user = factories.user(session)

    assert signed_in(username="boss").delete(_path(user)).status_code == 204

    assert client_of(app, session, user).get("/api/auth/me").status_code == 401
    assert (_fresh(session, user).deleted_by, user.is_active) == ("boss", False)
    refusal(signed_in().post(USERS, json={**ADA, "email": user.email}), 409, fields=("email",))
    assert logged(session)[0][:3] == ("DELETE", "users", str(user.id))


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [("DELETE", "", None), ("PATCH", "/status", {"is_active": False}), ("PUT", "", {"isActive": False})],
)
def test_nobody_locks_himself_out(
    app: Flask, session: Session, method: str, rest: str, body: dict[str, Any] | None
) -> None:
    """One's own account is neither disabled nor deleted by oneself, superuser or not."""
    may = ("USER_VIEW", "USER_UPDATE", "USER_DELETE", "USER_DEACTIVATE")
    for user in (factories.user(session, is_superuser=True), factories.user(session, permissions=may)):
        refusal(client_of(app, session, user).open(_path(user, rest), method=method, json=body), 409)
        assert _fresh(session, user).is_active


@pytest.mark.parametrize("body", [{"userType": "SUPERADMIN"}, {"isSuperuser": True}, {"is_superuser": True}])
def test_only_superusers_make_superusers(signed_in: Caller, session: Session, body: dict[str, Any]) -> None:
    """Neither by type nor by flag, of another, of oneself or of a new user; a superuser sets both with either."""
    user = factories.user(session)
    client = signed_in("USER_UPDATE", "USER_CREATE", "USER_VIEW")
    own = client.get("/api/auth/me").get_json()["id"]
    new = {name: value for name, value in ADA.items() if name != "userType"}

    refusal(client.put(_path(user), json=body), 403)
    refusal(client.put(f"{USERS}{own}", json=body), 403)
    refusal(client.post(USERS, json={**new, **body}), 403)
    said = signed_in().put(_path(user), json=body).get_json()

    assert (said["isSuperuser"], said["userType"]) == (True, "SUPERADMIN")


def test_who_may_more_is_not_changed_by_who_may_less(signed_in: Caller, session: Session) -> None:
    """A superuser, or somebody with a permission the caller lacks, is out of his reach; equals are not."""
    every = ("USER_VIEW", "USER_UPDATE", "USER_DELETE", "USER_DEACTIVATE", "USER_RESET_PASSWORD", "ROLE_ASSIGN")
    client = signed_in(*every, "CUSTOMER_VIEW")
    above = factories.user(session, permissions=("SALE_VIEW",))
    by_role = factories.user(session)
    role = factories.role(session, by_role, name="clerk", permissions=("SALE_VIEW",))

    for user in (above, by_role, factories.user(session, is_superuser=True)):
        for method, rest, body in (
            *(("PUT", "", {"password": "another password"}), ("PUT", "", {"email": "mine@example.com"})),
            *(("DELETE", "", None), ("PATCH", "/status", {"is_active": False}), ("DELETE", f"/roles/{role.id}", None)),
        ):
            refusal(client.open(_path(user, rest), method=method, json=body), 403)
    equal = factories.user(session, permissions=("CUSTOMER_VIEW",))
    assert client.put(_path(equal), json={"phone": "1"}).status_code == 200
    assert [entry[2] for entry in logged(session)] == [str(equal.id)]


def test_the_last_superuser_stays(app: Flask, session: Session) -> None:
    """He cannot demote himself, by type or flag; disabled and deleted superusers do not count; with another he can."""
    last = factories.user(session, is_superuser=True)
    factories.user(session, is_superuser=True, is_active=False)
    factories.user(session, is_superuser=True, deleted_at=datetime.now(UTC))

    for body in ({"userType": "ADMIN"}, {"isSuperuser": False}):
        refusal(client_of(app, session, last).put(_path(last), json=body), 409)
    factories.user(session, is_superuser=True)

    assert client_of(app, session, last).put(_path(last), json={"userType": "ADMIN"}).status_code == 200
    assert not _fresh(session, last).is_superuser


WAYS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "demote": ("PUT", "", {"isSuperuser": False}),
    "disable": ("PATCH", "/status", {"is_active": False}),
    "delete": ("DELETE", "", None),
}


def _race(app: Flask, session: Session, way: str, *, himself: bool) -> list[int]:
    """Have two superusers, the only ones, remove each other or themselves at once; return the statuses."""
    one, two = (factories.user(session, is_superuser=True) for _ in range(2))
    method, rest, body = WAYS[way]

    def remover(caller: User, target: User) -> Any:
        client = client_of(app, session, caller)
        assert client.get("/api/auth/me").status_code == 200
        return lambda: client.open(_path(target, rest), method=method, json=body)

    statuses = at_once(remover(one, one if himself else two), remover(two, two if himself else one))
    left = select(func.count()).where(User.is_superuser, User.is_active, User.deleted_at.is_(None))
    session.rollback()
    statuses.append(session.scalar(left) or 0)
    for user in (one, two):
        user.is_superuser = False
    session.commit()
    return statuses


@pytest.mark.parametrize(
    ("way", "himself"), [("demote", True), ("demote", False), ("disable", False), ("delete", False)]
)
def test_of_two_removals_at_once_one_succeeds(app: Flask, session: Session, way: str, himself: bool) -> None:
    """Whatever two superusers do to each other or themselves at the same moment, one is left."""
    for _ in range(5):
        first, second, left = _race(app, session, way, himself=himself)

        assert left == 1
        assert sorted((first < 300, second < 300)) == [False, True], (first, second)


def test_without_turns_the_last_superusers_would_be_lost(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race is real: when each waits for a lock of his own, both demote themselves within a few tries."""
    monkeypatch.setattr(administration, "TURN", cast(func.random() * 1_000_000, BigInteger))

    assert any(_race(app, session, "demote", himself=True)[-1] == 0 for _ in range(50))


def test_my_own_profile_is_always_mine(app: Flask, session: Session) -> None:
    """Whoever asks is the one shown and changed; nothing that gives power is taken, nor an address to sign in with."""
    user = factories.user(session)
    client = client_of(app, session, user)

    said = client.put("/api/users/me", json={"firstName": "Ada", "last_name": "King", "email": user.email.upper()})

    assert (said.get_json()["name"], said.get_json()["id"]) == ("Ada King", str(user.id))
    assert client.get("/api/users/me").get_json() == client.get("/api/auth/me").get_json() == said.get_json()
    for body in (
        {"isSuperuser": True},
        {"userType": "SUPERADMIN"},
        {"roleId": str(factories.NOBODY)},
        {"password": "x" * 9},
    ):
        refusal(client.put("/api/users/me", json=body), 422)
    refusal(client.put("/api/users/me", json={"email": "other@example.com"}), 403)
    assert [entry[0] for entry in logged(session)] == ["UPDATE"]


def test_effective_permissions_say_where_they_come_from(signed_in: Caller, session: Session) -> None:
    """Roles and grants are told apart and added up; a superuser has everything there is."""
    user = factories.user(session, permissions=("A", "B"))
    factories.role(session, user, name="one", permissions=("B", "C"))
    client = signed_in("USER_VIEW")

    said = client.get(_path(user, "/effective-permissions")).get_json()

    assert (said["directPermissions"], said["rolePermissions"]) == (["A", "B"], ["B", "C"])
    assert (said["allPermissions"], said["isSuperuser"]) == (["A", "B", "C"], False)
    everything = client.get(_path(factories.user(session, is_superuser=True), "/effective-permissions")).get_json()
    assert everything["allPermissions"] == ["A", "B", "C", "USER_VIEW"]


def test_an_audit_log_of_a_user_has_both_sides(signed_in: Caller, session: Session, app: Flask) -> None:
    """What he did and what was done to him shows, of others nothing, and only with AUDIT_VIEW."""
    user, other = factories.user(session, is_superuser=True), factories.user(session)
    boss = signed_in(username="boss")
    boss.put(_path(user), json={"phone": "1"})
    client_of(app, session, user).put(_path(other), json={"phone": "2"})
    boss.put(_path(other), json={"phone": "3"})

    refusal(signed_in("USER_VIEW").get(_path(user, "/audit-logs")), 403)
    auditor = signed_in("AUDIT_VIEW")
    with statements(app) as sent:
        said = auditor.get(_path(user, "/audit-logs"), query_string={"limit": "20"}).get_json()

    assert len(sent) == 2
    assert [(entry["user"], entry["resourceId"]) for entry in said["logs"]] == [
        (user.username, str(other.id)),
        ("boss", str(user.id)),
    ]
    assert (said["total"], said["logs"][0]["details"]["after"]) == (2, {"phone": "2"})

"""Roles, direct permissions and the figures of the security pages."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.accounts.access.permissions import PERMISSIONS, RESOURCES
from rental_backend.accounts.access.seed import add_permissions_and_roles
from rental_backend.accounts.models import LoginAttempt, RefreshToken, Role, User, UserPermission, user_roles
from tests import factories
from tests.accounts.administering import at_once, client_of, logged
from tests.conftest import Caller
from tests.refusals import refusal
from tests.statements import statements

ROLES, BULK = "/api/auth/roles", "/api/security/roles/bulk-assign"


def _role(session: Session, name: str = "clerk", *permissions: str, **values: Any) -> Role:
    """Store a role that nobody has."""
    role = factories.role(session, factories.user(session), name=name, permissions=permissions, **values)
    session.execute(sqlalchemy.delete(user_roles))
    session.commit()
    return role


def _users_of(session: Session, role: Role) -> set[uuid.UUID]:
    session.rollback()
    return set(session.scalars(select(user_roles.c.user_id).where(user_roles.c.role_id == role.id)))


@pytest.mark.parametrize("path", [ROLES, "/api/security/roles", "/api/users/roles/"])
@pytest.mark.parametrize("spelling", ["permissions", "permission_ids", "permissionCodes"])
def test_a_role_is_created_with_permissions(signed_in: Caller, session: Session, path: str, spelling: str) -> None:
    """Permissions come by id or by name; the answer says which there are, and the log too."""
    by_id, by_name = factories.permission(session, "SALE_VIEW").id, factories.permission(session, "ITEM_VIEW").name
    session.commit()

    answer = signed_in().post(path, json={"name": "clerk", "description": "D", spelling: [str(by_id), by_name]})

    made = answer.get_json()
    assert answer.status_code == 201
    assert (made["name"], made["permissions"], made["user_count"]) == ("clerk", ["ITEM_VIEW", "SALE_VIEW"], 0)
    assert (made["is_system"], made["can_be_deleted"], made["template"]) == (False, True, None)
    ((*entry, details),) = logged(session)
    assert entry == ["CREATE", "roles", made["id"]]
    assert details["after"]["permissions"] == ["ITEM_VIEW", "SALE_VIEW"]


def test_a_template_gives_what_the_seeded_role_has(signed_in: Caller, session: Session) -> None:
    """Without permissions a new role starts from its template; with some, even none at all, it has just those."""
    add_permissions_and_roles(session)
    session.commit()
    client = signed_in()
    templates = {each["name"]: each["permissions"] for each in client.get("/api/security/roles/templates").get_json()}

    started = client.post(ROLES, json={"name": "a", "template": "STAFF"}).get_json()
    bare = client.post(ROLES, json={"name": "b", "template": "STAFF", "permission_ids": []}).get_json()

    assert started["permissions"] == sorted(templates["STAFF"]) != []
    assert bare["permissions"] == []


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 51}, "name"),
        ({"name": "x", "permissions": ["NONE"]}, "permissions"),
        ({"name": "x", "permission_ids": [str(factories.NOBODY)]}, "permissions"),
        ({"name": "x", "is_system_role": True}, "is_system_role"),
    ],
    ids=str,
)
def test_a_bad_field_is_named(signed_in: Caller, sent: dict[str, Any], field: str) -> None:
    """What does not fit is 422 and names its field."""
    refusal(signed_in().post(ROLES, json=sent), 422, fields=(field,))


def test_role_names_are_unique(signed_in: Caller, session: Session) -> None:
    """A name in use, in whatever case, clashes at creation, cloning and renaming; of many at once one is created."""
    _role(session, "clerk")
    other = _role(session, "other")
    client = signed_in()

    refusal(client.post(ROLES, json={"name": "Clerk"}), 409, fields=("name",))
    refusal(client.post(f"{ROLES}/{other.id}/clone", json={"name": "CLERK"}), 409, fields=("name",))
    refusal(client.put(f"{ROLES}/{other.id}", json={"name": "clerk"}), 409, fields=("name",))
    assert client.put(f"{ROLES}/{other.id}", json={"name": "other", "description": "D"}).status_code == 200

    clients = [signed_in() for _ in range(6)]
    statuses = at_once(*[lambda each=each: each.post(ROLES, json={"name": "new"}) for each in clients])
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 409, 503}


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        *(("PUT", "", {"description": "ours"}), ("PUT", "", {"is_active": False}), ("DELETE", "", None)),
        *(("POST", "/permissions", {"permission_ids": ["A"]}), ("DELETE", "/permissions", {"permission_ids": ["A"]})),
    ],
)
def test_a_role_of_the_system_stays_as_it_is(
    signed_in: Caller, session: Session, method: str, rest: str, body: dict[str, Any] | None
) -> None:
    """Not even a superuser changes or deletes one; he is told to clone it, and can."""
    role = _role(session, "STAFF", "A", is_system_role=True)
    client = signed_in()

    said = refusal(client.open(f"{ROLES}/{role.id}{rest}", method=method, json=body), 409)

    assert "role of the system" in said["detail"]
    assert logged(session) == []
    clone = client.post(f"{ROLES}/{role.id}/clone", json={"name": "ours"}).get_json()
    assert (clone["permissions"], clone["is_system"]) == (["A"], False)


def test_a_role_in_use_is_not_deleted(signed_in: Caller, session: Session) -> None:
    """It is when nobody has it any more, apart from users who are deleted themselves."""
    user = factories.user(session)
    role = factories.role(session, user, name="clerk", permissions=("A",))
    client = signed_in()

    assert "1 users have it" in refusal(client.delete(f"{ROLES}/{role.id}"), 409)["detail"]
    user.deleted_at = datetime.now(UTC)
    session.commit()

    assert client.delete(f"{ROLES}/{role.id}").status_code == 204
    assert session.scalars(select(Role.id)).all() == []
    assert logged(session)[0][3]["before"]["permissions"] == ["A"]


def test_nobody_deletes_a_role_while_it_is_given(signed_in: Caller, session: Session) -> None:
    """Of both at once, either the role is given and stays, or it is deleted and cannot be given."""
    deleter, giver = signed_in(), signed_in()
    for number in range(5):
        role, user = _role(session, f"role {number}"), factories.user(session)

        deleted, given = at_once(
            lambda role=role: deleter.delete(f"{ROLES}/{role.id}"),
            lambda role=role, user=user: giver.post(f"/api/users/{user.id}/roles/{role.id}"),
        )

        assert (deleted, given) in ((204, 404), (409, 200))


def test_nobody_gives_what_he_does_not_have(signed_in: Caller, session: Session) -> None:
    """Not by a new role, one changed, cloned, given, switched on again, a user's form or a direct grant."""
    rights = ("CREATE", "UPDATE", "CLONE", "ASSIGN", "ASSIGN_PERMISSION")
    may = (*(f"ROLE_{right}" for right in rights), *("PERMISSION_ASSIGN", "USER_CREATE", "USER_UPDATE", "A"))
    factories.permission(session, "B")
    client, user = signed_in(*may), factories.user(session)
    mine, theirs, off = _role(session, "mine", "A"), _role(session, "theirs", "A", "B"), _role(session, "off", "B")
    new = {"email": "new@example.com", "full_name": "N", "password": "long enough"}

    for method, path, body in (
        ("POST", ROLES, {"name": "x", "permissions": ["A", "B"]}),
        ("PUT", f"{ROLES}/{mine.id}", {"permissions": ["A", "B"]}),
        ("PUT", f"{ROLES}/{off.id}", {"is_active": True}),
        ("POST", f"{ROLES}/{mine.id}/permissions", {"permission_ids": ["B"]}),
        ("POST", f"{ROLES}/{theirs.id}/clone", {"name": "x"}),
        ("POST", f"/api/users/{user.id}/roles/{theirs.id}", None),
        ("POST", BULK, {"user_ids": [str(user.id)], "role_ids": [str(theirs.id)], "action": "replace"}),
        ("POST", f"/api/users/{user.id}/permissions", {"permissionCode": "B"}),
        ("PUT", f"/api/users/{user.id}", {"directPermissions": ["B"]}),
        ("PUT", f"/api/users/{user.id}", {"roleId": str(theirs.id)}),
        ("POST", "/api/users/", {**new, "directPermissions": ["B"]}),
        ("POST", "/api/users/", {**new, "roleId": str(theirs.id)}),
    ):
        said = refusal(client.open(path, method=method, json=body), 403)
        assert said["missing"] == ["B"], path
    assert logged(session) == []
    for method, path, body in (
        ("POST", ROLES, {"name": "x", "permissions": ["A"]}),
        ("POST", f"/api/users/{user.id}/roles/{mine.id}", None),
        ("POST", f"/api/users/{user.id}/permissions", {"permissionCode": "A"}),
        ("POST", "/api/users/", {**new, "roleId": str(mine.id), "directPermissions": ["A"]}),
    ):
        assert client.open(path, method=method, json=body).status_code in (200, 201), path


def test_forms_give_rights_only_with_the_right_permissions(signed_in: Caller, session: Session) -> None:
    """USER_UPDATE alone gives no role and no grant, ROLE_UPDATE alone no permission; what is there may be said."""
    user, role = factories.user(session, permissions=("A",)), _role(session, "clerk", "A")
    client = signed_in("USER_UPDATE", "ROLE_UPDATE", "A", "B")

    for path, body in (
        (f"/api/users/{user.id}", {"directPermissions": ["A", "B"]}),
        (f"/api/users/{user.id}", {"directPermissions": []}),
        (f"/api/users/{user.id}", {"roleId": str(role.id)}),
        (f"{ROLES}/{role.id}", {"permissions": ["A", "B"]}),
    ):
        refusal(client.put(path, json=body), 403)
    assert client.put(f"/api/users/{user.id}", json={"directPermissions": ["A"]}).status_code == 200
    assert client.put(f"{ROLES}/{role.id}", json={"permissions": ["A"], "description": "D"}).status_code == 200


def test_a_role_is_changed_as_a_whole_and_in_parts(signed_in: Caller, session: Session) -> None:
    """What is sent changes, permissions are added and taken away, and the log has both sides of each change."""
    role = _role(session, "clerk", "A", "B")
    factories.permission(session, "C")
    session.commit()
    client, path = signed_in(), f"{ROLES}/{role.id}"

    added = client.post(f"{path}/permissions", json={"permission_ids": ["C"]}).get_json()
    taken = client.delete(f"{path}/permissions", json={"permissionIds": ["A", "B"]}).get_json()
    renamed = client.put(f"/api/security/roles/{role.id}", json={"name": "seller", "description": ""}).get_json()

    assert (added["permissions"], taken["permissions"]) == (["A", "B", "C"], ["C"])
    assert (renamed["name"], renamed["permissions"]) == ("seller", ["C"])
    assert [entry["name"] for entry in client.get(f"{path}/permissions").get_json()] == ["C"]
    assert [entry[3] for entry in logged(session)] == [
        {"before": {"permissions": ["A", "B"]}, "after": {"permissions": ["A", "B", "C"]}},
        {"before": {"permissions": ["A", "B", "C"]}, "after": {"permissions": ["C"]}},
        {"before": {"name": "clerk"}, "after": {"name": "seller"}},
    ]


@pytest.mark.parametrize(
    ("action", "had", "has"),
    [
        ("add", (True, False), (True, True)),
        ("remove", (True, False), (False, False)),
        ("replace", (True, False), (False, True)),
    ],
)
def test_many_users_get_roles_at_once(
    signed_in: Caller, session: Session, app: Flask, action: str, had: tuple[bool, bool], has: tuple[bool, bool]
) -> None:
    """Roles are added, removed or replaced for all, in as many statements for ten users as for one."""
    one, two = _role(session, "one"), _role(session, "two")
    users = [factories.user(session) for _ in range(10)]
    for role, held in zip((one, two), had, strict=True):
        if held:
            rows = [{"user_id": user.id, "role_id": role.id} for user in users]
            session.execute(user_roles.insert(), rows)
    session.commit()
    named = {"add": [one, two], "remove": [one], "replace": [two]}[action]
    client = signed_in()

    with statements(app) as sent:
        body = {"user_ids": [str(user.id) for user in users], "role_ids": [str(role.id) for role in named]}
        said = client.post(BULK, json={**body, "action": action}).get_json()

    assert len(sent) <= 12
    everybody = {user.id for user in users}
    assert (_users_of(session, one), _users_of(session, two)) == tuple(everybody if it else set() for it in has)
    assert (said["changed"], len(logged(session))) == (10, 10)
    assert client.post(BULK, json={**body, "action": action}).get_json()["changed"] == 0


def test_many_users_change_together_or_not_at_all(signed_in: Caller, session: Session) -> None:
    """One unknown user or role, or one who may do more than the caller, and nobody is changed."""
    role, user = _role(session), factories.user(session)
    above = factories.user(session, is_superuser=True)
    client = signed_in("ROLE_ASSIGN")

    for users, roles, status in (
        ([user.id, uuid.uuid4()], [role.id], 404),
        ([user.id], [role.id, uuid.uuid4()], 404),
        ([user.id, above.id], [role.id], 403),
        ([], [role.id], 422),
    ):
        body = {"user_ids": [str(each) for each in users], "role_ids": [str(each) for each in roles], "action": "add"}
        refusal(client.post(BULK, json=body), status)
    assert _users_of(session, role) == set()


def test_a_direct_grant_may_end(app: Flask, signed_in: Caller, session: Session) -> None:
    """A grant counts until it expires, granting again changes the end, and nothing cannot be taken back."""
    user, admin = factories.user(session), signed_in()
    factories.permission(session, "CUSTOMER_VIEW")
    session.commit()
    path, ends = f"/api/users/{user.id}/permissions", datetime.now(UTC) + timedelta(hours=1)
    client = client_of(app, session, user)

    admin.post(path, json={"permissionCode": "CUSTOMER_VIEW", "expiresAt": ends.isoformat(), "reason": "stocktaking"})

    (listed,) = admin.get(path).get_json()
    assert (listed["permissionCode"], datetime.fromisoformat(listed["expiresAt"])) == ("CUSTOMER_VIEW", ends)
    assert client.get("/api/customers/").status_code == 200
    assert logged(session)[0][3] == {
        "after": {"permission": "CUSTOMER_VIEW", "expires_at": ends.isoformat()},
        "reason": "stocktaking",
    }
    session.execute(sqlalchemy.update(UserPermission).values(expires_at=datetime(2020, 1, 1)))
    session.commit()
    app.extensions["services"].identity.forget(user.id)
    assert client.get("/api/customers/").status_code == 403
    assert admin.post(path, json={"permissionCode": "CUSTOMER_VIEW"}).get_json()["directPermissions"] == [
        "CUSTOMER_VIEW"
    ]
    assert admin.get(path).get_json()[0]["expiresAt"] is None
    assert admin.delete(f"{path}/CUSTOMER_VIEW", json={"reason": "done"}).status_code == 200
    refusal(admin.delete(f"{path}/CUSTOMER_VIEW"), 404)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"permissionCode": "NONE"}, "permission_code"),
        ({}, "permission_code"),
        ({"permissionCode": "A", "expiresAt": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"permissionCode": "A", "expiresAt": "soon"}, "expires_at"),
    ],
)
def test_a_bad_grant_is_named(signed_in: Caller, session: Session, sent: dict[str, Any], field: str) -> None:
    """A permission that is none, and an end in the past or at no time, are 422."""
    user = factories.user(session, permissions=("A",))

    refusal(signed_in().post(f"/api/users/{user.id}/permissions", json=sent), 422, fields=(field,))


def test_lists_take_one_statement_each(signed_in: Caller, session: Session, app: Flask) -> None:
    """However many roles and permissions there are, each list is one statement; a limit and filters hold."""
    add_permissions_and_roles(session)
    session.commit()
    client = signed_in("ROLE_VIEW", "PERMISSION_VIEW", "AUDIT_VIEW")
    for path, rows in (
        *((ROLES, 5), ("/api/security/roles?include_system=false", 0), (f"{ROLES}?search=manager", 1)),
        *(("/api/auth/permissions?limit=7", 7), ("/api/security/permissions", len(PERMISSIONS))),
        *(
            ("/api/security/permissions?resource=PERMISSION", 2),
            ("/api/security/permissions/categories", len(RESOURCES)),
        ),
        *(("/api/security/audit-logs", 0), (f"{ROLES}?is_system=true&template=STAFF", 1)),
    ):
        client.get(path)
        with statements(app) as sent:
            assert len(client.get(path).get_json()) == rows, path
        assert len(sent) == 1, path


def test_the_figures_are_counted(signed_in: Caller, session: Session, app: Flask) -> None:
    """Users, roles, sessions and failures are those in the tables; the score is the mean of its three shares."""
    now = datetime.now(UTC)
    user = factories.user(session, last_login=now)
    factories.user(session, is_active=False)
    factories.user(session, deleted_at=now)
    role = factories.role(session, user, name="clerk", permissions=("ITEM_VIEW",))
    factories.permission(session, "ITEM_CREATE")
    for success in (True, False, False, False):
        session.add(LoginAttempt(email=user.username, ip_address="-", success=success, attempted_at=now))
    session.add(LoginAttempt(email="x", ip_address="-", success=False, attempted_at=now - timedelta(days=2)))
    for ends in (1, -1):
        session.add(RefreshToken(token=str(ends), user_id=user.id, expires_at=now + timedelta(days=ends)))
    session.commit()
    client = signed_in(username="boss")  # a superuser, who has never signed in
    client.get("/api/security/stats")

    with statements(app) as sent:
        said = client.get("/api/security/stats").get_json()

    assert len(sent) == 4
    assert (said["success"], said["total_users"], said["active_users"], said["total_roles"]) == (True, 3, 2, 1)
    assert (said["active_sessions"], said["failed_login_attempts_today"]) == (2, 3)  # one is the caller's
    assert said["security_score"] == round(100 * (1 / 4 + 1 / 2 + 1) / 3, 1)
    assert said["most_used_roles"] == [{"role": role.name, "user_count": 1}]
    assert (said["role_distribution"], said["permission_coverage"]) == ({"clerk": 1}, {"ITEM": 50.0})

    one = client.get(f"/api/security/users/{user.id}/security").get_json()
    assert (one["failed_login_attempts"], one["active_sessions"], one["is_locked"]) == (3, 1, False)
    assert (one["roles"], one["effective_permissions"]) == (["clerk"], ["ITEM_VIEW"])


def test_permissions_are_checked_for_a_user(signed_in: Caller, session: Session) -> None:
    """What he has and what he lacks is said; a superuser lacks nothing."""
    user, boss = factories.user(session, permissions=("A",)), factories.user(session, is_superuser=True)
    client = signed_in("USER_VIEW")

    def check(who: User) -> dict[str, Any]:
        body = {"user_id": str(who.id), "permissions": ["A", "B"]}
        return dict(client.post("/api/security/permissions/check", json=body).get_json())

    assert (check(user)["missing_permissions"], check(user)["permissions_status"]) == (["B"], {"A": True, "B": False})
    assert (check(boss)["has_all_permissions"], check(user)["has_all_permissions"]) == (True, False)


def test_setup_is_done_when_there_is_a_superuser(client: Any, session: Session) -> None:
    """Anybody may ask whether an administrator is there, and learns no more than that."""
    assert client.get("/api/auth/setup/status").get_json() == {"is_initialized": False, "setup_required": True}
    factories.user(session, is_superuser=True)

    assert client.get("/api/auth/setup/status").get_json() == {"is_initialized": True, "setup_required": False}


@pytest.mark.parametrize(
    ("method", "rest"), [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/permissions"), ("POST", "/clone")]
)
def test_an_unknown_role_is_404(signed_in: Caller, method: str, rest: str) -> None:
    """An id that no role has leads nowhere."""
    body = {"name": "x"} if method in ("PUT", "POST") else None

    refusal(signed_in().open(f"{ROLES}/{uuid.uuid4()}{rest}", method=method, json=body), 404)

"""Every field with a permission of its own, on every road it comes in by, for every kind of caller."""

import csv
import io
import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.accounts.access.permissions import PERMISSIONS, ROLES
from rental_backend.accounts.access.seed import add_permissions_and_roles
from rental_backend.accounts.models import Permission, Role, User, user_roles
from tests import factories
from tests.accounts.administering import client_of
from tests.refusals import refusal
from tests.routes.table import FIELDS, ROUTES

pytestmark = pytest.mark.long

Body = dict[str, Any]
HELD = "CUSTOMER_VIEW"  # what the rows have that are changed, and every caller has, so that nothing else is in the way
OF_USERS = {"role_id", "direct_permissions", "permissions", "permission_ids", "permission_codes"}


@dataclass(frozen=True)
class Case:
    """One request: a field of an operation with a value that changes something, or that says what is there."""

    operation: str
    field: str
    permission: str | None  # that the value takes beside that of the operation
    path: str
    body: Body
    media: str = "application/json"

    @property
    def imports(self) -> bool:
        """Whether it sends rows, each refused by itself."""
        return self.operation.endswith("/import")

    def ask(self, client: FlaskClient) -> Any:
        """Send it."""
        sent = _written([self.body] if self.imports else self.body, self.media)
        return client.open(self.path, method=self.operation.split()[0], data=sent, content_type=self.media)


def _written(content: Any, media: str) -> str:
    if media == "text/csv":
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, list(content[0]))
        writer.writeheader()
        writer.writerows(content)
        return out.getvalue()
    return "\n".join(map(json.dumps, content)) if media == "application/x-ndjson" else json.dumps(content)


def _customer(session: Session, _: str) -> uuid.UUID:
    return factories.customer(session, credit_limit=20).id


def _item(session: Session, _: str) -> uuid.UUID:
    return factories.item(session, rental_rate_per_period=10, purchase_price=30, security_deposit=40).id


def _user(session: Session, field: str) -> uuid.UUID:
    user = factories.user(session, permissions=(HELD,), is_active=field != "True")
    factories.role(session, user, name=f"role {uuid.uuid4().hex[:8]}")
    return user.id


def _role(session: Session, _: str) -> uuid.UUID:
    made = factories.role(session, factories.user(session), name=f"role {uuid.uuid4().hex[:8]}", permissions=(HELD,))
    return made.id


MADE: dict[str, Callable[[Session, str], uuid.UUID]] = {
    "customers": _customer,
    "item-master": _item,
    "users": _user,
    "roles": _role,
}


def _new(path: str) -> Body:
    code = uuid.uuid4().hex[:8]
    customer = {"customer_code": code, "customer_type": "INDIVIDUAL", "first_name": "A", "last_name": "B"}
    supplier = {"supplier_code": code, "company_name": code, "supplier_type": "DISTRIBUTOR"}
    user = {"email": f"{code}@example.com", "full_name": "N", "password": "velvet lantern orbit 31"}
    return {"customers": customer, "suppliers": supplier, "users": user}[path.split("/")[2]]


def _held_role(session: Session, user: uuid.UUID) -> str:
    return str(session.scalars(select(user_roles.c.role_id).where(user_roles.c.user_id == user)).one())


def _values(session: Session, field: str, value: str, row: uuid.UUID | None) -> tuple[Any, Any]:
    """Return a value that changes a field, and what is there; what a new row has where the row is None."""
    held = str(session.scalars(select(Permission.id).where(Permission.name == HELD)).one())
    match field:
        case "credit_limit":
            return 500, 20 if row else 0
        case "status":
            return "BLACKLISTED", "ACTIVE"
        case "rental_rate_per_period":
            return 11, 10
        case "purchase_price":
            return 31, 30.0
        case "sale_price":
            return 5, 0  # as pages send what is not there
        case "security_deposit":
            return 41, "40.00"
        case "item_status":
            return "DISCONTINUED", "ACTIVE"
        case "is_active":
            return value == "True", (value != "True" if row else True)
        case "is_verified":
            return True, False
        case "is_superuser":
            return True, False
        case "user_type":
            return "SUPERADMIN", "USER"
        case "password":
            return "velvet lantern orbit 31", None
        case "role_id":
            return str(_role(session, "")), _held_role(session, row) if row else None
        case "direct_permissions":
            return ([], [held]) if row else ([HELD], [])
    return [], [held] if field == "permission_ids" else [HELD]


def _camel(name: str) -> str:
    return re.sub("_([a-z])", lambda found: found[1].upper(), name)


def _cases(session: Session, operations: set[str]) -> Iterator[Case]:
    """Yield each field of the table with a value that does not change it, then with one that does, on each road."""
    for line, permission in FIELDS.items():
        operation, field, value = (*line, "")[:3]
        path = operation.split()[1]
        kind = path.split("/")[-2] if path.endswith("<uuid:id>") else path.split("/")[2]
        if operation not in operations or (value == "True" and operation == "POST /api/users/"):  # new ones are active
            continue
        medias = ("application/json", "application/x-ndjson", "text/csv")
        for media in medias if operation.endswith("/import") else medias[:1]:
            row = MADE[kind](session, value) if "<uuid:id>" in path else None
            for name, changes in dict.fromkeys(((field, False), (field, True), (_camel(field), True))):
                if name != field and kind not in ("users", "roles"):
                    continue  # one spelling is known
                sent = _values(session, field, value, row)[0 if changes else 1]
                body = {**(_new(path) if row is None else {}), name: sent}
                target = path.replace("<uuid:id>", str(row))
                yield Case(operation, field, permission if changes else None, target, body, media)


def _wrong(case: Case, answer: Any, holds: Callable[[str], bool]) -> str:
    """Return what is wrong with an answer to a caller who holds these permissions, or nothing."""
    said, route = answer.get_json(silent=True) or {}, ROUTES[case.operation]
    told = f"{case.operation} {case.field} {case.media}: {answer.status_code} {answer.text[:200]}"
    if not holds(route):
        return "" if answer.status_code == 403 and said["permission"] == route else told
    if case.permission is None or holds(case.permission):
        fine = answer.status_code in (200, 201) and not said.get("errors")
        return "" if fine else told
    errors = (said.get("errors") or [{}])[0].get("errors", {}) if case.imports else said.get("errors", {})
    named = any(case.permission in message for message in errors.get(_named(case.field), ()))
    return "" if named and (answer.status_code == (200 if case.imports else 403)) else told


def _named(field: str) -> str:
    return "permissions" if field in ("permission_ids", "permission_codes") else field


def _mismatches(
    session: Session, client: FlaskClient, holds: Callable[[str], bool], operations: set[str] | None = None
) -> list[str]:
    """Ask with every field of these operations, or of all of them; name what is not answered as the table says."""
    asked = _cases(session, {line[0] for line in FIELDS} if operations is None else operations)
    return [fault for case in asked if (fault := _wrong(case, case.ask(client), holds))]


@pytest.fixture
def rights(session: Session) -> Session:
    """All permissions and roles, as they are seeded."""
    add_permissions_and_roles(session)
    session.commit()
    return session


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_changes_just_the_fields_it_may(app: Flask, rights: Session, role: Any) -> None:
    """Each seeded role: a changed value is taken with the permission of the field, and refused by name without it."""
    user = factories.user(rights)
    role_id = rights.scalars(select(Role.id).where(Role.name == role.name)).one()
    rights.execute(user_roles.insert().values(user_id=user.id, role_id=role_id))
    rights.commit()

    def holds(permission: str) -> bool:
        return permission in PERMISSIONS and role.has(PERMISSIONS[permission])

    assert _mismatches(rights, client_of(app, rights, user), holds) == []


def _having(rights: Session, permissions: set[str]) -> User:
    """Store a user who has these permissions, and is offered no more."""
    return factories.user(rights, permissions=tuple(permissions & PERMISSIONS.keys()))


def test_the_permission_of_the_operation_is_not_enough(app: Flask, rights: Session) -> None:
    """Who may do everything but what the fields take changes none of them, and sends each as it is."""
    held = PERMISSIONS.keys() - set(FIELDS.values()) | {"USER_UPDATE"}

    assert _mismatches(rights, client_of(app, rights, _having(rights, held)), held.__contains__) == []


@pytest.mark.full
@pytest.mark.parametrize("permission", sorted(set(FIELDS.values())))
def test_each_permission_opens_its_own_fields_only(app: Flask, rights: Session, permission: str) -> None:
    """With the permissions of the operations and of one field, that field is changed and no other one beside it."""
    operations = {line[0] for line, needed in FIELDS.items() if needed == permission}
    held = {permission, HELD, *map(ROUTES.__getitem__, operations)}

    def holds(name: str) -> bool:
        return name in held and name in PERMISSIONS

    assert _mismatches(rights, client_of(app, rights, _having(rights, held)), holds, operations) == []


def test_a_superuser_changes_every_field(app: Flask, rights: Session) -> None:
    """Nothing keeps them out."""
    client = client_of(app, rights, factories.user(rights, is_superuser=True))

    assert _mismatches(rights, client, lambda _: True) == []


def test_what_is_refused_is_not_stored(app: Flask, rights: Session) -> None:
    """A whole form is refused as a whole, by field and permission; the import makes the other rows."""
    client = client_of(app, rights, _having(rights, {"CUSTOMER_UPDATE", "CUSTOMER_CREATE"}))
    customer = factories.customer(rights, credit_limit=20)

    said = refusal(client.put(f"/api/customers/{customer.id}", json={"city": "Pune", "credit_limit": 21}), 403)
    rows = [{**_new("/api/customers/"), "credit_limit": limit} for limit in (0, 1)]
    made = client.post("/api/customers/import", json=rows).get_json()

    rights.refresh(customer)
    assert (customer.city, customer.credit_limit) == (None, 20)
    assert (said["permission"], said["missing"]) == ("CUSTOMER_UPDATE_CREDIT", ["CUSTOMER_UPDATE_CREDIT"])
    assert said["errors"] == {"credit_limit": ["Needs the permission CUSTOMER_UPDATE_CREDIT."]}
    assert (made["successful_imports"], made["failed_imports"], made["errors"]) == (
        *(1, 1),
        [{"row": 2, "errors": said["errors"]}],
    )

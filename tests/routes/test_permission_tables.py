"""What the code declares is what the tables say that are written by hand; a change of one of the two is noticed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from marshmallow import fields

from rental_backend.accounts.access.permissions import PERMISSIONS
from rental_backend.accounts.users.schemas import UserChange
from rental_backend.guards import SUPERUSER
from rental_backend.parties.customers.schemas import CustomerChange, CustomerFields, NewCustomer
from rental_backend.web.endpoint.capabilities import contracts
from rental_backend.web.endpoint.needs import PUBLIC, SIGNED_IN
from tests.routes.table import FIELDS, OTHERS, ROUTES, declared_fields, declared_routes, lines_of

# Changes below a permission to look: they store nothing, or their fields say what they take.
LOOKS = {
    *("POST /api/master-data/item-master/skus/generate", "POST /api/security/permissions/check"),
    "PATCH /api/users/<uuid:id>/status",
}
# What is another thing in a form: a remark, the name of a copy, the first permissions of a role (its maker has them).
OTHERWISE = {
    *(("notes", operation) for operation in ROUTES),
    ("name", "POST /api/auth/roles/<uuid:id>/clone"),
    *(("permission_ids", f"POST {path}/roles") for path in ("/api/auth", "/api/security", "/api/users")),
}


def differing(declared: dict[Any, str], table: Any) -> list[str]:
    """Name whatever is declared otherwise than it stands in a table, or in one of the two only."""
    both = sorted(declared.keys() | table.keys(), key=str)
    return [
        f"{each}: {declared.get(each)} instead of {table.get(each)}"
        for each in both
        if declared.get(each) != table.get(each)
    ]


def test_every_operation_declares_what_the_table_says(app: Flask) -> None:
    """An operation that is in one of the two only is named as well."""
    assert differing(declared_routes(app), ROUTES) == []


def test_every_field_declares_what_the_table_says(app: Flask) -> None:
    """The fields that take a permission of their own are these, with these."""
    assert differing(declared_fields(app), FIELDS) == []


def test_the_tables_say_everything_once_and_by_names_that_exist() -> None:
    """No operation stands below two permissions."""
    assert len(lines_of("permissions.txt")) == len(ROUTES) > 240
    assert len(lines_of("fields.txt")) == len(FIELDS) > 30
    named = {*ROUTES.values(), *OTHERS.values(), *FIELDS.values()}
    assert named - {PUBLIC, SIGNED_IN, SUPERUSER} <= PERMISSIONS.keys()


def test_a_permission_to_look_changes_nothing() -> None:
    """What only looks does not stand above an operation that changes something."""
    changing = {route for route, permission in ROUTES.items() if "_VIEW" in permission and route[:4] != "GET "}

    assert changing == LOOKS


def test_a_permission_that_is_declared_wrong_is_noticed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as USER_VIEW where a role is taken away, which a matrix that believes the declaration cannot see."""
    view: Any = app.view_functions["users.unassign_role"]
    contract = replace(view.operation.contract, permission="USER_VIEW")
    monkeypatch.setattr(view, "operation", replace(view.operation, contract=contract))

    route = "DELETE /api/users/<uuid:id>/roles/<uuid:role_id>"
    assert differing(declared_routes(app), ROUTES) == [f"{route}: USER_VIEW instead of ROLE_ASSIGN"]


def test_a_field_that_lost_its_permission_is_noticed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the form of a change, and nowhere else."""
    (form,) = {
        contract.accepts
        for _, method, rule, contract in contracts(app)
        if (method, rule) == ("PATCH", "/api/customers/<uuid:id>") and contract.accepts
    }
    monkeypatch.setitem(form.load_fields, "credit_limit", fields.Decimal())

    assert [each.partition(":")[0] for each in differing(declared_fields(app), FIELDS)] == [
        "('PATCH /api/customers/<uuid",
        "('PUT /api/customers/<uuid",
    ]


Road = tuple[str, str, str, frozenset[str]]  # blueprint, operation, field, the permissions that it takes there


def roads(app: Flask) -> Iterator[Road]:
    """Yield each field that any operation takes, with the permissions that it takes to change it there."""
    guards = declared_fields(app)
    for blueprint, method, rule, contract in contracts(app):
        operation = f"{method} {rule}"
        for name in contract.accepts.load_fields if contract.accepts else ():
            own = frozenset(each for line, each in guards.items() if line[:2] == (operation, name))
            yield blueprint, operation, name, own or frozenset((contract.permission,))


def around(app: Flask) -> set[str]:
    """Name the fields that a form takes with less than a verb of the same resource.

    A verb that takes what a change of the row takes is no more than the form that makes the row.
    """
    every = list(roads(app))
    verbs = [each for each in every if "<uuid:id>/" in each[1] and (each[2], each[1]) not in OTHERWISE]
    return {
        f"{field} by {form}"
        for blueprint, _, field, needed in verbs
        for other, form, name, enough in every
        if (other, name) == (blueprint, field) and "<uuid:id>/" not in form and (name, form) not in OTHERWISE
        if not needed <= enough and not (form[:4] == "POST" and all(each.endswith("_UPDATE") for each in needed))
    }


def test_no_form_goes_around_a_verb(app: Flask) -> None:
    """What a verb takes a permission of its own for takes it in every form of the resource, of imports, too."""
    assert around(app) == set()


def test_a_form_that_goes_around_a_verb_would_be_found(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each road to the credit limit is named once its guard is gone; so is the status of a user in their form."""
    for _, method, rule, contract in contracts(app):
        form = contract.accepts
        if isinstance(form, CustomerFields | NewCustomer | CustomerChange):
            monkeypatch.setitem(form.load_fields, "credit_limit", fields.Decimal())
        if isinstance(form, UserChange) and (method, rule) == ("PUT", "/api/users/<uuid:id>"):
            monkeypatch.setitem(form.load_fields, "is_active", fields.Boolean())

    assert around(app) == {
        "credit_limit by POST /api/customers/import",
        "credit_limit by PATCH /api/customers/<uuid:id>",
        "credit_limit by PUT /api/customers/<uuid:id>",
        "credit_limit by POST /api/customers/",
        "is_active by PUT /api/users/<uuid:id>",
    }

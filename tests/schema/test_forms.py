"""A form takes what the column holds: null where that may be empty, and texts as long as fit."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marshmallow import fields, validate
from sqlalchemy import Column

from rental_backend.accounts.models import Role, User
from rental_backend.accounts.roles.schemas import NewRole, RoleChange
from rental_backend.accounts.users.schemas import NewUser, UserChange
from rental_backend.schemas import Payload
from rental_backend.settings.companies.schemas import CompanyChange, NewCompany
from rental_backend.settings.models import Company
from rental_backend.web.resource.resource import Resource

ROOT = Path(__file__).parents[2]
OTHERWISE = {
    ("categories", "category_code"): (None, 10),  # an empty one is made up, and older rows have longer ones
    ("users", "email"): (None, 255),  # what is empty is no address
    ("users", "full_name"): (None, 255),  # or made of first and last name
}
UNCHANGED = {("users", "password")}  # null leaves it as it is
BY_VIEWS: dict[type[Any], tuple[type[Payload], ...]] = {  # what no declared resource creates and changes
    Company: (NewCompany, CompanyChange),
    Role: (NewRole, RoleChange),
    User: (NewUser, UserChange),
}


def _resources() -> Iterator[Resource[Any]]:
    for path in sorted((ROOT / "rental_backend").rglob("api.py")):
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        yield from (each for each in vars(module).values() if isinstance(each, Resource))


def _columns() -> Iterator[tuple[str, str, fields.Field[Any], Column[Any]]]:
    """Yield the table, the name, the field and the column of all that is sent to be stored as it is."""
    declared = [(each.model, (each.accepts, each.changes)) for each in _resources()]
    for model, forms in (*declared, *BY_VIEWS.items()):
        for form in filter(None, forms):
            for name, field in form().fields.items():
                if name in model.__table__.c:
                    yield model.__tablename__, name, field, model.__table__.c[name]


COLUMNS = list(_columns())


def test_null_is_taken_where_a_column_may_be_empty_and_nowhere_else() -> None:
    """By every form that creates or changes a row."""
    assert len(COLUMNS) > 230
    wrong = {(of, name) for of, name, field, column in COLUMNS if field.allow_none is not bool(column.nullable)}
    assert wrong == UNCHANGED


def test_a_text_is_as_long_as_its_column() -> None:
    """Neither shorter nor longer; one that must be there has a letter at the least."""
    bounds, wrong = 0, []
    for of, name, field, column in COLUMNS:
        longest = getattr(column.type, "length", None)
        for length in (each for each in field.validators if longest and isinstance(each, validate.Length)):
            bounds += 1
            right = OTHERWISE.get((of, name), (None if column.nullable else 1, longest))
            if (length.min, length.max) != right:
                wrong.append(f"{of} {name}: {length.min} to {length.max}, not {right}")
    assert bounds > 80
    assert wrong == []

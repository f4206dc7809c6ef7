"""Every field that is read, of every route, is of a kind that cleans and bounds what it reads."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from marshmallow import Schema, fields, validate

from rental_backend import fields as kinds
from rental_backend.web.endpoint.contracts import METHODS

from .walking import routes

EXACT = (fields.UUID, fields.Boolean)  # which take one value in few notations
SECRETS = {"password", "new_password", "current_password"}  # taken as they were typed
RAW = {"setting_value"}  # whose type is known only once the setting is


def _read(schema: Schema | None) -> Iterator[tuple[str, fields.Field[Any]]]:
    for name, field in schema.load_fields.items() if schema else ():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            yield from _read(inner.schema)
        else:
            yield name, inner


def loose(schema: Schema | None) -> list[str]:
    """Return the fields of a form that read values by a kind of their own, or of the library."""
    return [name for name, field in _read(schema) if not _kept(name, field)]


def _kept(name: str, field: fields.Field[Any]) -> bool:
    if type(field) in EXACT or name in SECRETS | RAW:
        return True
    if isinstance(field, fields.String) and any(isinstance(rule, validate.OneOf) for rule in field.validators):
        return True  # no other text than those is taken
    return any(kind.__module__ == kinds.__name__ for kind in type(field).__mro__) or type(field).__name__ == "Word"


def test_every_field_that_is_read_is_of_a_common_kind(app: Flask) -> None:
    """So none of them misses what is mended for its kind."""
    found = {
        f"{route} {name}"
        for route in routes(app, *METHODS)
        for form in (route.contract.accepts, route.contract.query)
        for name in loose(form)
    }

    assert found == set()


@pytest.mark.parametrize(
    "field",
    [fields.String(), fields.Integer(), fields.Decimal(), fields.Float(), fields.AwareDateTime(), fields.Email()],
)
def test_a_field_of_the_library_is_seen(field: fields.Field[Any]) -> None:
    """The rule finds what it is there for, within lists and forms, too."""
    inner = Schema.from_dict({"inner": fields.List(field)})
    form = Schema.from_dict({"plain": field, "nested": fields.Nested(inner), "password": fields.String()})

    assert loose(form()) == ["plain", "inner"]

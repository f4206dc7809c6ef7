"""What forms hand to services: a service names in a type all that its form can say, and nothing that no form says."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, get_args, get_type_hints, is_typeddict

from flask import Flask
from marshmallow import Schema, validate

from rental_backend.web.endpoint.contracts import operation_of
from rental_backend.web.openapi.schemas import example, value
from rental_backend.web.resource.resource import Resource


class Command(NamedTuple):
    """A form, the type in which what it says is handed on, and the further names that the view takes itself."""

    place: str
    form: Schema
    type: type
    others: frozenset[str] = frozenset()


def of_views(app: Flask) -> Iterator[Command]:
    """Yield the commands of views that take `**fields` of a type."""
    for place, view in app.view_functions.items():
        operation = operation_of(view)
        if operation is None or operation.contract.accepts is None:
            continue
        taken = inspect.signature(operation.view).parameters.values()
        for parameter in taken:
            unpacked = get_args(parameter.annotation)
            if parameter.kind is parameter.VAR_KEYWORD and unpacked and is_typeddict(unpacked[0]):
                yield Command(place, operation.contract.accepts, unpacked[0], operation.names - {parameter.name})


def of_resources(resources: Iterable[Resource[Any]]) -> Iterator[Command]:
    """Yield the commands of the services that resources declare."""
    for resource in resources:
        for form, service in ((resource.accepts, resource.create), (resource.changes, resource.change)):
            taken = _fields_of(service) if form and service else None
            if form and taken:
                yield Command(f"{resource.name}: {form.__name__}", form(), taken)


def _fields_of(service: Callable[..., Any]) -> type | None:
    taken = get_type_hints(service).get("fields")
    return taken if is_typeddict(taken) else None


def said(form: Schema) -> set[str]:
    """Return the names of all that a form says, once it has settled what was sent: each field is sent in turn."""
    names: set[str] = set()
    for name, field in form.load_fields.items():
        only = [rule.comparable for rule in field.validators if isinstance(rule, validate.Equal)]
        names |= set(form.load({**example(form), field.data_key or name: only[0] if only else value(field)}))
    return names


def disagreeing(commands: Iterable[Command]) -> Iterator[str]:
    """Say what forms hand on that the type does not name, and what the type names that none of its forms says."""
    heard: dict[type, set[str]] = {}
    for command in commands:
        names, known = said(command.form), command.type.__annotations__.keys()
        heard.setdefault(command.type, set()).update(names)
        for name in sorted(names - known - command.others):
            yield f"{command.place}: {command.type.__name__} lacks {name}"
    for kind, names in heard.items():
        for name in sorted(kind.__annotations__.keys() - names):
            yield f"{kind.__module__}: {kind.__name__} names {name}, which no form says"

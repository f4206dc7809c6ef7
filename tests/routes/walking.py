"""Walks over every route of an application, with rows and parameters found by what the routes declare."""

import enum
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields, validate
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from rental_backend.schemas import Envelope
from rental_backend.tables import metadata
from rental_backend.web.endpoint.contracts import Contract, contract_of
from tests.statements import statements_of

WORDS = {"category": "financial"}  # parameters of a path that are no ids


@dataclass(frozen=True)
class Route:
    """One path of one method, under its contract."""

    rule: Rule
    method: str
    contract: Contract
    home: str  # the module of its view
    takes: frozenset[str]  # the names of what its view takes

    @property
    def is_list(self) -> bool:
        """Whether it declares to answer with many."""
        returns = self.contract.returns
        return isinstance(returns, Envelope) or bool(returns and returns.many)

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule}"


@dataclass(frozen=True)
class Answer:
    """What a path answered, and the statements that took."""

    response: Any
    statements: list[str]

    @property
    def repeated(self) -> list[str]:
        """The statements that were sent more than once, with whatever values."""
        return [each for each, times in Counter(self.statements).items() if times > 1]

    @property
    def rows(self) -> int:
        """How many rows it has: of the array that it is, or of its longest member that is one."""
        said = self.response.get_json(silent=True)
        arrays = [said] if isinstance(said, list) else [*said.values()] if isinstance(said, dict) else []
        return max((len(each) for each in arrays if isinstance(each, list)), default=0)


def routes(app: Flask, *methods: str) -> Iterator[Route]:
    """Yield every route of these methods."""
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions[rule.endpoint]
        contract = contract_of(view)
        for method in sorted((rule.methods or set()) & set(methods)):
            if contract:
                inner = view.__wrapped__
                yield Route(rule, method, contract, inner.__module__, frozenset(inner.__annotations__))


def known_ids(session: Session) -> list[uuid.UUID]:
    """Return the id of one row of every table that has any."""
    named = [table.name for table in metadata.sorted_tables if "id" in table.c]
    found = (session.scalar(text(f"SELECT id FROM {name} LIMIT 1")) for name in named)
    return [each for each in found if isinstance(each, uuid.UUID)]


def paths(route: Route, ids: list[uuid.UUID]) -> Iterator[str]:
    """Yield the path with every id that is known in it; just the path if it takes none."""
    path = re.sub(r"<(\w+)>", lambda found: WORDS.get(found[1], found[0]), route.rule.rule)
    if "<" not in path:
        yield path
        return
    for each in ids:
        yield re.sub(r"<[^>]+>", str(each), path)


def parameters(schema: Schema | None, *, required: bool) -> dict[str, str]:
    """Return a value for each field of a schema, or only for those that must be given."""
    given = schema.load_fields.items() if schema else ()
    return {field.data_key or name: _sample(field) for name, field in given if field.required or not required}


def _sample(field: fields.Field[Any]) -> str:
    for each in field.validators:
        if isinstance(each, validate.OneOf):
            return str(next(iter(each.choices)))
    match field:
        case fields.Enum():
            member: enum.Enum = next(iter(field.enum))
            return str(member.value)
        case fields.UUID():
            return str(uuid.UUID(int=7))
        case fields.Number():
            return "1"
        case fields.Boolean():
            return "true"
        case fields.DateTime():
            return "2026-01-01T00:00:00Z"
        case fields.Date():
            return "2026-01-01"
    return "ab"


def ask(app: Flask, client: FlaskClient, path: str, query: dict[str, str]) -> Answer:
    """Return what is answered, and the statements sent to the shop's database and to that of the accounts."""
    services = app.extensions["services"]
    with ExitStack() as stack:
        engines = (services.database.engine, services.identity.database.engine)
        sent = [stack.enter_context(statements_of(engine)) for engine in engines]
        response = client.get(path, query_string=query)
        response.get_data()
    return Answer(response, [statement for each in sent for statement in each])


def answered(app: Flask, client: FlaskClient, route: Route, ids: list[uuid.UUID]) -> Answer | None:
    """Return the answer of 200 with the most rows over the ids known, or None if there is none.

    What wants one of several parameters, and so requires none, is asked with each of them alone.
    """
    client.get("/api/auth/me")  # so that the account is known, and not asked for within AUTH_FRESH
    needed = parameters(route.contract.query, required=True)
    more = parameters(route.contract.query, required=False)
    for queries in ([needed], [{**needed, name: value} for name, value in more.items()]):
        found = [ask(app, client, path, query) for path in paths(route, ids) for query in queries]
        good = [each for each in found if each.response.status_code == 200]
        if good:
            return max(good, key=lambda each: each.rows)
    return None

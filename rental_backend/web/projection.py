"""From one declared schema to the SQL that answers with it: PostgreSQL writes the JSON, no row becomes an object.

The schema's fields, in order, are the members of the answer. A field reads the model's attribute of its name, or of
its `attribute`; hybrids may compute it. Timestamps come out in UTC, numbers as JSON numbers, `TextOrEmpty` never null.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from marshmallow import Schema
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import InstrumentedAttribute, Session

from ..errors import NotFound
from ..models import searched
from ..schemas import TextOrEmpty

DEFAULT_ROWS = 100


class Page(NamedTuple):
    """A JSON array as bytes, and how many rows there are in all."""

    body: bytes
    total: int


@lru_cache(maxsize=512)
def _columns(schema: type[Schema], model: Any) -> tuple[ColumnElement[Any], ...]:
    """Return the labelled columns that make up an answer."""
    return tuple(_column(model, name, field) for name, field in schema().dump_fields.items())


def _column(model: Any, name: str, field: Any) -> ColumnElement[Any]:
    column = getattr(model, field.attribute or name)
    if isinstance(field, TextOrEmpty):
        column = func.coalesce(column, "")
    labelled: ColumnElement[Any] = column.label(field.data_key or name)
    return labelled


@lru_cache(maxsize=512)
def _one(schema: type[Schema], model: Any) -> Select[Any]:
    row = select(*_columns(schema, model)).where(model.id == bindparam("id")).subquery("row")
    return select(func.row_to_json(literal_column('"row"')).cast(SqlText)).select_from(row)


def one(session: Session, schema: type[Schema], model: Any, id: uuid.UUID) -> bytes:
    """Return the JSON object of a row, or raise `NotFound`."""
    found = session.execute(_one(schema, model), {"id": id}).scalar()
    if found is None:
        raise NotFound(f"There is no such {model.__name__.lower()}.")
    return bytes(found, "utf-8")


Filter = Callable[[ColumnElement[Any]], ColumnElement[bool]]


@dataclass(frozen=True, eq=False)
class Listing:
    """A list of rows: what may be filtered, what `search` looks at, in what order.

    A filter named `x` gets the value of the query parameter `x` as a bound parameter and returns a condition.
    Statements are built once for each combination of filters and then only executed.
    """

    model: Any
    schema: type[Schema]
    order: tuple[ColumnElement[Any], ...]
    search: tuple[ColumnElement[Any] | InstrumentedAttribute[Any], ...] = ()
    filters: Mapping[str, Filter] | None = None

    def page(self, session: Session, arguments: dict[str, Any]) -> Page:
        """Return the rows that fit the arguments; `skip` and `limit`, or `page` and `page_size`, choose the part."""
        given = {name: value for name, value in arguments.items() if value is not None}
        rows = given.pop("limit", None) or given.get("page_size") or DEFAULT_ROWS
        skip = given.pop("skip", None) or (given.pop("page", 1) - 1) * rows
        given.pop("page_size", None), given.pop("page", None)
        if "search" in given:
            given["search"] = "%" + _escaped(given["search"]) + "%"
        bound = {**given, "rows": rows, "skip": skip}
        body, total = session.execute(self._statement(frozenset(given)), bound).one()
        return Page(bytes(body, "utf-8"), total)

    @lru_cache(maxsize=256)  # noqa: B019 - listings are module constants
    def _statement(self, names: frozenset[str]) -> Select[Any]:
        """Build the statement: the page as JSON, and the total, counted only when the page does not tell it."""
        conditions = [self._condition(name) for name in sorted(names)]
        rows, skip = bindparam("rows", type_=BigInteger), bindparam("skip", type_=BigInteger)
        page = (
            select(*_columns(self.schema, self.model))
            .where(*conditions)
            .order_by(*self.order)
            .limit(rows)
            .offset(skip)
            .subquery("page")
        )
        is_last = and_(func.count() < rows, or_(func.count() > 0, skip == 0))
        everything = select(func.count()).select_from(self.model).where(*conditions).scalar_subquery()
        return select(
            func.coalesce(func.json_agg(literal_column("page")), literal_column("'[]'::json")).cast(SqlText),
            case((is_last, skip + func.count()), else_=everything),
        ).select_from(page)

    def _condition(self, name: str) -> ColumnElement[bool]:
        if name == "search":
            return searched(*self.search).ilike(bindparam("search"))
        return (self.filters or {})[name](bindparam(name))


def _escaped(text: str) -> str:
    """Return the text with what LIKE reads as wildcards taken literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

"""Lists: one declaration says what may be filtered, searched and sorted, and one statement answers a page of it.

PostgreSQL writes the JSON. A page is chosen by offset (`skip` and `limit`, or `page` and `page_size`) or by key:
`after` is the id of the last row seen, and costs the same however deep the page lies.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from marshmallow import Schema
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import desc_op
from sqlalchemy.sql.visitors import iterate

from ... import crud as records
from ...errors import Invalid
from ...infra.postgres.compiled import Compiled
from ...models import Identified, searched
from .projection import columns

DEFAULT_ROWS = 100
EMPTY = b"[]"
COUNTED = 10_000  # rows a total is counted to unless an exact one is asked for: nobody pages to the end of more

Filter = Callable[[ColumnElement[Any]], ColumnElement[bool]]
Column = ColumnElement[Any] | InstrumentedAttribute[Any]
Condition = ColumnElement[bool] | InstrumentedAttribute[bool]


class Joined(NamedTuple):
    """A column of another table to sort by, and how the table is joined: once, not looked up for each row."""

    column: Any
    table: Any
    on: ColumnElement[bool]


@dataclass(frozen=True)
class Whole:
    """A filter that has to look at a whole other table: it is applied once, for the page and for the total."""

    condition: Filter

    def __call__(self, value: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition for a value."""
        return self.condition(value)


class Page(NamedTuple):
    """A JSON array as bytes, and the number of all rows: None if not counted, the least it can be unless `exact`."""

    body: bytes
    total: int | None
    exact: bool = True

    def under(self, *names: str, **numbers: int) -> "Page":
        """Return it as an object that holds the array under each name, the `total`, and further numbers."""
        arrays = b",".join(b'"%b":%b' % (name.encode(), self.body) for name in names)
        more = b"".join(b',"%b":%d' % (name.encode(), number) for name, number in numbers.items())
        return self._replace(body=b'{%b,"total":%d%b}' % (arrays, self.total or 0, more))


class Paged(NamedTuple):
    """Which part of a list is asked for."""

    skip: int
    rows: int


def paged(arguments: Mapping[str, Any]) -> Paged:
    """Return the part that `skip` and `limit`, or `page` (from 1) and `page_size`, name."""
    rows = arguments.get("limit") or arguments.get("page_size") or DEFAULT_ROWS
    return Paged(arguments.get("skip") or ((arguments.get("page") or 1) - 1) * rows, rows)


@dataclass(frozen=True, eq=False)
class Listing:
    """A list of rows: what may be filtered, what `search` looks at, in what order, and by what else it may be sorted.

    Only rows that fit `where` are in it at all. A filter named `x` gets the value of the query parameter `x` as a bound
    parameter and returns a condition.
    Statements are built once for each combination of filters and orders and then only executed.
    """

    model: Any
    schema: type[Schema]
    order: tuple[ColumnElement[Any], ...]
    search: tuple[Column, ...] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    sorts: Mapping[str, Column | Joined] = field(default_factory=dict)
    where: tuple[Condition, ...] = ()

    def page(self, session: Session, arguments: Mapping[str, Any]) -> Page:
        """Return the rows that fit the arguments.

        Raises `Invalid` for an unknown `sort_field` or `after`, and for a `search` where nothing is searched.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        skip, rows = paged(given)
        sort = (given.pop("sort_field", None), given.pop("sort_direction", None))
        count = given.pop("count", None)
        for name in (*Paged._fields, "limit", "page", "page_size"):
            given.pop(name, None)
        if "search" in given:
            given["search"] = "%" + _escaped(given["search"]) + "%"
        statement = self._statement(frozenset(given), sort, count)
        values = {**given, "rows": rows, "skip": skip}
        text, total = statement.first(session, values, usual=_chooses_most(given)) or ("[]", 0)
        body = bytes(text, "utf-8")
        if body == EMPTY and "after" in given:
            self._require(session, given["after"])
        if total is None and count != "none":  # more than are counted, and the page is full or beyond the end
            return Page(body, COUNTED if body == EMPTY else max(COUNTED, skip + rows), exact=False)
        return Page(body, total)

    @lru_cache(maxsize=512)  # noqa: B019 - listings are module constants
    def _statement(self, names: frozenset[str], sort: tuple[Any, Any], count: str | None) -> Compiled:
        """Build the statement: the page as JSON, and the total, counted only when the page does not tell it.

        The total is NULL if it is not wanted, or larger than is counted.
        """
        order, joined = self._order(*sort), self.sorts.get(sort[0] or "")
        conditions: list[Condition] = [*self.where, *(self._condition(name) for name in sorted(names - {"after"}))]
        found: Select[Any] = select(literal_column("1")).select_from(self.model).where(*conditions)
        if "after" in names:
            conditions.append(self._beyond(() if isinstance(joined, Joined) else order))
        if self._looks_up or isinstance(joined, Joined):
            chosen = self._keys(order, joined).where(*conditions)
            if "after" not in names and any(isinstance(self.filters.get(name), Whole) for name in names):
                fit = chosen.cte("fit")
                found, chosen, order = select(literal_column("1")).select_from(fit), select(fit), _same(order, fit)
            page = self._shown(_part(chosen.order_by(*order)).subquery("chosen"), order)
        else:
            page = _part(select(*columns(self.schema, self.model)).where(*conditions).order_by(*order))
        shown = page.subquery("page")
        array = func.coalesce(func.json_agg(literal_column("page")), literal_column("'[]'::json")).cast(SqlText)
        return Compiled(select(array, self._total(found, count, keyed="after" in names)).select_from(shown))

    def _shown(self, chosen: FromClause, order: tuple[ColumnElement[Any], ...]) -> Select[Any]:
        """Return the rows that were chosen, whole."""
        rows = select(*columns(self.schema, self.model)).join(chosen, chosen.c.id == self.model.id)
        return rows.order_by(*_same(order, chosen))

    @cached_property
    def _looks_up(self) -> bool:
        """Whether showing a row takes look-ups in other tables: then those on the page are chosen before."""
        parts = (part for column in columns(self.schema, self.model) for part in iterate(column))
        return hasattr(self.model, "id") and any(isinstance(part, ScalarSelect) for part in parts)

    def _keys(self, order: tuple[ColumnElement[Any], ...], joined: Column | Joined | None) -> Select[Any]:
        """Return the rows by their ids, with what they are sorted by."""
        keys = select(self.model.id, *(_key(each).label(f"key{place}") for place, each in enumerate(order)))
        return keys.outerjoin_from(self.model, joined.table, joined.on) if isinstance(joined, Joined) else keys

    def _total(self, found: Select[Any], count: str | None, *, keyed: bool) -> ColumnElement[Any]:
        if count == "none":
            return literal_column("NULL")
        # What never changes is no parameter, which would be sent each time.
        most: ColumnElement[int] = literal_column(str(COUNTED + 1))
        few = func.nullif(_counted(found.limit(most)), most)
        everything = _counted(found) if count == "exact" else few
        if keyed:
            return everything
        rows, skip = bindparam("rows", type_=BigInteger), bindparam("skip", type_=BigInteger)
        none: ColumnElement[int] = literal_column("0")
        is_last = and_(func.count() < rows, or_(func.count() > none, skip == none))
        return case((is_last, skip + func.count()), else_=everything)

    def _order(self, name: str | None, direction: str | None) -> tuple[ColumnElement[Any], ...]:
        """Return the order asked for, made total by the id, or the usual one."""
        if name is None:
            return self.order
        if name not in self.sorts:
            raise Invalid({"sort_field": [f"Must be one of: {', '.join(sorted(self.sorts))}."]})
        wanted = self.sorts[name]
        keys = (wanted.column if isinstance(wanted, Joined) else wanted, self.model.id)
        return tuple(key.desc() if direction == "desc" else key.asc() for key in keys)

    def _beyond(self, order: tuple[ColumnElement[Any], ...]) -> ColumnElement[bool]:
        """Return the condition that a row comes after the one whose id is `after`."""
        keys = [each.element for each in order if isinstance(each, UnaryExpression)]
        directions = {each.modifier is desc_op for each in order if isinstance(each, UnaryExpression)}
        if len(directions) != 1 or not hasattr(self.model, "id") or any(getattr(key, "nullable", True) for key in keys):
            raise Invalid({"after": ["This order allows `skip` or `page` only."]})
        table = self.model.__table__.alias("anchor")
        anchor = select(*(table.c[key.key] for key in keys)).where(table.c.id == bindparam("after"))
        row, last = tuple_(*keys), anchor.scalar_subquery()
        return row < last if directions == {True} else row > last

    def _require(self, session: Session, after: uuid.UUID) -> None:
        if session.scalar(select(self.model.id).where(self.model.id == after)) is None:
            raise Invalid({"after": ["There is no such row."]})

    def _condition(self, name: str) -> ColumnElement[bool]:
        if name == "search":
            if not self.search:
                raise Invalid({"search": ["This list cannot be searched."]})
            return searched(*self.search).ilike(bindparam("search"))
        return self.filters[name](bindparam(name))


def _chooses_most(given: Mapping[str, Any]) -> bool:
    """Tell whether these arguments leave out but few rows; others may leave out nearly all, by their values."""
    return given.keys() <= {"after", "is_active"} and given.get("is_active") is not False


def _key(order: ColumnElement[Any]) -> ColumnElement[Any]:
    return order.element if isinstance(order, UnaryExpression) else order


def _same(order: tuple[ColumnElement[Any], ...], rows: FromClause) -> tuple[ColumnElement[Any], ...]:
    """Return an order by the keys that rows were chosen with."""
    keys = [rows.c[f"key{place}"] for place in range(len(order))]
    ends = (isinstance(each, UnaryExpression) and each.modifier is desc_op for each in order)
    return tuple(key.desc() if down else key.asc() for key, down in zip(keys, ends, strict=True))


def _part(rows: Select[Any]) -> Select[Any]:
    """Return the part of the rows that is asked for."""
    return rows.limit(bindparam("rows", type_=BigInteger)).offset(bindparam("skip", type_=BigInteger))


def belonging(session: Session, page: Page, owner: type[Identified], id: uuid.UUID) -> Page:
    """Return a page of what belongs to a row. Raises `NotFound` if it is empty since there is no such row."""
    if page.body == EMPTY:
        records.require(session, owner, id)
    return page


def _counted(found: Select[Any]) -> ColumnElement[int]:
    """Return how many rows a statement finds."""
    return select(func.count()).select_from(found.subquery("found")).scalar_subquery()


def contains(column: Column) -> Filter:
    """Return the filter of rows whose column contains a text, in either case."""
    return lambda text: func.strpos(func.lower(column), func.lower(text)) > 0


def _escaped(text: str) -> str:
    """Return the text with what LIKE reads as wildcards taken literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

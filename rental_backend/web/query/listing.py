"""Lists: one declaration says what may be filtered, searched and sorted, and one statement answers a page of it.

PostgreSQL writes the JSON. `paging.py` says how a page is chosen, `envelopes.py` what stands around its rows.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from marshmallow import Schema
from sqlalchemy import ColumnElement, ScalarSelect, Select, bindparam, func, literal_column, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session
from sqlalchemy.sql.visitors import iterate

from ...errors import Invalid
from ...infra.postgres.compiled import Compiled
from ...models import searched
from ...schemas import Browsing, Payload
from . import days, keys, totals
from .conditions import Column, Condition, Filter, Joined, Whole, pattern
from .envelopes import ARRAY, Envelope
from .keys import Order
from .paging import COUNTED, EMPTY, PAGING, Page, paged
from .projection import columns


@dataclass(frozen=True, eq=False)
class Listing:
    """A list of rows of a model: in what order and envelope, and what callers may ask of it by the form `query`.

    `search` is what the parameter `search` looks at. `filters` and `sorts` name columns, `is_active` is a filter of
    every model that has it; a parameter that is more than equality has its function in `conditions`, which gets the
    value as a bound parameter. `dates` names columns whose range of days may be asked for (`<name>_from`, `<name>_to`,
    see `days.py`), `sums` those whose totals the envelope holds. Only rows that fit `where` are in the list at all.
    `warm` are queries whose answers are to be at hand in an outage.

    Statements are built once for each combination of filters and orders and then only executed.
    """

    model: Any
    schema: type[Schema]
    order: Order
    query: type[Payload] = Browsing
    search: tuple[Column, ...] = ()
    filters: tuple[str, ...] = ()
    conditions: Mapping[str, Filter] = field(default_factory=dict)
    sorts: tuple[str | Joined, ...] = ()
    dates: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    envelope: Envelope = ARRAY
    warm: tuple[Mapping[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuse sums that the answer would not hold, or not document."""
        form = self.envelope.form
        if self.sums and (not self.envelope.names or (form and "sums" not in form().fields)):
            raise TypeError(f"The envelope of {self.model.__name__} has no place for sums.")

    @cached_property
    def takes(self) -> Payload:
        """The form of its query: what `query` declares, and the days."""
        if not self.dates:
            return self.query()
        more = {**days.parameters(self.dates), "__doc__": self.query.__doc__}
        made: Payload = type(self.query.__name__, (self.query,), more)()
        return made

    @cached_property
    def returns(self) -> Schema:
        """The form of its answer in the envelope."""
        return self.envelope.documented(self.schema, self.sums)

    def answer(self, session: Session, arguments: Mapping[str, object]) -> Page:
        """Return the rows that fit the arguments, in the envelope. Raises what `page` raises."""
        page, sums = self._read(session, arguments, self.sums)
        return self.envelope.wrap(page, paged(arguments), sums)

    def members(self, session: Session, arguments: Mapping[str, object]) -> dict[str, Any]:
        """Return the members of the envelope, for a view that answers more than the list."""
        page, sums = self._read(session, arguments, self.sums)
        return self.envelope.members(page, paged(arguments), sums)

    def page(self, session: Session, arguments: Mapping[str, object]) -> Page:
        """Return the rows that fit the arguments, as an array.

        Raises `Invalid` for an unknown `sort_field` or `after`, for a `search` where nothing is searched, and for days
        that are no range.
        """
        return self._read(session, arguments, ())[0]

    def _read(
        self, session: Session, arguments: Mapping[str, object], sums: tuple[str, ...]
    ) -> tuple[Page, str | None]:
        """Return the rows that fit the arguments, and the sums of all such rows as a JSON object, None without any."""
        skip, rows = paged(arguments)
        sort, count = (arguments.get("sort_field"), arguments.get("sort_direction")), arguments.get("count")
        given: dict[str, Any] = {
            name: value for name, value in arguments.items() if value is not None and name not in PAGING
        }
        if "search" in given:
            given["search"] = pattern(given["search"])
        if self.dates:
            given |= days.bounds(session, self.model, self.dates, given)
        statement = self._statement(frozenset(given), sort, count, sums)
        values = {**given, "rows": rows, "skip": skip}
        text, total, *summed = statement.first(session, values, usual=_chooses_most(given)) or ("[]", 0)
        body = bytes(text, "utf-8")
        if body == EMPTY and "after" in given:
            self._require(session, given["after"])
        page = Page(body, total)
        if total is None and count != "none":  # more than are counted, and the page is full or beyond the end
            page = Page(body, COUNTED if body == EMPTY else max(COUNTED, skip + rows), exact=False)
        return page, summed[0] if summed else None

    @lru_cache(maxsize=512)  # noqa: B019 - listings are module constants
    def _statement(
        self, names: frozenset[str], sort: tuple[Any, Any], count: str | None, sums: tuple[str, ...] = ()
    ) -> Compiled:
        """Build the statement: the page as JSON, the total (see `totals.total`), and the sums if there are any."""
        order, joined = self._order(*sort)
        conditions: list[Condition] = [*self.where, *(self._condition(name) for name in sorted(names - {"after"}))]
        found: Select[Any] = select(literal_column("1")).select_from(self.model).where(*conditions)
        more = [totals.sums(self.model, sums, [*conditions])] if sums else []
        if "after" in names:
            conditions.append(keys.after(self.model, () if joined else order))
        if self._looks_up or joined:
            chosen = keys.chosen(self.model, order, joined).where(*conditions)
            if "after" not in names and any(isinstance(self._filters.get(name), Whole) for name in names):
                fit = chosen.cte("fit")
                found, chosen, order = select(literal_column("1")).select_from(fit), select(fit), keys.same(order, fit)
            page = self._shown(keys.limited(chosen.order_by(*order)), order)
        else:
            page = keys.limited(select(*columns(self.schema, self.model)).where(*conditions).order_by(*order))
        array = func.coalesce(func.json_agg(literal_column("page")), literal_column("'[]'::json")).cast(SqlText)
        total = totals.total(found, count, keyed="after" in names)
        return Compiled(select(array, total, *more).select_from(page.subquery("page")))

    def _shown(self, ids: Select[Any], order: Order) -> Select[Any]:
        """Return the rows that were chosen, whole."""
        chosen = ids.subquery("chosen")
        rows = select(*columns(self.schema, self.model)).join(chosen, chosen.c.id == self.model.id)
        return rows.order_by(*keys.same(order, chosen))

    @cached_property
    def _looks_up(self) -> bool:
        """Whether showing a row takes look-ups in other tables: then those on the page are chosen before."""
        parts = (part for column in columns(self.schema, self.model) for part in iterate(column))
        return hasattr(self.model, "id") and any(isinstance(part, ScalarSelect) for part in parts)

    @cached_property
    def _filters(self) -> dict[str, Filter]:
        """The conditions of all parameters by their names."""
        names = (*(("is_active",) if hasattr(self.model, "is_active") else ()), *self.filters)
        equal = {name: getattr(self.model, name).__eq__ for name in names}
        return {**equal, **self.conditions, **dict(days.filters(self.model, self.dates))}

    def _order(self, name: str | None, direction: str | None) -> tuple[Order, Joined | None]:
        """Return the order asked for, made total by the id, and the table it takes; or the usual one."""
        if name is None:
            return self.order, None
        sorts = {each.name if isinstance(each, Joined) else each: each for each in self.sorts}
        if name not in sorts:
            raise Invalid({"sort_field": [f"Must be one of: {', '.join(sorted(sorts))}."]})
        wanted = sorts[name]
        joined = wanted if isinstance(wanted, Joined) else None
        sorted_by = (joined.column if joined else getattr(self.model, name), self.model.id)
        return tuple(key.desc() if direction == "desc" else key.asc() for key in sorted_by), joined

    def _require(self, session: Session, after: uuid.UUID) -> None:
        if session.scalar(select(self.model.id).where(self.model.id == after)) is None:
            raise Invalid({"after": ["There is no such row."]})

    def _condition(self, name: str) -> ColumnElement[bool]:
        if name == "search":
            if not self.search:
                raise Invalid({"search": ["This list cannot be searched."]})
            return searched(*self.search).ilike(bindparam("search"))
        return self._filters[name](bindparam(name))


def _chooses_most(given: Mapping[str, object]) -> bool:
    """Tell whether these arguments leave out but few rows; others may leave out nearly all, by their values."""
    return given.keys() <= {"after", "is_active"} and given.get("is_active") is not False

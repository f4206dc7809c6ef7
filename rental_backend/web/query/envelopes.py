"""The five envelopes of a list: what stands around its rows in the JSON. A `Listing` declares one of them.

    ARRAY                [row, …]                               the total is in the header X-Total-Count only
    PAGES                {"items": [row, …], "total": 7, "page": 1, "page_size": 100, "total_pages": 1,
                          "has_next": false, "has_previous": false}
    named(UserList)      {"users": [row, …], "total": 7}        under each name that the form declares as a list
    part(EntryList)      {"entries": [row, …], "total": 7, "skip": 0, "limit": 100}
    paginated("rows")    {"rows": [row, …], "pagination": {"skip": 0, "limit": 100, "total": 7,
                          "has_next": false, "has_previous": false}}       a part of a larger answer

All but the array take the sums of a listing as one more member: `"sums": {"price": 12.5}`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from marshmallow import Schema, fields

from ... import schemas
from .paging import EMPTY, Page, Paged


@dataclass(frozen=True)
class Envelope:
    """The rows of a page under each of the `names`, then what `numbers` says of the page; without names, the rows.

    `form` is how the object is documented, where that does not follow from the rows.
    """

    names: tuple[str, ...]
    numbers: Callable[[Page, Paged], dict[str, Any]]
    form: type[schemas.Envelope] | None = None

    def members(self, page: Page, part: Paged, sums: str | None = None) -> dict[str, Any]:
        """Return the members of the object, for a view that answers more than the list. `sums` is a JSON object."""
        rows = dict.fromkeys(self.names, orjson.Fragment(page.body))
        summed = {} if sums is None else {"sums": orjson.Fragment(sums)}
        return {**rows, **self.numbers(page, part), **summed}

    def wrap(self, page: Page, part: Paged, sums: str | None = None) -> Page:
        """Return a page in the envelope."""
        return page._replace(body=orjson.dumps(self.members(page, part, sums))) if self.names else page

    def documented(self, row: type[Schema], sums: tuple[str, ...]) -> Schema:
        """Return the form of the answer, whose rows have a form."""
        if self.form is not None:
            return self.form()
        return _numbered(row, sums) if self.names else row(many=True)


def _total(page: Page, _: Paged) -> dict[str, Any]:
    return {"total": page.total or 0}


def _pages(page: Page, part: Paged) -> dict[str, Any]:
    total = page.total or 0
    number, pages = part.skip // part.rows + 1, -(-total // part.rows)
    more = number < pages if page.exact else page.body != EMPTY  # a total that is only the least is not the end
    numbers = {"total": total, "page": number, "page_size": part.rows, "total_pages": pages}
    return {**numbers, "has_next": more, "has_previous": number > 1}


def _part(page: Page, part: Paged) -> dict[str, Any]:
    return {"total": page.total or 0, "skip": part.skip, "limit": part.rows}


def _pagination(page: Page, part: Paged) -> dict[str, Any]:
    total = page.total or 0
    where = {"skip": part.skip, "limit": part.rows, "total": total}
    return {"pagination": {**where, "has_next": part.skip + part.rows < total, "has_previous": part.skip > 0}}


def _numbered(row: type[Schema], sums: tuple[str, ...]) -> Schema:
    """Return the form of `PAGES`."""
    numbers = {name: fields.Integer() for name in ("page", "page_size", "total_pages")}
    ends = {name: fields.Boolean() for name in ("has_next", "has_previous")}
    told = {"__doc__": "A page of a list, with its number and the number of pages."}
    name = row.__name__.removesuffix("Schema")
    members = {"items": fields.List(fields.Nested(row)), **numbers, **ends, **told}
    if sums:
        totals = {"__doc__": "Totals over all rows that fit, whatever the page."}
        kind = type(f"{name}Sums", (schemas.Output,), {**{each: fields.Decimal() for each in sums}, **totals})
        members["sums"] = fields.Nested(kind)
    made: Schema = type(f"{name}Page", (schemas.Envelope,), members)()
    return made


ARRAY = Envelope((), _total)
PAGES = Envelope(("items",), _pages)


def named(form: type[schemas.Envelope]) -> Envelope:
    """Return the envelope of the rows and the total, as the form declares it."""
    return Envelope(_lists(form), _total, form)


def part(form: type[schemas.Envelope]) -> Envelope:
    """Return the envelope of the rows, the total, and which part was asked for, as the form declares it."""
    return Envelope(_lists(form), _part, form)


def paginated(name: str) -> Envelope:
    """Return the envelope of the rows under a name, and of where in the list they lie."""
    return Envelope((name,), _pagination)


def _lists(form: type[schemas.Envelope]) -> tuple[str, ...]:
    return tuple(name for name, each in form().dump_fields.items() if isinstance(each, fields.List))

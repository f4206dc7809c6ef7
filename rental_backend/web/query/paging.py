"""Which part of a list is asked for, and what answers it: a page of rows and how many rows there are.

A page is chosen by offset (`skip` and `limit`, or `page` and `page_size`) or by key: `after` is the id of the last row
seen, and costs the same however deep the page lies.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from ... import crud as records
from ...models import Identified

DEFAULT_ROWS = 100
EMPTY = b"[]"
COUNTED = 10_000  # rows a total is counted to unless an exact one is asked for: nobody pages to the end of more
PAGING = frozenset({"skip", "limit", "page", "page_size", "count", "sort_field", "sort_direction"})  # not the rows


class Page(NamedTuple):
    """A page as bytes of JSON, and the number of all rows: None if not counted, the least it can be unless `exact`."""

    body: bytes
    total: int | None
    exact: bool = True


class Paged(NamedTuple):
    """Which part of a list is asked for."""

    skip: int
    rows: int


def paged(arguments: Mapping[str, Any]) -> Paged:
    """Return the part that `skip` and `limit`, or `page` (from 1) and `page_size`, name."""
    rows = arguments.get("limit") or arguments.get("page_size") or DEFAULT_ROWS
    return Paged(arguments.get("skip") or ((arguments.get("page") or 1) - 1) * rows, rows)


def belonging(session: Session, page: Page, owner: type[Identified], id: Any) -> Page:
    """Return a page of what belongs to a row. Raises `NotFound` if it is empty since there is no such row."""
    if page.body == EMPTY:
        records.require(session, owner, id)
    return page

"""Further reads of a resource, declared: lists of some of its rows, and single rows by another unique column."""

import re
from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session

from ...models import Identified
from ...schemas import MOST_ROWS, Browsing, Lookup, Payload
from ..endpoint.contracts import View
from ..endpoint.pipeline import endpoint
from ..query import projection
from ..query.paging import Page, belonging
from .resource import Resource


def add_list(
    bp: Blueprint,
    resource: Resource[Any],
    path: str,
    said: str,
    *,
    query: type[Payload] | None = None,
    rows: int | None = None,
    owner: type[Identified] | None = None,
    read_as: dict[str, str] | None = None,
    **fixed: Any,
) -> None:
    """Add `GET <path>`: the rows that fit `fixed` and the caller's filters, as an array. `said` is its docstring.

    It has `rows` if the caller does not say how many. `read_as` maps what a path or a form calls a filter to its name.
    If nothing fits, and there is no `owner` of the `id` in the path either, it is 404.
    """
    names = read_as or {}

    def browse(session: Session, **arguments: Any) -> Page:
        given = {names.get(name, name): value for name, value in arguments.items()}
        page = resource.listing.page(session, {"limit": rows, **given, **fixed})
        return belonging(session, page, owner, arguments["id"]) if owner else page

    form, rows_form = query() if query else resource.listing.takes, resource.listing.schema(many=True)
    _add(bp, resource, path, said, browse, query=form, returns=rows_form)


def add_one(bp: Blueprint, resource: Resource[Any], path: str, said: str) -> None:
    """Add `GET <path>`, whose variable names a unique column: the row with that value."""

    def show(session: Session, **key: str) -> bytes:
        ((column, value),) = key.items()
        return projection.one(session, resource.schema, resource.model, value, column)

    _add(bp, resource, path, said, show, returns=resource.schema())


def add_search(bp: Blueprint, resource: Resource[Any], query: type[Lookup] = Lookup) -> None:
    """Add `GET /search`: the rows that contain the text `q`, or the rows that `query` describes."""
    add_list(bp, resource, "/search", f"Search {resource.called.plural} by a text.", query=query)


def add_active(bp: Blueprint, resource: Resource[Any]) -> None:
    """Add `GET /active`: all rows that are not retired, or the rows of them that fit `search`."""
    said = f"List active {resource.called.plural}."
    add_list(bp, resource, "/active", said, query=Browsing, rows=MOST_ROWS, is_active=True)


def _add(bp: Blueprint, resource: Resource[Any], path: str, said: str, view: View, **declared: Any) -> None:
    """Add a view, named by its path, for everybody who may see the resource."""
    view.__name__ = re.sub(r"\W+", "_", re.sub("<.*?>", "", path)).strip("_")
    view.__doc__ = said
    bp.get(path)(endpoint(needs=resource.reads, permission=resource.permissions.view, **declared)(view))

"""Plain create, read, change and retire, declared: a `Resource` yields a Flask `Blueprint` to which verbs are added.

One declaration drives validation, permission, needs, degraded answer, documentation and the projection that is read.
What is not plain is a service function in the declaration, or an ordinary view on the blueprint; there are no hooks.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic

from flask import Blueprint
from marshmallow import Schema, fields
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from ... import crud as records
from ...crud import Row
from ...models import Retirable
from ...schemas import Browsing, Envelope, Payload
from ..endpoint.etags import require_match
from ..endpoint.needs import Needs
from ..endpoint.pipeline import endpoint
from ..endpoint.principal import Principal
from ..query import projection
from ..query.listing import EMPTY, Column, Filter, Joined, Listing, Page, paged
from .wording import Noun, says

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Permissions:
    """The four permissions of a resource; `Permissions.of("CUSTOMER")` are CUSTOMER_VIEW and so on."""

    view: str
    create: str
    update: str
    delete: str

    @classmethod
    def of(cls, name: str) -> "Permissions":
        """Return the usual four of a name."""
        return cls(f"{name}_VIEW", f"{name}_CREATE", f"{name}_UPDATE", f"{name}_DELETE")


def _create(model: type[Retirable]) -> Callable[[Session, str, Fields], Any]:
    return lambda session, actor, fields: records.create(session, model(**fields), actor)


def _change(_: Session, row: Any, actor: str, fields: Fields) -> Any:
    return records.change(row, actor, fields)


def _retire(_: Session, row: Any, actor: str) -> Any:
    return records.retire(row, actor)


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource(Generic[Row]):
    """A table that is listed, shown, created, changed and retired below `prefix`.

    `accepts` and `changes` are the forms of creation and change (None: there is no such operation). `create(session,
    actor, fields)`, `change(session, row, actor, fields)` and `retire(session, row, actor)` are services that know the
    rules; `retires=False` leaves retiring out. With `pages` a list is an object that counts its pages, else an array.
    `row_schema` is what a row of the list holds, if not the same as one alone.
    `filters` and `sorts` name columns; a query parameter that is more than equality has its function in `conditions`,
    a sort by a column of another table stands in `joined`.
    `warm` are queries of the list whose answers are to be at hand in an outage.
    `noun` is what its rows are called, where the names of the model and of the resource do not say it.
    """

    name: str
    prefix: str
    model: type[Row]
    schema: type[Schema]
    reads: Needs
    writes: Needs
    permissions: Permissions
    order: tuple[ColumnElement[Any], ...]
    accepts: type[Payload] | None = None
    changes: type[Payload] | None = None
    query: type[Payload] = Browsing
    row_schema: type[Schema] | None = None
    search: tuple[Column, ...] = ()
    filters: tuple[str, ...] = ()
    conditions: Mapping[str, Filter] = field(default_factory=dict)
    sorts: tuple[str, ...] = ()
    joined: Mapping[str, Joined] = field(default_factory=dict)
    pages: bool = False
    warm: tuple[Mapping[str, str], ...] = ()
    create: Callable[[Session, str, Any], Any] | None = None
    change: Callable[[Session, Any, str, Any], Any] = _change
    retire: Callable[[Session, Any, str], Any] = _retire
    retires: bool = True
    noun: Noun | None = None

    @cached_property
    def listing(self) -> Listing:
        """The list of its rows, for views that answer with a part of it."""
        equal = {name: getattr(self.model, name).__eq__ for name in ("is_active", *self.filters)}
        sorts = {name: getattr(self.model, name) for name in self.sorts} | dict(self.joined)
        return Listing(
            self.model, self.row_schema or self.schema, self.order, self.search, {**equal, **self.conditions}, sorts
        )

    @cached_property
    def called(self) -> Noun:
        """What its rows are called in the document: as the model and the resource are named, unless it is declared."""
        return self.noun or Noun(records.spoken(self.model), re.sub(r"\W|_", " ", self.name))

    @property
    def maker(self) -> Callable[[Session, str, Fields], Any]:
        """The service that creates a row."""
        return self.create or _create(self.model)

    def find(self, session: Session, id: uuid.UUID) -> Row:
        """Return a row for a change, locked; raise `NotFound`, or `Changed` if the caller has seen it otherwise."""
        row = records.find(session, self.model, id)
        require_match(session, self.schema, self.model, id)
        return row

    def page(self, session: Session, arguments: Fields) -> Page:
        """Return a part of its list in the envelope of the list."""
        page = self.listing.page(session, arguments)
        return in_pages(page, arguments) if self.pages else page

    def blueprint(self) -> Blueprint:
        """Return a blueprint with its plain operations."""
        bp = Blueprint(self.name, __name__, url_prefix=self.prefix)
        self._add_reads(bp)
        if self.accepts:
            self._add_create(bp, self.accepts)
        if self.changes:
            self._add_change(bp, self.changes)
        if self.retires:
            self._add_retire(bp)
        return bp

    def _add_reads(self, bp: Blueprint) -> None:
        may, noun = self.permissions.view, self.called

        @bp.get("/")
        @endpoint(
            needs=self.reads,
            permission=may,
            query=self.query(),
            returns=_paged(self.listing.schema) if self.pages else self.listing.schema(many=True),
            warm=self.warm,
        )
        @says(f"List {noun.plural}. Soft-deleted {noun.plural} are left out unless the filters ask for them.")
        def browse(session: Session, **arguments: Any) -> Page:
            return self.page(session, arguments)

        @bp.get("/<uuid:id>")
        @endpoint(needs=self.reads, permission=may, returns=self.schema())
        @says(f"Show {noun.one}. A soft-deleted {noun.singular} is shown, too.")
        def show(session: Session, id: uuid.UUID) -> bytes:
            return projection.one(session, self.schema, self.model, id)

    def _add_create(self, bp: Blueprint, form: type[Payload]) -> None:
        may, make = self.permissions.create, self.maker

        @bp.post("/")
        @endpoint(needs=self.writes, permission=may, accepts=form(), returns=self.schema(), status=201)
        @says(f"Create {self.called.one}.")
        def create(session: Session, principal: Principal, **fields: Any) -> Any:
            return make(session, principal.username, fields)

    def _add_change(self, bp: Blueprint, form: type[Payload]) -> None:
        may = self.permissions.update

        @bp.route("/<uuid:id>", methods=["PUT", "PATCH"])
        @endpoint(needs=self.writes, permission=may, accepts=form(), returns=self.schema())
        @says(f"Change {self.called.one}. Fields that are not sent keep their values.")
        def change(session: Session, principal: Principal, id: uuid.UUID, **fields: Any) -> Any:
            return self.change(session, self.find(session, id), principal.username, fields)

    def _add_retire(self, bp: Blueprint) -> None:
        may, noun = self.permissions.delete, self.called

        @bp.delete("/<uuid:id>")
        @endpoint(needs=self.writes, permission=may)
        @says(f"Soft-delete {noun.one}. The {noun.singular} leaves the lists. The row, and what refers to it, stay.")
        def retire(session: Session, principal: Principal, id: uuid.UUID) -> None:
            self.retire(session, self.find(session, id), principal.username)


def _paged(row: type[Schema]) -> Envelope:
    """Return the form of `in_pages`."""
    numbers = {name: fields.Integer() for name in ("page", "page_size", "total_pages")}
    ends = {name: fields.Boolean() for name in ("has_next", "has_previous")}
    told = {"__doc__": "A page of a list, with its number and the number of pages."}
    name = f"{row.__name__.removesuffix('Schema')}Page"
    members = {"items": fields.List(fields.Nested(row)), **numbers, **ends, **told}
    made: Envelope = type(name, (Envelope,), members)()
    return made


def in_pages(page: Page, arguments: Mapping[str, Any]) -> Page:
    """Return a list as an object: `items`, `total`, `page`, `page_size`, `total_pages`, `has_next`, `has_previous`."""
    skip, rows = paged(arguments)
    total = page.total or 0
    number, pages = skip // rows + 1, -(-total // rows)
    more = number < pages if page.exact else page.body != EMPTY  # a total that is only the least is not the end
    members = b'"page":%d,"page_size":%d,"total_pages":%d' % (number, rows, pages)
    ends = b'"has_next":%b,"has_previous":%b' % tuple(str(end).lower().encode() for end in (more, number > 1))
    return Page(b'{"items":%b,"total":%d,%b,%b}' % (page.body, total, members, ends), page.total, page.exact)

"""Plain create, read, change and retire, declared: a `Resource` yields a Flask `Blueprint` to which verbs are added.

One declaration drives validation, permission, needs, degraded answer, documentation and the projection that is read.
What is not plain is a service function in the declaration, or an ordinary view on the blueprint; there are no hooks.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic

from flask import Blueprint
from marshmallow import Schema
from sqlalchemy.orm import Session

from ... import crud as records
from ...crud import Row
from ...models import Retirable
from ...schemas import Payload
from ..endpoint.etags import require_match
from ..endpoint.needs import Needs
from ..endpoint.pipeline import endpoint
from ..endpoint.principal import Principal
from ..query import projection
from ..query.listing import Listing
from ..query.paging import Page
from .wording import Noun, says

Fields = dict[str, Any]
Maker = Callable[[Session, str, Any], Any]  # of a row, from a session, the name of who makes it, and its fields


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

    `listing` says what a list of its rows takes and answers. `accepts` and `changes` are the forms of creation and
    change (None: there is no such operation). `create(session, actor, fields)`, `change(session, row, actor, fields)`
    and `retire(session, row, actor)` are services that know the rules; `retire=None` leaves retiring out.
    """

    name: str
    prefix: str
    model: type[Row]
    schema: type[Schema]
    listing: Listing
    reads: Needs
    writes: Needs
    permissions: Permissions
    accepts: type[Payload] | None = None
    changes: type[Payload] | None = None
    create: Maker | None = None
    change: Callable[[Session, Any, str, Any], Any] = _change
    retire: Callable[[Session, Any, str], Any] | None = _retire

    @cached_property
    def called(self) -> Noun:
        """What its rows are called in the document: as the model and the resource are named."""
        return Noun(records.spoken(self.model), re.sub(r"\W|_", " ", self.name))

    @property
    def maker(self) -> Maker:
        """The service that creates a row."""
        return self.create or _create(self.model)

    def find(self, session: Session, id: uuid.UUID) -> Row:
        """Return a row for a change, locked; raise `NotFound`, or `Changed` if the caller has seen it otherwise."""
        row = records.find(session, self.model, id)
        require_match(session, self.schema, self.model, id)
        return row

    def page(self, session: Session, arguments: Fields) -> Page:
        """Return a part of its list in the envelope of the list."""
        return self.listing.answer(session, arguments)

    def blueprint(self) -> Blueprint:
        """Return a blueprint with its plain operations."""
        bp = Blueprint(self.name, __name__, url_prefix=self.prefix)
        self._add_reads(bp)
        if self.accepts:
            self._add_create(bp, self.accepts)
        if self.changes:
            self._add_change(bp, self.changes)
        if self.retire:
            self._add_retire(bp, self.retire)
        return bp

    def _add_reads(self, bp: Blueprint) -> None:
        may, noun = self.permissions.view, self.called

        @bp.get("/")
        @endpoint(
            needs=self.reads,
            permission=may,
            query=self.listing.takes,
            returns=self.listing.returns,
            warm=self.listing.warm,
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

    def _add_retire(self, bp: Blueprint, service: Callable[[Session, Any, str], Any]) -> None:
        may, noun = self.permissions.delete, self.called

        @bp.delete("/<uuid:id>")
        @endpoint(needs=self.writes, permission=may)
        @says(f"Soft-delete {noun.one}. The {noun.singular} leaves the lists. The row, and what refers to it, stay.")
        def retire(session: Session, principal: Principal, id: uuid.UUID) -> None:
            service(session, self.find(session, id), principal.username)

"""Many rows at once: import with messages for each row and a dry run, export as a stream that holds no connection."""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import sqlalchemy.exc
from flask import Blueprint
from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy.orm import Session

from ...errors import AppError, Invalid
from ...infra.postgres.constraint_errors import constraint_error
from ...infra.postgres.database import Database
from ...resilience import budget
from ...schemas import MOST_ROWS, Payload, names_of
from ..endpoint.context import current_services
from ..endpoint.field_permissions import GuardedForm, guarded_form, permitted_rows
from ..endpoint.pipeline import endpoint
from ..endpoint.principal import Principal
from ..endpoint.request_parsing import FORMULA, SentRows
from ..endpoint.streams import Stream
from ..endpoint.tables import folded
from ..query import days
from ..query.listing import Listing
from ..query.paging import PAGING
from .resource import Maker, Resource
from .wording import says

MEDIA_TYPES = {"json": "application/json", "jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
# D67: an import has more time than a request.
LONGEST = 20.0  # seconds for all rows of an import; each statement still has the database's deadline


class ImportQuery(Payload):
    """The kind of an import: `dry_run=true` answers what would happen, and stores nothing.

    `ignore_unknown=true` passes over columns that are not known, in the files of other programs.
    """

    dry_run = fields.Boolean(load_default=False)
    ignore_unknown = fields.Boolean(load_default=False)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of an import by their line or number: what fits the form, and the messages about what does not.

    `ignored` are the fields that were passed over, because only answers have them or because nobody knows them.
    """

    valid: dict[int, dict[str, Any]] = field(default_factory=dict)
    errors: dict[int, dict[str, Any]] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)

    def permitted(self, caller: Principal, form: GuardedForm | None) -> "Rows":
        """Return the rows without those whose fields take a permission that the caller lacks."""
        valid, refused = permitted_rows(caller, form, self.valid)
        return replace(self, valid=valid, errors=self.errors | refused)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of the rows of an import, by their line or number, and which fields were passed over."""

    made: dict[int, str]
    errors: dict[int, dict[str, Any]]
    ignored: set[str]

    def said(self, *, dry_run: bool) -> dict[str, Any]:
        """Return it is answered."""
        faults = [{"row": row, "errors": self.errors[row]} for row in sorted(self.errors)]
        return {
            "dry_run": dry_run,
            "total_rows": len(self.made) + len(faults),
            "successful_imports": len(self.made),
            "failed_imports": len(faults),
            "ids": [] if dry_run else list(self.made.values()),
            "errors": faults,
            "ignored_fields": sorted(self.ignored),
        }


def add_import(
    bp: Blueprint,
    resource: Resource[Any],
    permission: str,
    *,
    accepts: type[Payload] | None = None,
    make: Maker | None = None,
) -> None:
    """Add `POST /import`: each row is created like a single one, or not at all; what is wrong with it is answered.

    `accepts` is the form of a row and `make` the service that creates it, where rows say names in place of ids.
    """
    each = accepts or resource.accepts
    if each is None:
        raise TypeError(f"{resource.name} cannot be created.")
    form, answered, maker = each(many=True), frozenset(resource.schema().dump_fields), make or resource.maker
    guarded = guarded_form(form)

    @bp.post("/import")
    @endpoint(needs=resource.writes, permission=permission, query=ImportQuery(), accepts=form)
    @says(
        f"Import {resource.called.plural}. The body is a JSON array, JSON lines or CSV. "
        "A row that is refused stops no other row: the answer names it by its line in the file, "
        "in a JSON array by its number. Fields that only answers have are passed over."
    )
    def import_rows(
        session: Session, principal: Principal, rows: SentRows, dry_run: bool, ignore_unknown: bool
    ) -> dict[str, Any]:
        fit = checked(rows, form, answered, anything=ignore_unknown).permitted(principal, guarded)
        with budget(LONGEST), session.begin_nested() as all_rows:
            outcome = _make(session, maker, principal.username, fit)
            if dry_run:
                all_rows.rollback()
        return outcome.said(dry_run=dry_run)


# D127: an export is imported again.
def checked(sent: SentRows, form: Schema, answered: frozenset[str], *, anything: bool) -> Rows:
    """Return which rows fit a form. Fields that only answers have are passed over, with `anything` all unknown ones.

    A row that does not fit stops no other. Raises `Invalid`, which names each column of a table that is not known.
    """
    known, rows = names_of(form), Rows(errors=dict(sent.faults))
    unknown = [name for name in sent.columns if name not in known and folded(name) not in answered]
    if unknown and not anything:
        raise Invalid({name: ["There is no such column. `ignore_unknown=true` passes over it."] for name in unknown})
    for number, row in sent.rows.items():
        if not isinstance(row, dict):
            rows.errors[number] = {"row": ["Must be an object."]}
            continue
        spare = {name for name in row if name not in known and (anything or folded(name) in answered)}
        rows.ignored.update(spare)
        try:
            rows.valid[number] = form.load({name: row[name] for name in row if name not in spare}, many=False)
        except ValidationError as error:
            rows.errors[number] = error.messages_dict
    return rows


def _make(session: Session, maker: Maker, actor: str, rows: Rows) -> ImportResult:
    outcome = ImportResult({}, dict(rows.errors), rows.ignored)
    for number, values in rows.valid.items():
        try:
            with session.begin_nested():
                made = maker(session, actor, days.settled(session, values))
                session.flush()
                outcome.made[number] = str(made.id)
        except (AppError, sqlalchemy.exc.DBAPIError) as error:
            refused = error if isinstance(error, AppError) else constraint_error(error)
            if refused is None or refused.status >= 500:  # an outage, not a fault of the row: nothing is stored
                raise
            outcome.errors[number] = refused.members.get("errors", {"row": [refused.detail]})
    return outcome


def add_export(bp: Blueprint, resource: Resource[Any], permission: str) -> None:
    """Add `GET /export`: all rows that fit the filters, as JSON, JSON lines or CSV, in the order of their ids."""
    listing = replace(resource.listing, order=(resource.model.id.asc(),))
    formats = fields.String(load_default="json", validate=validate.OneOf(list(MEDIA_TYPES)))
    told = {"__doc__": "The filters and the format of an export."}
    query = type("ExportQuery", (type(listing.takes),), {"format": formats, **told})
    names = list(listing.schema().dump_fields)

    @bp.get("/export")
    @endpoint(
        needs=resource.reads.fresh(replica=False),
        permission=permission,
        query=query(),
        returns=listing.schema(many=True),
        media=tuple(media.partition(";")[0] for media in MEDIA_TYPES.values()),
    )
    @says(
        f"Export {resource.called.plural}. All rows that fit the filters are sent, "
        "as a stream of JSON, JSON lines or CSV in the order of their ids."
    )
    def export(format: str, **arguments: Any) -> Stream:
        chosen = {name: value for name, value in arguments.items() if name not in PAGING and name != "after"}
        chunks = _chunks(current_services().database, listing, chosen)
        first = next(chunks, [])  # an outage is told by the status as long as nothing was sent
        written = _written(format, itertools.chain((first,), chunks), names)
        return Stream(written, MEDIA_TYPES[format], f"{resource.name}.{format}")


def _chunks(database: Database, listing: Listing, chosen: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield all rows, a thousand at a time, each time on a connection that is given back before they are sent."""
    after: dict[str, Any] = {}
    while True:
        with database.reading() as session:
            page = listing.page(session, {**chosen, **after, "limit": MOST_ROWS, "count": "none"})
        rows: list[dict[str, Any]] = orjson.loads(page.body)
        if rows:
            yield rows
        if len(rows) < MOST_ROWS:
            return
        after = {"after": rows[-1]["id"]}


def _written(format: str, chunks: Iterable[list[dict[str, Any]]], names: list[str]) -> Iterator[bytes]:
    match format:
        case "csv":
            yield _line(names)
            for rows in chunks:
                yield b"".join(_line([_cell(row[name]) for name in names]) for row in rows)
        case "jsonl":
            for rows in chunks:
                yield b"".join(orjson.dumps(row) + b"\n" for row in rows)
        case _:
            opening = b"["
            for rows in chunks:
                yield opening + b",".join(map(orjson.dumps, rows)) if rows else opening
                opening = b","
            yield b"]"


def _line(cells: list[Any]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()


# D68: what a spreadsheet would run gets an apostrophe.
def _cell(value: Any) -> Any:
    """Return a value as a cell: no spreadsheet takes it for a formula, and what is no text is JSON."""
    if isinstance(value, str):
        return f"'{value}" if FORMULA.match(value) else value
    return value if value is None or isinstance(value, int | float) else orjson.dumps(value).decode()

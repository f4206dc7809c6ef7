"""Reading what was sent: JSON bodies and query strings, checked against their schemas, and rows as they came."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson
from flask import Request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ...errors import BadRequest, Invalid, UnsupportedMedia
from ...schemas import MOST_ROWS, names_of
from . import tables
from .tables import doubled, said_twice

ROWS_OF = "application/json", "application/x-ndjson", "text/csv"
# What a spreadsheet would run (OWASP, CSV injection), or that made harmless: after blanks and what nobody sees, a sign
# as on a keyboard, full width, small, raised or lowered, or the minus of mathematics.
UNSEEN = (
    r"\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
SIGNS = r"=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207c\u207a\u207b\u208c\u208a\u208b\u2212"
FORMULA = re.compile(f"['{UNSEEN}]*[{SIGNS}]")


@dataclass(frozen=True, slots=True)
class SentRows:
    """Rows as they were sent, by the line of the file, in a JSON array by their number from 1.

    `columns` are named by the header of a table, and `faults` tell of rows that do not go with it.
    """

    rows: Mapping[int, Any]
    columns: tuple[str, ...] = ()
    faults: Mapping[int, dict[str, Any]] = field(default_factory=dict)


def read_body(request: Request, schema: Schema, *, deepest: int) -> dict[str, Any]:
    """Return the fields of a body, which is nested at most `deepest` levels.

    Raises 400 (cut off, broken JSON), 413 (too large), 415 (not JSON) and 422 (schema).
    """
    raw = received(request)
    if raw and not request.is_json:
        raise UnsupportedMedia(f"Send application/json, not {request.mimetype or 'an unnamed type'}.")
    data = _parsed(raw, deepest) if raw else {}
    if not isinstance(data, dict):
        raise Invalid({"body": ["Must be a JSON object."]})
    return _load(schema, data)


def read_rows(request: Request, schema: Schema, *, deepest: int) -> dict[str, SentRows]:
    """Return the `rows` of a JSON array, of JSON lines or of a table of a form's fields. Raises as `read_body`."""
    sent = _rows(request, received(request), names_of(schema), deepest)
    if not 0 < len(sent.rows) + len(sent.faults) <= MOST_ROWS:
        raise Invalid({"body": [f"Must hold 1 to {MOST_ROWS} rows."]})
    return {"rows": sent}


def _rows(request: Request, raw: bytes, known: Iterable[str], deepest: int) -> SentRows:
    match request.mimetype:
        case "application/json":
            data = _parsed(raw, deepest) if raw else []
            if not isinstance(data, list):
                raise Invalid({"body": ["Must be a JSON array."]})
            return SentRows(dict(enumerate(data, 1)))
        case "application/x-ndjson":
            lines = enumerate(raw.splitlines(), 1)
            return SentRows({number: _parsed(line, deepest) for number, line in lines if line.strip()})
        case media_type if media_type in tables.MEDIA_TYPES:
            table = tables.read_table(raw, request.mimetype_params.get("charset"), known, _plain)
            return SentRows(table.rows, table.columns, table.faults)
    raise UnsupportedMedia(f"Send one of {', '.join(ROWS_OF)}, not {request.mimetype or 'an unnamed type'}.")


def _plain(cell: str) -> str:
    """Take off the apostrophe that an export puts before what looks like a formula."""
    return cell[1:] if cell and cell[0] == "'" and FORMULA.match(cell) else cell


def _parsed(raw: bytes, deepest: int) -> Any:
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None
    if _deeper_than(data, deepest):
        raise BadRequest(f"The body is nested deeper than {deepest} levels.", code="json_too_deep")
    _require_once(raw)
    return data


# D127: what is said twice is refused.
def _require_once(raw: bytes) -> None:
    """Refuse JSON that has a key twice in an object: every reader of it would keep another one of both."""
    twice: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) < len(pairs):
            twice.extend(doubled(name for name, _ in pairs))

    json.loads(raw, object_pairs_hook=look, parse_int=len, parse_float=len)
    if twice:
        raise said_twice(twice)


def received(request: Request) -> bytes:
    """Return the body as it was sent. Raises 400 (cut off) and 413 (too large)."""
    try:
        raw = request.get_data()
    except HTTPException:
        raise
    except Exception as error:  # of the server that parses HTTP: chunks that are none, a client that left
        raise BadRequest("The body could not be read.", code="unreadable_body") from error
    if request.content_length is None and len(raw) >= (request.max_content_length or math.inf):
        raise RequestEntityTooLarge  # sent in chunks, which Werkzeug cuts off at the limit
    return raw


def read_query(request: Request, schema: Schema) -> dict[str, Any]:
    """Return the query's parameters. Raises 422 by the schema, and for one that is given several times."""
    return dict(_query(schema, request.query_string))


# D15: a query string that was read is not read again.
@lru_cache(maxsize=1024)
def _query(schema: Schema, raw: bytes) -> dict[str, Any]:
    """Read a query string; pages ask with the same few again and again."""
    given = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)
    if twice := doubled(name for name, _ in given):
        raise said_twice(twice)
    return _load(schema, dict(given))


def _load(schema: Schema, data: dict[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(data)
    except ValidationError as error:
        raise Invalid(error.messages_dict) from None
    return loaded


def _deeper_than(value: Any, levels: int) -> bool:
    """Tell whether lists and objects are nested deeper than `levels`, without recursion."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return False
    return True

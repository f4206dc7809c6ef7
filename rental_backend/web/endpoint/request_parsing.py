"""Reading what was sent: JSON bodies and query strings, checked against their schemas."""

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson
from flask import Request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ...errors import BadRequest, Invalid, UnsupportedMedia
from ...schemas import MOST_ROWS

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
class Rows:
    """Rows that were sent, by their number from 1: what fits the schema, and the messages about what does not."""

    valid: dict[int, dict[str, Any]] = field(default_factory=dict)
    errors: dict[int, dict[str, Any]] = field(default_factory=dict)


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


def read_rows(request: Request, schema: Schema, *, deepest: int) -> Rows:
    """Return the rows of a JSON array, of JSON lines or of CSV with a header. Raises as `read_body` does.

    A row that does not fit the schema stops no other: its messages are kept beside the rows that fit.
    """
    found = list(_rows(received(request), request.mimetype, deepest))
    if not 0 < len(found) <= MOST_ROWS:
        raise Invalid({"body": [f"Must hold 1 to {MOST_ROWS} rows."]})
    rows = Rows()
    for number, row in enumerate(found, 1):
        if not isinstance(row, dict):
            rows.errors[number] = {"row": ["Must be an object."]}
            continue
        try:
            rows.valid[number] = schema.load(row, many=False)
        except ValidationError as error:
            rows.errors[number] = error.messages_dict
    return rows


def _rows(raw: bytes, media_type: str, deepest: int) -> Iterable[Any]:
    match media_type:
        case "application/json":
            data = _parsed(raw, deepest) if raw else []
            if not isinstance(data, list):
                raise Invalid({"body": ["Must be a JSON array."]})
            return data
        case "application/x-ndjson":
            return [_parsed(line, deepest) for line in raw.splitlines() if line.strip()]
        case "text/csv":
            return _csv(raw)
    raise UnsupportedMedia(f"Send one of {', '.join(ROWS_OF)}, not {media_type or 'an unnamed type'}.")


def _csv(raw: bytes) -> list[Any]:
    """Read CSV in UTF-8; a cell beyond the header makes its row no object.

    The apostrophe that an export puts before what looks like a formula is taken off again.
    """
    try:
        read = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(f"The body is not valid CSV: {error}.", code="invalid_csv") from None
    return [{name: _plain(cell) for name, cell in row.items()} if None not in row else list(row) for row in read]


def _plain(cell: str | None) -> str | None:
    return cell[1:] if cell and cell[0] == "'" and FORMULA.match(cell) else cell


def _parsed(raw: bytes, deepest: int) -> Any:
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None
    if _deeper_than(data, deepest):
        raise BadRequest(f"The body is nested deeper than {deepest} levels.", code="json_too_deep")
    return data


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
    """Return the query's parameters; one given several times counts by its last value. Raises 422 by the schema."""
    return dict(_query(schema, request.query_string))


# D15: a query string that was read is not read again.
@lru_cache(maxsize=1024)
def _query(schema: Schema, raw: bytes) -> dict[str, Any]:
    """Read a query string; pages ask with the same few again and again."""
    return _load(schema, dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)))


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

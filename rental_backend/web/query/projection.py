"""From one declared schema to the SQL that answers with it: PostgreSQL writes the JSON, no row becomes an object.

The schema's fields, in order, are the members of the answer. A field reads the model's attribute of its name, or of
its `attribute`; hybrids may compute it. Timestamps come out in UTC, numbers as JSON numbers, `TextOrEmpty` never null.
"""

import uuid
from functools import lru_cache
from typing import Any

from marshmallow import Schema
from sqlalchemy import ColumnElement, bindparam, func, literal_column, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from ...crud import spoken
from ...errors import NotFound
from ...fields import TextOrEmpty
from ...infra.postgres.compiled import Compiled


# D3: PostgreSQL writes the JSON.
@lru_cache(maxsize=512)
def columns(schema: type[Schema], model: Any) -> tuple[ColumnElement[Any], ...]:
    """Return the labelled columns that make up an answer."""
    return tuple(_column(model, name, field) for name, field in schema().dump_fields.items())


def _column(model: Any, name: str, field: Any) -> ColumnElement[Any]:
    column = getattr(model, field.attribute or name)
    if isinstance(field, TextOrEmpty):
        column = func.coalesce(column, literal_column("''"))  # no parameter, which would be sent with every request
    labelled: ColumnElement[Any] = column.label(field.data_key or name)
    return labelled


@lru_cache(maxsize=512)
def _one(schema: type[Schema], model: Any, key: str) -> Compiled:
    row = select(*columns(schema, model)).where(getattr(model, key) == bindparam("value")).subquery("row")
    return Compiled(select(func.row_to_json(literal_column('"row"')).cast(SqlText)).select_from(row))


def one(session: Session, schema: type[Schema], model: Any, value: uuid.UUID | str, key: str = "id") -> bytes:
    """Return the JSON object of the row whose unique column `key` has a value, or raise `NotFound`."""
    found = _one(schema, model, key).first(session, {"value": value})
    if found is None:
        raise NotFound(f"There is no such {spoken(model)}.")
    return bytes(found[0], "utf-8")

"""Conditional changes (RFC 9110, 13): nobody overwrites what they have not seen."""

import uuid
from typing import Any

from flask import request
from marshmallow import Schema
from sqlalchemy.orm import Session

from ...errors import AppError
from ..query import projection
from .replies import entity_tag


class Changed(AppError):
    """Somebody else has changed the row since the caller read it (412)."""

    status, code, title = 412, "precondition_failed", "Changed by somebody else"


# D66: a list has no ETag.
def require_match(session: Session, schema: type[Schema], model: Any, id: uuid.UUID) -> None:
    """Refuse a change of something that is not as the caller has seen it (`If-Match`). Its row must be locked.

    A weak tag matches nothing (RFC 9110, 13.1.1).
    """
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted == "*":
        return
    tag = entity_tag(projection.one(session, schema, model, id))
    if tag not in {value.strip() for value in wanted.split(",")}:
        raise Changed("Somebody else has changed it. Nothing was saved; read it again.")

"""Entity tags (RFC 9110, 13): what one has seen is named by its digest, so nobody overwrites what he has not seen."""

import uuid
from hashlib import blake2b
from typing import Any

from flask import Request, request
from marshmallow import Schema
from sqlalchemy.orm import Session

from ...errors import AppError
from ..query import projection


class Changed(AppError):
    """Somebody else has changed it since the caller looked (412)."""

    status, code, title = 412, "precondition_failed", "Changed meanwhile"


def tag(body: bytes) -> str:
    """Return the entity tag of an answer, in its quotes."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def unchanged(asked: Request, tag: str) -> bool:
    """Tell whether the caller has this answer already (`If-None-Match`).

    A proxy that compresses makes tags weak (`W/"..."`), which is good enough for not sending the same again.
    """
    known = asked.environ.get("HTTP_IF_NONE_MATCH")
    return known is not None and (known == tag or asked.if_none_match.contains_weak(tag.strip('"')))


def require_match(session: Session, schema: type[Schema], model: Any, id: uuid.UUID) -> None:
    """Refuse a change of something that is not as the caller has seen it (`If-Match`). Its row must be locked.

    A weak tag matches nothing (RFC 9110, 13.1.1).
    """
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted == "*":
        return
    if tag(projection.one(session, schema, model, id)) not in {each.strip() for each in wanted.split(",")}:
        raise Changed("It was changed meanwhile. Nothing was saved; look at it again.")

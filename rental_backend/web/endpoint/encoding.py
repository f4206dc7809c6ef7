"""How what a view returns becomes bytes."""

from decimal import Decimal
from typing import Any

import orjson
from flask import request
from marshmallow import Schema
from sqlalchemy.orm import Session

from ...models import Identified
from ..query import projection
from ..query.listing import Page
from .etags import tag
from .problems import NUMBERED
from .replies import Reply
from .streams import Stream


def encode(value: Any, status: int, returns: Schema | None, session: Session | None = None) -> Reply:
    """Turn what a view returns into bytes: a row, a page, an encoded object, a mapping, a reply, or nothing."""
    if value is None:
        return Reply(b"", 204)
    if isinstance(value, Reply):
        return value
    if isinstance(value, Page):
        return Reply(value.body, status, _totals(value))
    if isinstance(value, Stream):
        return Reply(value.chunks, status, value.headers)
    if isinstance(value, bytes):
        return Reply(value, status, {"ETag": tag(value)})
    if isinstance(value, Identified) and session is not None and returns is not None:
        session.flush()
        body = projection.one(session, type(returns), type(value), value.id)
        place = {"Location": f"{request.path.rstrip('/')}/{value.id}"} if status == 201 else {}
        return Reply(body, status, {**place, "ETag": tag(body)})
    return Reply(orjson.dumps(returns.dump(value) if returns else value, default=_number, option=NUMBERED), status)


def _number(value: Any) -> float:
    """Return an amount as a JSON number; anything else is no answer."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} cannot be answered.")


def _totals(page: Page) -> dict[str, str]:
    """Say how many rows there are, and whether that is only the least that there are."""
    if page.total is None:
        return {}
    return {"X-Total-Count": str(page.total), **({} if page.exact else {"X-Total-Count-Relation": "gte"})}

"""What a view returns, encoded once: for the caller, for who asks the same just now, and for the response cache."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson
from flask import Request, Response
from marshmallow import Schema
from sqlalchemy.orm import Session
from werkzeug.datastructures import Headers

from ...models import Identified
from ..query import projection
from ..query.paging import Page
from .problems import NUMBERED
from .streams import Stream

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

READS = ("GET", "HEAD")
JSON = "application/json"


class RawResponse(Response):
    """A response that was given its body and all its headers: it is sent as it is, and there is nothing to close."""

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Send it; the answer to HEAD tells only how long it would be."""
        start_response(self.status, self.headers.to_wsgi_list())
        return () if environ["REQUEST_METHOD"] == "HEAD" else self.response  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Reply:
    """An encoded answer."""

    body: bytes | Iterable[bytes]
    status: int
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, request: Request) -> Response:
        """Return it as Flask's response; what the caller has is not sent again."""
        etag = self.headers.get("ETag")
        if etag and self.status == 200 and request.method in READS and _unchanged(request, etag):
            return Response(status=304, headers=self.headers)
        if isinstance(self.body, bytes) and self.body:
            headers = Headers()  # which takes a whole mapping in twice the time
            for named in {"Content-Type": JSON, "Content-Length": str(len(self.body)), **self.headers}.items():
                headers.add(*named)
            return RawResponse([self.body], self.status, headers)
        return Response(self.body, self.status, self.headers)


def encode(value: Any, status: int, returns: Schema | None, *, path: str = "", session: Session | None = None) -> Reply:
    """Turn what a view returns into bytes: a row, a page, an encoded object, a mapping, a reply, or nothing.

    `path` is the request's: a row that was created (201) is found below it.
    """
    if value is None:
        return Reply(b"", 204)
    if isinstance(value, Reply):
        return value
    if isinstance(value, Page):
        return Reply(value.body, status, _totals(value))
    if isinstance(value, Stream):
        return Reply(value.chunks, status, value.headers)
    if isinstance(value, bytes):
        return Reply(value, status, {"ETag": entity_tag(value)})
    if isinstance(value, Identified) and session is not None and returns is not None:
        session.flush()
        body = projection.one(session, type(returns), type(value), value.id)
        place = {"Location": f"{path.rstrip('/')}/{value.id}"} if status == 201 else {}
        return Reply(body, status, {**place, "ETag": entity_tag(body)})
    return Reply(orjson.dumps(returns.dump(value) if returns else value, default=_number, option=NUMBERED), status)


def entity_tag(body: bytes) -> str:
    """Return the entity tag of an answer (RFC 9110, 8.8.3), in its quotes."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def _unchanged(request: Request, tag: str) -> bool:
    """Tell whether the caller has this answer already (`If-None-Match`).

    A proxy that compresses makes tags weak (`W/"..."`), which is good enough for not sending the same again.
    """
    known = request.environ.get("HTTP_IF_NONE_MATCH")
    return known is not None and (known == tag or request.if_none_match.contains_weak(tag.strip('"')))


def _number(value: Any) -> float:
    """Return an amount as a JSON number; anything else cannot be answered."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} cannot be answered.")


def _totals(page: Page) -> dict[str, str]:
    """Return the headers that say how many rows there are, and whether that is only the least there can be."""
    if page.total is None:
        return {}
    return {"X-Total-Count": str(page.total), **({} if page.exact else {"X-Total-Count-Relation": "gte"})}

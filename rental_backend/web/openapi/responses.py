"""The answers of an operation, by its contract: successes, every error with its codes, and degraded answers."""

import enum
import inspect
from typing import Any, NoReturn

from ...errors import (
    AppError,
    BadRequest,
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ReadOnly,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from ...infra import AUTH, DATABASE, REDIS
from ...infra.runtime.modes import Mode
from ...models import Identified
from ..endpoint.contracts import Operation
from ..endpoint.etags import Changed
from ..endpoint.idempotency import AnswerNotKept, InProgress, KeyReused
from ..endpoint.needs import PUBLIC, Conditions
from ..endpoint.problems import MEDIA_TYPE
from ..endpoint.rate_limits import HEADERS as LIMITS
from ..endpoint.rate_limits import rate_of
from ..endpoint.replies import JSON, READS, Reply
from ..endpoint.streams import Stream
from ..query.paging import Page
from .schemas import Json, JsonSchemas

ALL = {"database": (DATABASE,), "redis": (REDIS,), "auth": (AUTH,), "everything": (DATABASE, REDIS, AUTH)}
ALWAYS = ("X-Request-ID", "X-Mode")


class Shape(enum.Enum):
    """What a view gives back."""

    NOTHING = "nothing"
    NEVER = "never"
    ROW = "row"
    PAGE = "page"
    STREAM = "stream"
    REPLY = "reply"
    ARRAY = "array"
    OBJECT = "object"


def shape(operation: Operation) -> Shape:
    """Return what a view gives back, by its annotation."""
    given = inspect.signature(operation.view).return_annotation
    returns = operation.contract.returns
    kind = getattr(given, "__origin__", given)
    for known, found in ((None, Shape.NOTHING), (NoReturn, Shape.NEVER), (Page, Shape.PAGE), (Stream, Shape.STREAM)):
        if given is known:
            return found
    if given is Reply:
        return Shape.REPLY
    if kind is list:
        return Shape.ARRAY
    row = given is Any or given is bytes or (isinstance(given, type) and issubclass(given, Identified))
    return Shape.ROW if row and returns is not None else Shape.OBJECT


def responses(operation: Operation, method: str, path: str, converter: JsonSchemas) -> Json:
    """Return every answer there can be, by its status."""
    found = _success(operation, method, converter)
    errors: dict[int, dict[str, str]] = {}
    for code, status, title in _errors(operation, method, path):
        errors.setdefault(status, {})[code] = title
    for status in sorted(errors):
        codes = errors[status]
        told = "; ".join(f"`{code}`: {title}" for code, title in codes.items())
        found[str(status)] = {
            "description": f"{told}.",
            "headers": _headers(*_always(operation, method), *_error_headers(status)),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            "x-codes": list(codes),
        }
    return found


def _success(operation: Operation, method: str, converter: JsonSchemas) -> Json:
    contract, kind = operation.contract, shape(operation)
    if kind is Shape.NEVER:
        return {}
    names = [*_always(operation, method), *_degraded_headers(operation, method), *_own_headers(operation, method, kind)]
    if kind is Shape.NOTHING:
        return {"204": {"description": "Done.", "headers": _headers(*names)}}
    media = {each: {"schema": _schema(operation, kind, converter, each)} for each in contract.media}
    found = {str(contract.status): {"description": "Done.", "headers": _headers(*names), "content": media}}
    if method in READS and kind in (Shape.ROW, Shape.REPLY):
        found["304"] = {
            "description": "The caller has the current version (`If-None-Match`).",
            "headers": _headers(*names),
        }
    return found


def _always(operation: Operation, method: str) -> tuple[str, ...]:
    return (*ALWAYS, *(LIMITS if rate_of(operation, method) else ()))


def _schema(operation: Operation, kind: Shape, converter: JsonSchemas, media: str) -> Json:
    returns = operation.contract.returns
    if media != JSON:
        return {"type": "string"}
    if returns is not None:
        return converter.reference(returns)
    return {"type": "array", "items": {"type": "object"}} if kind is Shape.ARRAY else {"type": "object"}


def _own_headers(operation: Operation, method: str, kind: Shape) -> tuple[str, ...]:
    replayed = ("Idempotency-Replayed",) if takes_key(operation, method) else ()
    match kind:
        case Shape.PAGE:
            return (*replayed, "X-Total-Count", "X-Total-Count-Relation")
        case Shape.ROW:
            return (*replayed, "ETag", *(("Location",) if operation.contract.status == 201 else ()))
        case Shape.STREAM:
            return ("Content-Disposition",)
        case Shape.REPLY:
            return ("ETag",)
    return replayed


def _degraded_headers(operation: Operation, method: str) -> tuple[str, ...]:
    needs = operation.contract.needs
    marked = ("X-Degraded",) if needs.required or needs.optional else ()
    stale = ("Age", "Warning") if needs.stale_for and method in READS else ()
    replica = ("X-Replica-Lag",) if method in READS and DATABASE in needs.required else ()
    return marked + stale + replica


def _error_headers(status: int) -> tuple[str, ...]:
    return {401: ("WWW-Authenticate",), 409: ("Retry-After",), 429: ("Retry-After",), 503: ("Retry-After",)}.get(
        status, ()
    )


def takes_key(operation: Operation, method: str) -> bool:
    """Tell whether an `Idempotency-Key` is looked at."""
    contract = operation.contract
    return contract.changes_by(method) and contract.permission != PUBLIC and "session" in operation.names


def takes_tag(operation: Operation, method: str, path: str) -> bool:
    """Tell whether `If-Match` may be looked at: at changes of one row."""
    return takes_key(operation, method) and "<uuid:id>" in path


def _errors(operation: Operation, method: str, path: str) -> list[tuple[str, int, str]]:
    """Return (code, status, title) of every error that follows from the contract, and of those it names."""
    contract, changes = operation.contract, operation.contract.changes_by(method)
    stored = bool(contract.needs.required)
    found: list[type[AppError]] = []
    plain: list[tuple[str, int, str]] = []
    if contract.accepts is not None:
        found += [BadRequest, UnsupportedMedia, Invalid]
        codes = (
            "invalid_json",
            "json_too_deep",
            "unreadable_body",
            *(("invalid_csv",) if contract.accepts.many else ()),
        )
        plain += [(code, 400, "The body cannot be read") for code in codes]
        plain += [("request_entity_too_large", 413, "The body is too large")]
    if contract.query is not None or "<uuid:" in path or (changes and stored):
        found.append(Invalid)
    if contract.permission != PUBLIC:
        found += [Unauthenticated, Forbidden]
    if stored or "<" in path:
        found.append(NotFound)
    if changes and stored:
        found += [Conflict, OutcomeUnknown]
    if takes_key(operation, method):
        found += [BadRequest, InProgress, AnswerNotKept, KeyReused]
        plain.append(("invalid_idempotency_key", 400, "Idempotency-Key is not valid"))
    if takes_tag(operation, method, path):
        found.append(Changed)
    if stored or contract.permission != PUBLIC:
        found += [Unavailable, Busy]
    if changes and Mode.READ_ONLY not in contract.modes:
        found += [ReadOnly, Unavailable]
    if rate_of(operation, method):
        found.append(RateLimited)
    found += contract.raises
    return [*((each.code, each.status, each.title) for each in found), *plain]


def degraded(operation: Operation, method: str) -> Json:
    """Return how a call is answered while a dependency is away, or in a mode: as `/health/breakers` tells it."""
    contract = operation.contract
    found: Json = {name: contract.degradation(method, Conditions(frozenset(down))) for name, down in ALL.items()}
    for mode in (Mode.READ_ONLY, Mode.EMERGENCY):
        down = frozenset({DATABASE, AUTH}) if mode is Mode.EMERGENCY else frozenset()
        found[mode.value] = contract.degradation(method, Conditions(down, mode))
    return found


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}

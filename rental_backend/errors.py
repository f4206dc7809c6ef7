"""The named errors of the program. Raise one of these; `web/endpoint/problems.py` alone renders them."""

import math
from typing import Any, ClassVar


class AppError(Exception):
    """An expected refusal: carries its HTTP status, a stable code and a sentence for the caller.

    `detail` is shown to the user, so it never holds a secret or a driver's message. Further keywords become
    members of the problem document. A class with `keeps_transaction` is committed before it is rendered:
    the refusal itself leaves a trace worth keeping (a failed sign-in, for example).
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"
    keeps_transaction: ClassVar[bool] = False

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = headers or {}
        self.members = members


class BadRequest(AppError):
    """The request is not well-formed (400)."""

    status, code, title = 400, "bad_request", "Bad request"


class Unauthenticated(AppError):
    """Nobody is signed in, or the token is of no use any more (401)."""

    status, code, title = 401, "unauthenticated", "Sign-in required"

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, **members)


class Forbidden(AppError):
    """The caller lacks a permission (403)."""

    status, code, title = 403, "forbidden", "Permission denied"


class NotFound(AppError):
    """There is no such thing, or it is not the caller's to see (404)."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(AppError):
    """A rule of the business or a uniqueness forbids it (409)."""

    status, code, title = 409, "conflict", "Conflict"


class UnsupportedMedia(AppError):
    """The body is not JSON (415)."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class Invalid(AppError):
    """The payload does not fit its schema (422); `errors` maps each field to its messages."""

    status, code, title = 422, "validation_error", "Invalid input"

    def __init__(self, errors: dict[str, Any], detail: str | None = None) -> None:
        super().__init__(detail or _sentence(errors), errors=errors)


class TooManyAttempts(AppError):
    """Somebody tries too often (429); `retry_after` is in seconds."""

    status, code, title = 429, "too_many_attempts", "Too many attempts"

    def __init__(self, retry_after: float) -> None:
        seconds = max(1, math.ceil(retry_after))
        super().__init__(
            f"Too many attempts. Try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
            retry_after=seconds,
        )


class RateLimited(AppError):
    """Somebody has used up what they may ask in a time (429); `retry_after` is in seconds."""

    status, code, title = 429, "rate_limited", "Too many requests"

    def __init__(self, limit: str, retry_after: float) -> None:
        seconds = max(1, math.ceil(retry_after))
        super().__init__(
            f"Too many requests: the limit of {limit} is reached. Nothing was done; try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
            limit=limit,
            retry_after=seconds,
        )


class NotReady(AppError):
    """The process is not to get traffic now (503)."""

    status, code, title = 503, "not_ready", "Not ready"


class ServiceUnavailable(AppError):
    """The request cannot be answered now (503); `retry_after` is in seconds. Each reason is a class of its own."""

    status, code, title = 503, "service_unavailable", "Temporarily unavailable"

    def __init__(self, dependency: str, retry_after: float, detail: str) -> None:
        seconds = max(1, round(retry_after))
        super().__init__(
            detail.format(seconds=seconds),
            headers={"Retry-After": str(seconds)},
            dependency=dependency,
            retry_after=seconds,
        )


class Unavailable(ServiceUnavailable):
    """A dependency the request needs does not answer (503)."""

    code = "dependency_unavailable"

    def __init__(self, dependency: str, retry_after: float, detail: str | None = None) -> None:
        gone = f"The {dependency} is not available. Nothing was changed; try again in {{seconds}} s."
        super().__init__(dependency, retry_after, detail or gone)


class OutcomeUnknown(ServiceUnavailable):
    """The database went silent while it was committing: the change may or may not have been made (503)."""

    code = "outcome_unknown"

    def __init__(self, dependency: str, retry_after: float) -> None:
        super().__init__(
            dependency, retry_after, f"The {dependency} went silent while saving. Look whether the change is there."
        )


class ReadOnly(ServiceUnavailable):
    """An operator has put the service into read-only mode: no change is taken (503)."""

    code, title = "read_only", "Read-only mode"

    def __init__(self, dependency: str, retry_after: float) -> None:
        super().__init__(dependency, retry_after, "The service is in read-only mode. Nothing was changed.")


class Busy(ServiceUnavailable):
    """We ourselves are out of a resource (connections, hashing slots); says nothing about the dependency (503)."""

    code = "busy"

    def __init__(self, dependency: str, retry_after: float = 1.0) -> None:
        super().__init__(dependency, retry_after, "Too many requests at this moment. Nothing was changed; try again.")


def _sentence(errors: dict[str, Any]) -> str:
    """Return one line that names every field at fault."""
    return "Invalid input: " + "; ".join(f"{field}: {_first(messages)}" for field, messages in errors.items())


def _first(messages: Any) -> str:
    while isinstance(messages, dict | list) and messages:
        messages = next(iter(messages.values())) if isinstance(messages, dict) else messages[0]
    return str(messages)

"""The named errors of the program. Raise one of these; `web/endpoint/problems.py` alone renders them."""

import math
from collections.abc import Mapping
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

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: object) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = headers or {}
        self.members: dict[str, Any] = members


class BadRequest(AppError):
    """The request is not well-formed (400)."""

    status, code, title = 400, "bad_request", "Bad request"


class Unauthenticated(AppError):
    """Nobody is signed in, or the token is no longer valid (401)."""

    status, code, title = 401, "unauthenticated", "Sign-in required"

    def __init__(self, detail: str | None = None, **members: object) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, **members)


class Forbidden(AppError):
    """The caller lacks a permission (403)."""

    status, code, title = 403, "forbidden", "Permission denied"


class NotFound(AppError):
    """The row or page does not exist, or the caller may not see it (404)."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(AppError):
    """A business rule or a unique constraint forbids the change (409)."""

    status, code, title = 409, "conflict", "Conflict"


class UnsupportedMedia(AppError):
    """The body has a media type that is not accepted (415)."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class Invalid(AppError):
    """The payload does not fit its schema (422); `errors` maps each field to its messages."""

    status, code, title = 422, "validation_error", "Invalid input"

    def __init__(self, errors: Mapping[str, object], detail: str | None = None) -> None:
        super().__init__(detail or _sentence(errors), errors=errors)


class TooManyAttempts(AppError):
    """A caller fails too often (429); `retry_after` is in seconds."""

    status, code, title = 429, "too_many_attempts", "Too many attempts"

    def __init__(self, retry_after: float) -> None:
        seconds = max(1, math.ceil(retry_after))
        super().__init__(
            f"Too many attempts. Try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
            retry_after=seconds,
        )


class RateLimited(AppError):
    """A caller has used up a rate limit (429); `retry_after` is in seconds."""

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
    """The process must not get traffic now (503)."""

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
    """A required dependency does not answer (503)."""

    code = "dependency_unavailable"

    def __init__(self, dependency: str, retry_after: float, detail: str | None = None) -> None:
        gone = f"The {dependency} is not available. Nothing was changed; try again in {{seconds}} s."
        super().__init__(dependency, retry_after, detail or gone)


class OutcomeUnknown(ServiceUnavailable):
    """The database stopped answering during the commit: the change may or may not be stored (503)."""

    code = "outcome_unknown"

    def __init__(self, dependency: str, retry_after: float) -> None:
        super().__init__(
            dependency,
            retry_after,
            f"The {dependency} stopped answering while saving. Check whether the change is there.",
        )


class ReadOnly(ServiceUnavailable):
    """An operator has put the service into read-only mode: changes are refused (503)."""

    code, title = "read_only", "Read-only mode"

    def __init__(self, dependency: str, retry_after: float) -> None:
        super().__init__(dependency, retry_after, "The service is in read-only mode. Nothing was changed.")


class Busy(ServiceUnavailable):
    """The process is out of a resource of its own (connections, hashing slots); the dependency may be fine (503)."""

    code = "busy"

    def __init__(self, dependency: str, retry_after: float = 1.0) -> None:
        super().__init__(dependency, retry_after, "Too many requests at the moment. Nothing was changed; try again.")


def _sentence(errors: Mapping[str, object]) -> str:
    """Return a line that names every invalid field."""
    return "Invalid input: " + "; ".join(f"{field}: {_first(messages)}" for field, messages in errors.items())


def _first(messages: object) -> str:
    while isinstance(messages, dict | list) and messages:
        messages = next(iter(messages.values())) if isinstance(messages, dict) else messages[0]
    return str(messages)

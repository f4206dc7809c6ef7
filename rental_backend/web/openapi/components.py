"""What the operations of the OpenAPI document share: the form of errors, and headers either way."""

from typing import Any

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "An error (RFC 9457). Tell errors apart by `code`; `detail` is a sentence for the user.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
        "trace_id": {"type": "string", "description": "Of the trace it belongs to, where requests are traced."},
        "errors": {"type": "object", "description": "With `validation_error`: messages by field."},
        "dependency": {"type": "string", "description": "In an outage: what is away."},
        "retry_after": {"type": "number", "description": "Seconds until it is worth trying again."},
    },
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "additionalProperties": True,
}


def _header(description: str, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


HEADERS = {
    "X-Request-ID": _header("The name of this request in the logs."),
    "X-Mode": _header("The mode of the service, if it is not `normal`."),
    "X-Degraded": _header("How the answer is degraded: `stale`, `replica`, `offline`, `partial`; divided by commas."),
    "Age": _header("The age of a stale answer in seconds.", "integer"),
    "Warning": _header("`110`: the answer is stale."),
    "X-Replica-Lag": _header("The age in seconds of the newest change that the replica knows.", "number"),
    "X-Total-Count": _header("How many rows there are.", "integer"),
    "X-Total-Count-Relation": _header("`gte`: there are at least as many."),
    "ETag": _header("Names this state of the row; for `If-Match` and `If-None-Match`."),
    "Location": _header("The path of what was created."),
    "Idempotency-Replayed": _header("`true`: it was done before, and this is the answer of then."),
    "Content-Disposition": _header("The name of the file."),
    "RateLimit": _header("The limit it counts to, calls left (`r`), seconds until all are there again (`t`)."),
    "RateLimit-Policy": _header("The limit: calls (`q`) in a window of seconds (`w`)."),
    "Retry-After": _header("Seconds until it is worth trying again.", "integer"),
    "WWW-Authenticate": _header("`Bearer`."),
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Made once for each intention of the user; the same request with the same key is done once.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "The `ETag` that was seen: 412, and nothing happens, if somebody else was faster.",
        "schema": {"type": "string"},
    },
}

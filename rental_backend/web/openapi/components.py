"""What the operations of the OpenAPI document share: the schema of errors, and headers of requests and answers."""

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
        "trace_id": {"type": "string", "description": "The id of the trace, if requests are traced."},
        "errors": {"type": "object", "description": "Messages by field, with `validation_error`."},
        "dependency": {"type": "string", "description": "The dependency that is unavailable, in an outage."},
        "retry_after": {"type": "number", "description": "Seconds to wait before the next attempt."},
    },
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "additionalProperties": True,
}


def _header(description: str, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


HEADERS = {
    "X-Request-ID": _header("The id of this request in the logs."),
    "X-Mode": _header("The mode of the service. It is absent in the mode `normal`."),
    "X-Degraded": _header("How the answer is degraded: `stale`, `replica`, `offline`, `partial`, separated by commas."),
    "Age": _header("The age of a stale answer in seconds.", "integer"),
    "Warning": _header("`110`: the answer is stale."),
    "X-Replica-Lag": _header("The lag of the replica in seconds.", "number"),
    "X-Total-Count": _header("The number of rows.", "integer"),
    "X-Total-Count-Relation": _header("`gte`: the total is a lower bound."),
    "ETag": _header("The version of the row, for `If-Match` and `If-None-Match`."),
    "Location": _header("The path of the new row."),
    "Idempotency-Replayed": _header("`true`: the request was done before, and this is the answer of that time."),
    "Content-Disposition": _header("The name of the file."),
    "RateLimit": _header("The limit that applies, calls left (`r`), and seconds until the limit is full again (`t`)."),
    "RateLimit-Policy": _header("The limit: calls (`q`) in a window of seconds (`w`)."),
    "Retry-After": _header("Seconds to wait before the next attempt.", "integer"),
    "WWW-Authenticate": _header("`Bearer`."),
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "A random text for each action of the user. The same request with the same key is done once.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "The `ETag` that the caller has seen. If the row was changed since, nothing happens (412).",
        "schema": {"type": "string"},
    },
}

"""The bare floor: the least that can list customers. One WSGI function, psycopg, orjson, a token that is checked.

It has no routing, validation, limits, deadlines, breakers, request ids, logs or CORS. Served like the application.
"""

import os
import threading
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import jwt
import orjson
import psycopg
from psycopg.rows import dict_row

from deploy.benchmarks.customers import ONE, PAGE, TOTAL

_local = threading.local()
_tokens: dict[str, dict[str, Any]] = {}


def written(value: Any) -> float | str:
    """Return what orjson does not know as it is to be written: an amount as a number, asyncpg's UUID as a text."""
    return float(value) if isinstance(value, Decimal) else str(value)


def check(token: str) -> None:
    """Raise unless the token bears our signature."""
    if token not in _tokens:
        _tokens[token] = jwt.decode(token, os.environ["SECRET_KEY"], algorithms=["HS256"])


def _connection() -> psycopg.Connection[dict[str, Any]]:
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row)
    connection: psycopg.Connection[dict[str, Any]] = _local.connection
    return connection


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer the list of customers, or the one that the path ends with."""
    check(environ.get("HTTP_AUTHORIZATION", "")[7:])
    connection, headers = _connection(), [("Content-Type", "application/json")]
    if environ["QUERY_STRING"]:
        limit = int(parse_qs(environ["QUERY_STRING"])["limit"][0])
        rows = connection.execute(PAGE + "%s", (limit,)).fetchall()
        total = connection.execute(TOTAL).fetchone()
        body = orjson.dumps(rows, default=written)
        headers.append(("X-Total-Count", str(total["count"] if total else 0)))
    else:
        row = connection.execute(ONE + "%s", (environ["PATH_INFO"].rpartition("/")[2],)).fetchone()
        body = orjson.dumps(row, default=written)
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [body]

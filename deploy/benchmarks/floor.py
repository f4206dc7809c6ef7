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

COLUMNS = """business_name, first_name, last_name, coalesce(email, '') AS email, coalesce(phone, '') AS phone, mobile,
    address_line1, address_line2, city, state, country, postal_code, tax_number, payment_terms, customer_tier,
    credit_limit, notes, id, customer_code, customer_type,
    coalesce(business_name, concat_ws(' ', first_name, last_name)) AS name, tax_number AS tax_id, status,
    blacklist_status, credit_rating, total_rentals, total_spent, lifetime_value,
    timezone('UTC', last_transaction_date) AS last_transaction_date, timezone('UTC', last_rental_date)
    AS last_rental_date, created_at, updated_at, created_by, updated_by, is_active"""
PAGE = f"SELECT {COLUMNS} FROM customers WHERE is_active ORDER BY created_at DESC, id DESC LIMIT %s"  # noqa: S608
TOTAL = "SELECT count(*) FROM customers WHERE is_active"

_local = threading.local()
_tokens: dict[str, dict[str, Any]] = {}


def _number(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError


def _connection() -> psycopg.Connection[dict[str, Any]]:
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row)
    connection: psycopg.Connection[dict[str, Any]] = _local.connection
    return connection


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer the list of customers, whatever the path."""
    token = environ.get("HTTP_AUTHORIZATION", "")[7:]
    if token not in _tokens:
        _tokens[token] = jwt.decode(token, os.environ["SECRET_KEY"], algorithms=["HS256"])
    limit = int(parse_qs(environ["QUERY_STRING"])["limit"][0])
    connection = _connection()
    rows = connection.execute(PAGE, (limit,)).fetchall()
    total = connection.execute(TOTAL).fetchone()
    body = orjson.dumps(rows, default=_number)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", [*headers, ("X-Total-Count", str(total["count"] if total else 0))])
    return [body]

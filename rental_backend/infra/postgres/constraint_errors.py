"""The translation of violated constraints for the caller: which fields are in conflict, and never a value."""

import re
from typing import Any

import psycopg
import sqlalchemy.exc

from ...errors import AppError, Conflict, Invalid

KEY = re.compile(r"Key \((.+?)\)=")
FOLDED = re.compile(r"regexp_replace\(\(?(\w+)\)?(?:::[\w ]+)?, [^)]*\)")  # its other arguments are texts
OF_A_FUNCTION = re.compile(r"\w+\(+(\w+)\)?(?:::[\w ]+)?\)")  # lower(username::text), lower((username)::text)


def constraint_error(error: BaseException) -> AppError | None:
    """Return our error for a constraint that a statement's values violate, or None if the error is another.

    A key in use is 409, for each of its columns. A reference to nothing is 422, a row that is still referenced 409. A
    value that is missing, fails a check or is out of range is 422.
    """
    cause: Any = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if not isinstance(cause, psycopg.Error):
        return None
    diagnostics: psycopg.errors.Diagnostic = cause.diag
    match cause.sqlstate or "":
        case "23505" | "23P01":
            return _key_in_use(_fields(diagnostics))
        case "23001":  # from PostgreSQL 18 on, for ON DELETE RESTRICT
            return _still_referenced(diagnostics)
        case "23503":
            return _reference(diagnostics)
        case "23502":
            return Invalid({str(diagnostics.column_name): ["Must be given."]})
        case "23514":
            return Invalid({_constraint_subject(diagnostics): ["Is not a value that goes with the rest."]})
        case state if state.startswith("22"):
            return Invalid({"body": ["A value is out of the range the database can hold."]})
    return None


def _key_in_use(fields: list[str]) -> AppError:
    message = "Is in use already." if len(fields) == 1 else f"{', '.join(fields)} are in use together already."
    detail = f"{fields[0]} is in use already." if len(fields) == 1 else message
    return Conflict(detail, errors={field: [message] for field in fields})


def _reference(diagnostics: psycopg.errors.Diagnostic) -> AppError:
    """Distinguish a reference to nothing from a row that others refer to."""
    if "still referenced" in (diagnostics.message_detail or ""):
        return _still_referenced(diagnostics)
    return Invalid({field: ["There is no such thing."] for field in _fields(diagnostics)})


def _still_referenced(diagnostics: psycopg.errors.Diagnostic) -> AppError:
    return Conflict(f"Is still used by {str(diagnostics.table_name).replace('_', ' ')}.", code="in_use")


def _fields(diagnostics: psycopg.errors.Diagnostic) -> list[str]:
    """Return the columns of a key, without functions around them."""
    match = KEY.search(diagnostics.message_detail or "")
    if match is None:  # the server's messages are in another language
        return [_constraint_subject(diagnostics)]
    return OF_A_FUNCTION.sub(r"\1", FOLDED.sub(r"\1", match.group(1))).split(", ")


def _constraint_subject(diagnostics: psycopg.errors.Diagnostic) -> str:
    """Return the subject in a constraint's name: `items_sale_price_check` is about `sale_price`."""
    name = str(diagnostics.constraint_name or "body").removeprefix(f"{diagnostics.table_name}_")
    return re.sub(r"_(?:check|fkey|key|excl)$", "", name)

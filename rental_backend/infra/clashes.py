"""What a constraint of the database has to say to the caller: which field clashes, and never a value."""

import re
from typing import Any

import psycopg
import sqlalchemy.exc

from ..errors import AppError, Conflict, Invalid

KEY = re.compile(r"Key \((.+?)\)=")


def clash(error: BaseException) -> AppError | None:
    """Return our error for a constraint that a statement has violated, or None if it is about something else.

    A value in use is 409. A reference to nothing is 422, one that is still needed 409. What a check refuses is 422.
    """
    cause: Any = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if not isinstance(cause, psycopg.Error):
        return None
    diagnostics: Any = cause.diag
    match cause.sqlstate:
        case "23505" | "23P01":
            field = _field(diagnostics)
            return Conflict(f"{field} is in use already.", errors={field: ["Is in use already."]})
        case "23503":
            return _reference(diagnostics)
        case "23514":
            field = _checked(diagnostics)
            return Invalid({field: ["Is not a value that goes with the rest."]})
    return None


def _reference(diagnostics: Any) -> AppError:
    """Tell a reference to nothing from a row that others refer to."""
    if "still referenced" in (diagnostics.message_detail or ""):
        user = diagnostics.table_name.replace("_", " ")
        return Conflict(f"Is still used by {user}.", code="in_use")
    field = _field(diagnostics)
    return Invalid({field: ["There is no such thing."]})


def _field(diagnostics: Any) -> str:
    """Return the columns of a key, without functions around them."""
    found = KEY.search(diagnostics.message_detail or "")
    if found is None:
        return str(diagnostics.constraint_name or "body")
    return re.sub(r"\w+\(\(?(\w+)\)?(?:::\w+)?\)", r"\1", found.group(1))


def _checked(diagnostics: Any) -> str:
    """Return the column that a check is named after: `items_sale_price_check` is about `sale_price`."""
    name = str(diagnostics.constraint_name or "body")
    return name.removeprefix(f"{diagnostics.table_name}_").removesuffix("_check")

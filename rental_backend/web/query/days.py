"""Ranges of days: a list is narrowed to what happened from one day of the business to another, both included.

A day of the business begins at midnight in its time zone. A column of instants is compared with the instants at which
the first day begins and the last day is over; a column of days is compared as it is.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields
from sqlalchemy import Date
from sqlalchemy.orm import Session

from ...errors import Invalid
from .conditions import Filter

ZONE = "time zone"  # key in a session's `info` of the function that returns the name of the zone of the business
EARLIEST, LATEST = date(1900, 1, 1), date(9999, 12, 30)  # their midnights are instants in every zone


class Day(fields.Date):
    """A day as `YYYY-MM-DD`, from 1900 on."""

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> date:
        day: date = super()._deserialize(value, attr, data, **kwargs)
        if not EARLIEST <= day <= LATEST:
            raise ValidationError("Out of the range of dates.")
        return day


def parameters(names: tuple[str, ...]) -> dict[str, Day]:
    """Return the query parameters of ranges: `created_at_from` and `created_at_to` for `created_at`."""
    return {f"{name}_{end}": Day() for name in names for end in ("from", "to")}


def filters(model: Any, names: tuple[str, ...]) -> Iterator[tuple[str, Filter]]:
    """Yield the conditions of ranges, by the names of their query parameters."""
    for name in names:
        column = getattr(model, name)
        yield f"{name}_from", column.__ge__
        yield f"{name}_to", column.__le__ if isinstance(column.type, Date) else column.__lt__


def bounds(session: Session, model: Any, names: tuple[str, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the columns are compared with for the days given. Raises `Invalid` for a range without any day."""
    found: dict[str, Any] = {}
    for name in names:
        first, last = given.get(f"{name}_from"), given.get(f"{name}_to")
        if first and last and last < first:
            raise Invalid({f"{name}_to": [f"Must not be before {name}_from."]})
        if not isinstance(getattr(model, name).type, Date):
            first, last = first and _begin(session, first), last and _begin(session, last + timedelta(1))
        found |= {key: value for key, value in ((f"{name}_from", first), (f"{name}_to", last)) if value}
    return found


def _begin(session: Session, day: date) -> datetime:
    """Return the instant at which a day begins; of two midnights the first, of none the instant after the gap."""
    zone = ZoneInfo(session.info[ZONE](session))
    return datetime.combine(day, time.min, zone).astimezone(UTC)

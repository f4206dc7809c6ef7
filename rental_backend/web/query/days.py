"""Days of the business: which instants they are, and lists narrowed from one day to another, both included.

A day of the business begins at midnight in its time zone. A column of instants is compared with the instants at which
the first day begins and the last day is over; a column of days is compared as it is.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date
from sqlalchemy.orm import Session

from ...errors import Invalid
from ...fields import Day
from ...fields import WholeDay as WholeDay
from .conditions import Filter

ZONE = "time zone"  # key in a session's `info` of the function that returns the name of the zone of the business
INSTANT = timedelta(microseconds=1)  # between two instants that the database can tell apart


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


# D126: a day is a day of the business.
def settled(session: Session, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments with an instant for each `WholeDay`: the first of that day, or the last."""
    found = {name: value for name, value in arguments.items() if isinstance(value, WholeDay)}
    return {**arguments, **{name: _instant(session, value) for name, value in found.items()}}


def _instant(session: Session, said: WholeDay) -> datetime:
    if said.ends:
        return _begin(session, said.day + timedelta(1)) - INSTANT
    return _begin(session, said.day)


def _begin(session: Session, day: date) -> datetime:
    """Return the instant at which a day begins; of two midnights the first, of none the instant after the gap."""
    zone = ZoneInfo(session.info[ZONE](session))
    return datetime.combine(day, time.min, zone).astimezone(UTC)

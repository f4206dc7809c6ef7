"""Dates in the database for which Python has no room: years from 10000 on or before Christ, and `infinity`."""

from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg import DataError
from psycopg.abc import Buffer, Loader
from psycopg.pq import Format

# A day within what Python holds, for the same instant must be a date in every time zone, too.
FIRST, LAST = date(1, 1, 2), date(9999, 12, 30)


# D124: what is stored is always read.
def read_far_dates() -> None:
    """Have connections that are opened from now on read such dates as the first or the last that Python holds.

    The driver refuses them, and with them every row that has one: it could neither be shown nor mended.
    """
    ends: dict[str, tuple[Any, Any]] = {
        "date": (FIRST, LAST),
        "timestamp": (datetime(*FIRST.timetuple()[:3]), datetime(*LAST.timetuple()[:3])),
        "timestamptz": (datetime(*FIRST.timetuple()[:3], tzinfo=UTC), datetime(*LAST.timetuple()[:3], tzinfo=UTC)),
    }
    for name, (first, last) in ends.items():
        found = psycopg.adapters.types[name]
        usual = psycopg.adapters.get_loader(found.oid, Format.TEXT)
        if usual is not None and not issubclass(usual, _Bounded):
            psycopg.adapters.register_loader(name, type(name, (_Bounded,), {"usual": usual, "ends": (first, last)}))


class _Bounded(psycopg.adapt.Loader):
    """Loads a date as the `usual` loader does, or the nearer of the `ends` where that one cannot."""

    usual: type[Loader]
    ends: tuple[Any, Any]

    def __init__(self, oid: int, context: psycopg.abc.AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._load = self.usual(oid, context).load

    def load(self, data: Buffer) -> Any:
        """Return the date."""
        try:
            return self._load(data)
        except DataError:
            said = bytes(data)
            return self.ends[0 if said.endswith(b"BC") or said.startswith(b"-") else 1]

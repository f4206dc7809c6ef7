"""Spans of statements and commits, where a collector is configured."""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, Self, TypeVar

import psycopg
from psycopg.abc import RV, Params, PQGen, Query

from .connection import RepeatingConnection, RepeatingCursor

LONGEST_TEXT = 1000
IDLE = psycopg.pq.TransactionStatus.IDLE
TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+\"?([a-z_][a-z0-9_.]*)", re.IGNORECASE)
COMMIT = {"db.system.name": "postgresql", "db.query.summary": "COMMIT"}

T = TypeVar("T")


class SpannedCall(Protocol):
    """Makes a call within a span of a name and attributes, and returns its result."""

    def __call__(self, name: str, attributes: Mapping[str, str], made: Callable[[], T], /) -> T:
        """Make the call."""


def traced(kind: type[RepeatingConnection], call: SpannedCall) -> type[RepeatingConnection]:
    """Return a subclass whose statements and commits run through `call`."""

    class Cursor(RepeatingCursor):
        def execute(
            self, query: Query, params: Params | None = None, *, prepare: bool | None = None, binary: bool | None = None
        ) -> Self:
            summary, attributes = _describe(query)
            run: Callable[..., Self] = super().execute
            return call(summary, attributes, lambda: run(query, params, prepare=prepare, binary=binary))

        def executemany(self, query: Query, params_seq: Iterable[Params], *, returning: bool = False) -> None:
            summary, attributes = _describe(query)
            run = super().executemany
            call(summary, attributes, lambda: run(query, params_seq, returning=returning))

    class Connection(kind):  # type: ignore[misc, valid-type]
        def __init__(self, *args: object, **more: object) -> None:
            super().__init__(*args, **more)
            self.cursor_factory = Cursor

        def _send(self, text: str, steps: PQGen[RV]) -> RV:
            summary, attributes = _describe(text)
            run: Callable[..., RV] = super()._send
            return call(summary, attributes, lambda: run(text, steps))

        def commit(self) -> None:
            if self.pgconn.transaction_status == IDLE:
                super().commit()
            else:
                call("COMMIT", COMMIT, super().commit)

    return Connection


@functools.lru_cache(maxsize=1024)
def _describe(query: Query) -> tuple[str, Mapping[str, str]]:
    """Return a statement's summary (verb and first table) and its attributes. Its text contains no values."""
    text = query if isinstance(query, str) else query.decode() if isinstance(query, bytes) else "composed"
    verb = text.split(None, 1)[0].upper() if text.strip() else "nothing"
    table = TABLE.search(text)
    summary = f"{verb} {table[1]}" if table else verb
    attributes = {"db.query.summary": summary, "db.query.text": text[:LONGEST_TEXT], "db.system.name": "postgresql"}
    return summary, attributes

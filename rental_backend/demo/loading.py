"""The loader: stores rows by COPY, the fastest way that keeps every index, check and foreign key."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from ..models import Model
from ..tables import metadata

AUTHOR = "demo"
NULL = r"\N"
Rows = defaultdict[str, list[str]]
OURS = {"id", "created_at", "updated_at"}  # filled here although they have server defaults


class Loader:
    """Collects rows of any tables and stores them with `flush`, in an order that foreign keys allow.

    COPY takes one table at a time, so rows are stored in batches: memory stays bounded however much is loaded. A thread
    stores one batch while the next is collected. Identifiers are version-4 UUIDs, as in production, but come from
    `rng`, so that the same seed generates the same rows. Leaving the block waits for the thread.
    """

    def __init__(self, session: Session, rng: random.Random) -> None:
        self.counts: Counter[str] = Counter()
        self._cursor = session.connection().connection.cursor()
        self._rng = rng
        self._rows: Rows = defaultdict(list)
        self._layouts = {table.name: _layout(table) for table in metadata.sorted_tables}
        self._writer = ThreadPoolExecutor(1, "demo-writer")
        self._writing: Future[None] | None = None

    def __enter__(self) -> "Loader":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.shutdown()

    def new_id(self) -> str:
        """Return a new UUID."""
        digits = f"{self._rng.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def add(self, model: type[Model], at: datetime, **values: object) -> str:
        """Collect a row created at that time; columns without a value get the model's default. Returns its id."""
        table = model.__tablename__
        identifier = values.setdefault("id", self.new_id())
        row = {**self._layouts[table], "created_at": at, "updated_at": at, "created_by": AUTHOR, **values}
        self._rows[table].append(_line(row.values()))
        return str(identifier)

    def flush(self) -> None:
        """Begin to store the collected rows. Raises the error of the batch before."""
        self.wait()
        rows, self._rows = self._rows, defaultdict(list)
        self._writing = self._writer.submit(self._store, rows)

    def wait(self) -> None:
        """Wait until everything that was flushed is stored."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _store(self, rows: Rows) -> None:
        for table, layout in self._layouts.items():  # referenced tables come first
            if table in rows:
                self._copy(table, layout, rows[table])
                self.counts[table] += len(rows[table])

    def update(self, model: type[Model], columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
        """Update stored rows: the first column has their ids, the others their new values."""
        self.wait()
        table, draft = model.__tablename__, f"draft_{model.__tablename__}"
        names = ", ".join(columns)
        self._cursor.execute(f"CREATE TEMPORARY TABLE {draft} ON COMMIT DROP AS SELECT {names} FROM {table} LIMIT 0")  # noqa: S608 - our own names
        self._copy(draft, columns, map(_line, rows))
        changes = ", ".join(f"{column} = {draft}.{column}" for column in columns[1:])
        self._cursor.execute(f"UPDATE {table} SET {changes} FROM {draft} WHERE {draft}.id = {table}.id")  # noqa: S608 - our own names

    def _copy(self, table: str, columns: Iterable[str], lines: Iterable[str]) -> None:
        with self._cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            copy.write("".join(lines))


def _line(values: Iterable[object]) -> str:
    """Return a line as COPY reads it. Our texts need no escaping; the driver's conversion takes four times as long for
    values that are mostly text already.
    """
    return "\t".join([NULL if value is None else str(value) for value in values]) + "\n"


def _layout(table: Table) -> dict[str, Any]:
    """Return the columns to be filled, in order, with the model's defaults."""
    return {
        column.name: column.default.arg if isinstance(column.default, ScalarElementColumnDefault) else None
        for column in table.columns
        if column.computed is None and (column.server_default is None or column.name in OURS)
    }


INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid IN ({tables}) AND NOT indisunique
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"""


@contextmanager
def indexes_last(session: Session) -> Iterator[None]:
    """Drop the indexes that enforce no constraint during the block, and build them at its end.

    Sorting once takes a third of the time of a million insertions. It is part of the transaction: others wait or see
    every index, and after an error the indexes are as before.
    """
    connection = session.connection()
    tables = ", ".join(f"to_regclass('{name}')" for name in metadata.tables)
    indexes = connection.exec_driver_sql(INDEXES.format(tables=tables)).all()
    for name, _ in indexes:
        connection.exec_driver_sql(f"DROP INDEX {name}")
    yield
    connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '256MB'")
    for _, definition in indexes:
        connection.exec_driver_sql(definition)

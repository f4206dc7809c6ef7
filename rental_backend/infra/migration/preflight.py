"""Preflight: find the rows that would stop a revision, before anything is changed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psycopg
from alembic.script import Script


@dataclass(frozen=True)
class BadRows:
    """The rows of `table` for which `where` is true; `why` completes the sentence "`table`.`column` ...".

    A revision that such rows would stop declares them beside itself:

        preflight = [BadRows("customers", "credit_limit", "is negative", "credit_limit < 0")]

    `key` is the SQL expression that names a row.
    """

    table: str
    column: str
    why: str
    where: str
    key: str = "id"


@dataclass(frozen=True)
class Finding:
    """Rows that would stop a revision: how many, and the first of their keys."""

    revision: str
    table: str
    column: str
    why: str
    rows: int
    ids: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.table}.{self.column} {self.why}: {self.rows} rows stop revision {self.revision}"]
        lines += [f"  {key}" for key in self.ids]
        if self.rows > len(self.ids):
            lines.append(f"  and {self.rows - len(self.ids)} more")
        return "\n".join(lines)


def find_bad_rows(
    connection: psycopg.Connection[tuple[str, int]], scripts: Iterable[Script], limit: int
) -> list[Finding]:
    """Return what would stop the revisions, naming at most `limit` rows for each cause.

    A table or column that an earlier revision has yet to create has no bad rows.
    """
    return [
        finding
        for script in scripts
        for bad in getattr(script.module, "preflight", ())
        for finding in _examine_if_there(connection, script.revision, bad, limit)
    ]


def _examine_if_there(
    connection: psycopg.Connection[tuple[str, int]], revision: str, bad: BadRows, limit: int
) -> Iterator[Finding]:
    try:
        with connection.transaction():  # read-only, which a session must not be that is asked to be read-write
            finding = examine(connection, revision, bad, limit)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        return
    if finding.rows:
        yield finding


def examine(connection: psycopg.Connection[tuple[str, int]], revision: str, bad: BadRows, limit: int = 100) -> Finding:
    """Count the bad rows and name the first `limit` of them. Raises `psycopg.Error`."""
    query = (
        f"SELECT ({bad.key})::text, count(*) OVER () FROM {bad.table} WHERE {bad.where} "  # noqa: S608 - a revision's
        f"ORDER BY 1 LIMIT {limit}"
    )
    rows = connection.execute(query.encode()).fetchall()
    ids = tuple(key for key, _ in rows)
    return Finding(revision, bad.table, bad.column, bad.why, rows[0][1] if rows else 0, ids)

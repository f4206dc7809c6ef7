"""Changes to the tables of an open shop. Nobody waits for any of them longer than the lock timeout.

Checking what is stored and building indexes take long, so they happen outside of transactions, under locks that stop
neither readers nor writers. Each function commits what came before it, and can be run again after it was interrupted:
what it left half-made is replaced. Give a revision one purpose.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from alembic import op
from sqlalchemy import TextClause

Columns = Sequence[str | TextClause]


def add_check(table: str, name: str, condition: str) -> None:
    """Add a check constraint: new rows are held to it at once, then those that are there are looked at."""
    _add_constraint(table, name, f"CHECK ({condition})")


def add_foreign_key(
    table: str, name: str, columns: Sequence[str], other: str, other_columns: Sequence[str], more: str = ""
) -> None:
    """Add a foreign key to the table `other`; `more` is SQL such as ON DELETE CASCADE."""
    ours, theirs = ", ".join(columns), ", ".join(other_columns)
    _add_constraint(table, name, f"FOREIGN KEY ({ours}) REFERENCES {other} ({theirs}) {more}".rstrip())


def set_not_null(table: str, column: str) -> None:
    """Refuse nulls in a column. The table is read under a check, which spares reading it under the lock."""
    check = f"{column}_is_given"
    add_check(table, check, f"{column} IS NOT NULL")
    # The linter does not know that this can be said twice.
    op.execute(f"-- squawk-ignore prefer-robust-stmts\nALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL")
    op.execute(_dropping(table, check))  # not in the same statement, where it would be dropped before it is used


def add_index(
    name: str, table: str, columns: Columns, *, unique: bool = False, where: str = "", using: str = "btree"
) -> None:
    """Build an index while the table is written to. One of that name, valid or not, is built anew."""
    with _outside_transaction():
        _drop_index(name)
        op.create_index(
            name,
            table,
            list(columns),
            unique=unique,
            if_not_exists=True,
            postgresql_concurrently=True,
            postgresql_using=using,
            **({"postgresql_where": where} if where else {}),
        )


def drop_index(name: str) -> None:
    """Drop an index while the table is in use."""
    with _outside_transaction():
        _drop_index(name)


def add_unique(table: str, name: str, columns: Sequence[str]) -> None:
    """Add a unique constraint, on an index built beforehand."""
    op.execute(_dropping(table, name))
    add_index(name, table, columns, unique=True)
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")


def _add_constraint(table: str, name: str, definition: str) -> None:
    op.execute(f"{_dropping(table, name)}, ADD CONSTRAINT {name} {definition} NOT VALID")
    with _outside_transaction():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def _dropping(table: str, name: str) -> str:
    """Return a statement that removes what an interrupted run may have left."""
    return f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"


def _drop_index(name: str) -> None:
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


@contextmanager
def _outside_transaction() -> Iterator[None]:
    """Wait for locks as long as a statement may take: these locks stop no reader and no writer."""
    migrations = op.get_context()
    with migrations.autocommit_block():
        op.execute("SET lock_timeout = 0")
        yield
        op.execute(f"SET lock_timeout = '{migrations.opts['lock_timeout']}'")

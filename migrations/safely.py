"""Changes to the tables of an open shop. Nobody waits for any of them longer than the lock timeout.

Checking what is stored and building indexes take long, so they happen outside of transactions, under locks that stop
neither readers nor writers. Each function commits what came before it, and can be run again after it was interrupted:
what it left half-made is replaced. Give a revision one purpose.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from alembic import op
from sqlalchemy import TextClause

from rental_backend.infra.migration import BadRows

Columns = Sequence[str | TextClause]


def add_check(table: str, name: str, condition: str) -> None:
    """Add a check constraint: new rows are held to it at once, then the rows that are there are checked."""
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


# D28: aware without rewriting the table.
def make_aware(table: str, *columns: str) -> None:
    """Let timestamps that mean UTC say so. No index may hold them: it would be built anew, under the lock.

    In a session whose zone is UTC both types are the same bytes to PostgreSQL 12 and later: nothing is rewritten.
    """
    changes = ", ".join(f"ALTER COLUMN {column} TYPE timestamptz" for column in columns)
    with op.get_context().autocommit_block():  # one table after the other: no two of them are locked at once
        op.execute("SET timezone = 'UTC'")
        op.execute(f"-- squawk-ignore changing-column-type, prefer-robust-stmts\nALTER TABLE {table} {changes}")


def add_extension(name: str) -> None:
    """Add an extension, for which a role needs no more than CREATE on the database; one that is there is left."""
    op.execute(f"CREATE EXTENSION IF NOT EXISTS {name}")


def lacks_extension(name: str) -> BadRows:
    """Return the preflight for an extension: this database, if we may not add it or the server does not have it."""
    return BadRows(
        "pg_database",
        "datname",
        f"has no extension {name}, and it is not for us to add it: let its owner do so",
        f"""datname = current_database() AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = '{name}')
            AND NOT (has_database_privilege(oid, 'CREATE')
                AND EXISTS (SELECT FROM pg_available_extensions WHERE name = '{name}'))""",  # noqa: S608 - a name of ours
        key="datname",
    )


def add_index(
    name: str,
    table: str,
    columns: Columns,
    *,
    unique: bool = False,
    where: str = "",
    using: str = "btree",
    nulls_distinct: bool = True,
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
            **({} if nulls_distinct else {"postgresql_nulls_not_distinct": True}),
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


# D25: building waits without a limit.
@contextmanager
def _outside_transaction() -> Iterator[None]:
    """Wait for locks as long as a statement may take: these locks stop no reader and no writer."""
    migrations = op.get_context()
    with migrations.autocommit_block():
        op.execute("SET lock_timeout = 0")
        yield
        op.execute(f"SET lock_timeout = '{migrations.opts['lock_timeout']}'")

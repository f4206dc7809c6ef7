"""Breaking revisions: how a version of the program learns that the database no longer has what it needs.

A revision that removes something that the version before it needs says `contract = True` (the contract half of "expand
and contract"). An older version does not have that revision's file, so the newest one applied is recorded in the
database: in the comment of alembic_version, which needs no table, is part of a dump, and changes in the transaction of
the revision.
"""

import psycopg
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.rows import TupleRow

PREFIX = "contract "


# D23: an older version must not migrate past it.
def record_breaking_revision(ctx: MigrationContext, heads: set[str], **_: object) -> None:
    """Record the newest breaking revision among those applied (Alembic calls this after each revision)."""
    if ctx.script is None:
        raise RuntimeError("Alembic was set up without its revisions")
    applied = ctx.script.iterate_revisions(tuple(heads), "base")
    newest = next((script.revision for script in applied if getattr(script.module, "contract", False)), None)
    comment = f"'{PREFIX}{newest}'" if newest else "NULL"
    ctx.execute(f"COMMENT ON TABLE alembic_version IS {comment}")


def passed_breaking_revision(connection: psycopg.Connection[TupleRow], scripts: ScriptDirectory) -> str | None:
    """Return the breaking revision recorded in the database that these scripts do not have, if any."""
    row = connection.execute("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')").fetchone()
    comment = str(row[0]) if row and row[0] else ""
    known = {script.revision for script in scripts.walk_revisions()}
    revision = comment.removeprefix(PREFIX)
    return revision if comment.startswith(PREFIX) and revision not in known else None

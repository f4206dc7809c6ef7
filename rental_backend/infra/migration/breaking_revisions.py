"""The contract marker: how a version learns that the database has left behind what it needs.

A revision that takes something away from the version before it says `contract = True`. An older version does not have
that revision's file, so the newest one applied is noted in the database: as the comment of alembic_version, which needs
no table, is copied by a dump, and changes in the transaction of the revision.
"""

from typing import Any

import psycopg
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

PREFIX = "contract "


# D23: an older version must not migrate past it.
def record_breaking_revision(ctx: MigrationContext, heads: set[str], **_: Any) -> None:
    """Note the newest contract revision among those applied (Alembic calls this after each revision)."""
    if ctx.script is None:
        raise RuntimeError("Alembic was set up without its revisions")
    applied = ctx.script.iterate_revisions(tuple(heads), "base")
    newest = next((each.revision for each in applied if getattr(each.module, "contract", False)), None)
    comment = f"'{PREFIX}{newest}'" if newest else "NULL"
    ctx.execute(f"COMMENT ON TABLE alembic_version IS {comment}")


def passed_breaking_revision(connection: psycopg.Connection[Any], scripts: ScriptDirectory) -> str | None:
    """Return the contract revision in the database that these scripts do not have."""
    row = connection.execute("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')").fetchone()
    noted = str(row[0]) if row and row[0] else ""
    known = {each.revision for each in scripts.walk_revisions()}
    revision = noted.removeprefix(PREFIX)
    return revision if noted.startswith(PREFIX) and revision not in known else None

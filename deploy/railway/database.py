"""Looking at the database, where it can be reached from here: its revision and its limit of connections.

psycopg is one of the application's packages; without it nothing is known. Nothing that libpq says is repeated, for it
repeats passwords.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ROADS = ("DATABASE_PUBLIC_URL", "DATABASE_UNPOOLED_URL", "DATABASE_URL")
PATIENCE = 5
REVISION = "SELECT version_num, obj_description('alembic_version'::regclass, 'pg_class') FROM alembic_version"


@dataclass(frozen=True)
class Database:
    """The most connections it takes, its revision if it has one, and the newest contract revision noted in it."""

    limit: int
    revision: str | None
    contract: str | None


def look(environ: Mapping[str, str]) -> Database | str:
    """Ask the database that an environment names; a text says why it could not be asked."""
    url = next((environ[name] for name in ROADS if environ.get(name, "").strip()), "")
    if not url:
        return "DATABASE_URL is not set"
    try:
        import psycopg

        from rental_backend.config import UrlError, read_postgres
    except ImportError:
        return "psycopg is not installed here"
    try:
        with psycopg.connect(read_postgres(url).url, connect_timeout=PATIENCE) as connection:
            limit = connection.execute("SELECT current_setting('max_connections')::int").fetchone()
            known = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
            row = connection.execute(REVISION).fetchone() if known and known[0] else None
    except UrlError as error:
        return f"the URL of the database cannot be used: {error}"
    except psycopg.Error:
        return "the database cannot be reached from here"
    revision, comment = row or (None, None)
    return Database(limit[0] if limit else 0, revision, str(comment).removeprefix("contract ") if comment else None)

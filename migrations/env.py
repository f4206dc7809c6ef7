"""How Alembic reaches the database: one transaction for each migration, impatient locks."""

import os

from alembic import context

from rental_backend.infra.migration import Server, record_breaking_revision
from rental_backend.tables import metadata


def _server() -> Server:
    """Return the server that `flask migrate` gives, or else the one of the environment."""
    url = os.environ.get("DATABASE_UNPOOLED_URL") or os.environ.get("DATABASE_URL", "")
    given: Server | None = context.config.attributes.get("server")
    if not given and not url:
        raise SystemExit("Set DATABASE_URL to the database that is to be migrated.")
    return given or Server(url)


def _is_compared(_: object, name: str | None, kind: str, *__: object) -> bool:
    """Leave out indexes for searches: Alembic takes the parentheses PostgreSQL adds for differences (tests compare)."""
    return not (kind == "index" and name and name.endswith("_search"))


def _configure(lock_timeout: float, **how: object) -> None:
    context.configure(
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_server_default=True,
        include_object=_is_compared,
        on_version_apply=[record_breaking_revision, *context.config.attributes.get("on_version_apply", ())],
        lock_timeout=f"{int(lock_timeout * 1000)}ms",  # for migrations/safely.py
        **how,
    )


def _print() -> None:
    """Print the SQL (`--sql`), for which no server is needed."""
    _configure(Server.lock_timeout, dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        context.execute(f"SET lock_timeout = '{int(Server.lock_timeout)}s'")
        context.execute(f"SET statement_timeout = '{int(Server.statement_timeout)}s'")
        context.run_migrations()


def _migrate() -> None:
    server = _server()
    with server.engine().connect() as connection:
        _configure(server.lock_timeout, connection=connection)
        with context.begin_transaction():
            context.run_migrations()


_print() if context.is_offline_mode() else _migrate()

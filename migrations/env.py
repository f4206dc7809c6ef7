"""How Alembic reaches the database: DATABASE_URL, one transaction for each migration, impatient locks."""

import os

from alembic import context
from sqlalchemy import create_engine, pool, text

from rental_backend.config import driver_url
from rental_backend.tables import metadata


def _url() -> str:
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        raise SystemExit("Set DATABASE_URL to the database that is to be migrated.")
    return driver_url(url)


def run() -> None:
    """Run the migrations, or print their SQL (`--sql`)."""
    options = {"target_metadata": metadata, "transaction_per_migration": True, "compare_server_default": True}
    if context.is_offline_mode():
        context.configure(url=_url(), literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = create_engine(_url(), poolclass=pool.NullPool, connect_args={"connect_timeout": 5})
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '4s'"))
        connection.execute(text("SET timezone = 'UTC'"))
        connection.commit()
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()


run()

"""Ways to a database of one's own: to it, to its revision, and to what its tables hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection

from rental_backend.config import driver_url

ROOT = Path(__file__).parents[2]
COLUMNS = """
    SELECT table_name, array_agg(column_name || CASE WHEN data_type LIKE 'timestamp%' THEN '::timestamptz' ELSE '' END)
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    GROUP BY table_name"""


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Give a connection that commits every statement."""
    engine = sqlalchemy.create_engine(driver_url(url), poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def alembic(url: str, verb: str, *arguments: str, root: Path = ROOT) -> None:
    """Run one of Alembic's commands in this process, on the revisions of a checkout; what it complains of is raised."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        getattr(command, verb)(AlembicConfig(root / "alembic.ini"), *arguments)


def columns(url: str) -> dict[str, list[str]]:
    """Return the columns of every table, as expressions that read the same once a timestamp knows its zone."""
    with connected(url) as connection:
        return dict(connection.execute(sqlalchemy.text(COLUMNS)).all())


def contents(url: str, columns: dict[str, list[str]]) -> dict[str, tuple[int, str]]:
    """Return for every table how many rows it has, and a checksum of what they hold in these columns."""
    with connected(url) as connection:
        connection.exec_driver_sql("SET timezone = 'UTC'")
        return {
            table: tuple(
                connection.exec_driver_sql(
                    "SELECT count(*), md5(string_agg(to_jsonb(kept)::text, ' ' ORDER BY to_jsonb(kept)::text)) "
                    f"FROM (SELECT {', '.join(names)} FROM {table}) kept"
                ).one()
            )
            for table, names in columns.items()
        }

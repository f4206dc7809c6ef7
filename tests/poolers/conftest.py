"""PgBouncer before the PostgreSQL of the run, as it may be found in front of a database."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.private.pgbouncer import PgBouncer
from deploy.private.servers import PostgresServer

OpenPooler = Callable[..., PgBouncer]


@pytest.fixture
def open_pooler(postgres: PostgresServer, tmp_path: Path) -> Iterator[OpenPooler]:
    """Start a PgBouncer: `open_pooler(pool_mode="transaction")` is Debian's with that setting."""
    with contextlib.ExitStack() as stack:

        def start(**settings: str) -> PgBouncer:
            for parent in (tmp_path, *tmp_path.parents[:2]):
                parent.chmod(parent.stat().st_mode | 0o011)  # it runs as another user than root
            server = PgBouncer(tmp_path / "pgbouncer", postgres.url, **settings)
            server.start()
            stack.callback(server.stop)
            return server

        yield start

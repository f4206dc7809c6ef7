"""The PostgreSQL and the Redis of what is measured."""

import contextlib
import tempfile
from pathlib import Path

from deploy.private.servers import PostgresServer, RedisServer

KEY = "a key for benchmarks, long enough to be taken"


def stores(stack: contextlib.ExitStack) -> tuple[PostgresServer, dict[str, str]]:
    """Start both, empty, until the stack ends; return the database, and the environment that leads to them."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
    folder.chmod(0o755)
    database, cache = PostgresServer(folder / "postgres", port=0), RedisServer(folder / "redis", port=0)
    for server in (database, cache):
        server.start()
        stack.callback(server.stop)
    return database, {"DATABASE_URL": database.url, "REDIS_URL": cache.url, "SECRET_KEY": KEY, "ENVIRONMENT": "test"}

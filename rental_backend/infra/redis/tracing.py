"""Spans of Redis commands, where a collector is configured."""

from collections.abc import Callable, Mapping
from typing import Any

import redis

SpannedCall = Callable[[str, Mapping[str, str], Callable[[], Any]], Any]


def traced(pool: redis.ConnectionPool, call: SpannedCall) -> redis.Redis:
    """Return a client of a pool whose commands run through `call`."""

    class Client(redis.Redis):
        def execute_command(self, *args: Any, **options: Any) -> Any:
            name = str(args[0])
            attributes = {"db.system.name": "redis", "db.operation.name": name}
            return call(name, attributes, lambda: super(Client, self).execute_command(*args, **options))  # type: ignore[no-untyped-call]

    return Client(connection_pool=pool)

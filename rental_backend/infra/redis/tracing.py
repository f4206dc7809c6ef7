"""Spans of Redis commands, where a collector is configured."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import redis

T = TypeVar("T")


class SpannedCall(Protocol):
    """Makes a call within a span of a name and attributes, and returns its result."""

    def __call__(self, name: str, attributes: Mapping[str, str], made: Callable[[], T], /) -> T:
        """Make the call."""


def traced(pool: redis.ConnectionPool, call: SpannedCall) -> redis.Redis:
    """Return a client of a pool whose commands run through `call`."""

    class Client(redis.Redis):
        def execute_command(self, *args: object, **options: object) -> Any:
            name = str(args[0])
            attributes = {"db.system.name": "redis", "db.operation.name": name}
            return call(name, attributes, lambda: super(Client, self).execute_command(*args, **options))  # type: ignore[no-untyped-call]

    return Client(connection_pool=pool)

"""The adapter of Redis. Every method states what it returns while Redis is away; none raises in an outage."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ...config import read_redis
from ...resilience import Breaker, BreakerOpen, Bulkhead, BulkheadFull, ConnectionEpoch, SharedMemory, SlowStart
from .failures import INJECTED_ERRORS, classify_redis_error, is_another_server
from .pool import EpochPool
from .tracing import SpannedCall, traced

T = TypeVar("T")
OUTAGES = (BreakerOpen, BulkheadFull, redis.exceptions.RedisError, OSError)
FIRST = 2  # slow start: concurrent calls right after an outage


class Cache:
    """Redis behind its breaker: no hidden retries, no wait above `deadline` seconds, a pool that never blocks.

    At most `calls` are under way at once over all workers of the host, fewer right after an outage (`SlowStart`).
    """

    injected_errors = INJECTED_ERRORS

    def __init__(
        self, url: str, *, deadline: float, connections: int, calls: int, memory: SharedMemory | None = None
    ) -> None:
        memory = memory or SharedMemory()
        self.deadline = deadline
        self.breaker = Breaker("redis", classify=classify_redis_error, memory=memory)
        self.bulkhead = Bulkhead(memory, "redis", calls, slow_start=SlowStart(first=FIRST, wait=deadline))
        self.inject_fault: Callable[[], float] | None = None  # raises or waits, as an operator ordered
        self.epoch = ConnectionEpoch(self.breaker)
        self._client: redis.Redis | None = None
        if url:
            self._client, self._fresh = self._open(url, connections), self._open(url, 1)

    def _open(self, url: str, connections: int) -> redis.Redis:
        """Return a client with a pool of its own."""
        pool: EpochPool = EpochPool.from_url(
            read_redis(url).url,
            socket_timeout=self.deadline,
            socket_connect_timeout=self.deadline,
            retry=Retry(NoBackoff(), 0),
            max_connections=connections,
            driver_info=None,
        )
        pool.epoch = self.epoch
        return redis.Redis(connection_pool=pool)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Guard a call, after an injected fault if there is one."""
        epoch = self.epoch.current()
        try:
            with self.breaker.guard(), self.bulkhead:
                if self.inject_fault:
                    self.inject_fault()
                yield
        except redis.exceptions.RedisError as error:
            if is_another_server(error):
                self.epoch.end(epoch)
            raise

    def trace(self, call: SpannedCall) -> None:
        """Run the commands through `call`."""
        if self._client is not None:
            self._client = traced(self._client.connection_pool, call)
            self._fresh = traced(self._fresh.connection_pool, call)

    def probe(self) -> None:
        """Contact the server by a write, on a fresh connection. Raises if it does not answer or takes no writes."""
        if self.inject_fault:
            self.inject_fault()
        if self._client is None:
            raise redis.exceptions.ConnectionError("no URL is configured")
        try:
            self._fresh.set("rental:probe", b"1", px=1000)
            self.epoch.recognise(self._server())
        finally:
            self._fresh.connection_pool.disconnect()

    def _server(self) -> int:
        """Return a number that no two servers have in common; 0 if the server does not tell us."""
        try:
            told: Any = self._fresh.info("server")
            return int(told["run_id"][:15], 16)
        except (redis.exceptions.RedisError, OSError, LookupError, TypeError, ValueError):
            return 0

    def resolve(self) -> None:
        """Do nothing: redis-py resolves the host name at each connection."""

    def close(self) -> None:
        """Close the connections that are not in use (closing one in use makes redis-py raise arbitrary errors)."""
        if self._client is not None:
            self._client.connection_pool.disconnect(inuse_connections=False)

    def get(self, key: str) -> bytes | None:
        """Return the value, or None if there is none or Redis is away."""
        try:
            with self._guarded():
                value = self._client.get(key) if self._client else None
        except OUTAGES:
            return None
        return value if isinstance(value, bytes) else None

    def get_many(self, keys: list[str]) -> list[bytes | None] | None:
        """Return the values, all of one moment, with None for each missing key; None while Redis is away."""
        try:
            with self._guarded():
                values: list[Any] | None = self._client.mget(keys) if self._client else None
                return values
        except OUTAGES:
            return None

    def put(self, key: str, value: bytes, *, seconds: int) -> bool:
        """Store the value for `seconds`; return whether it was stored (False while Redis is away)."""
        try:
            with self._guarded():
                return bool(self._client and self._client.set(key, value, ex=seconds))
        except OUTAGES:
            return False

    def has(self, key: str) -> bool | None:
        """Tell whether a key exists; None while Redis is away."""
        try:
            with self._guarded():
                return bool(self._client.exists(key)) if self._client else None
        except OUTAGES:
            return None

    def run(self, script: str, keys: list[str], arguments: list[str | int]) -> int | None:
        """Run a Lua script, which is atomic, and return its number; None while Redis is away."""
        return self._script(int, script, keys, arguments)

    def numbers(self, script: str, keys: list[str], arguments: list[str | int]) -> list[int] | None:
        """Run a Lua script and return its list of numbers; None while Redis is away."""
        return self._script(lambda found: list(map(int, found)), script, keys, arguments)

    def text(self, script: str, keys: list[str], arguments: list[str | int]) -> bytes | None:
        """Run a Lua script and return its text; None while Redis is away."""
        return self._script(bytes, script, keys, arguments)

    def _script(self, read: Callable[[Any], T], script: str, keys: list[str], arguments: list[str | int]) -> T | None:
        try:
            with self._guarded():
                return read(self._client.register_script(script)(keys, arguments)) if self._client else None
        except OUTAGES:
            return None

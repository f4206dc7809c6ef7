"""Servers that a test may freeze, stop and kill, and doors to them; they are whole again for the next test."""

import contextlib
from collections.abc import Callable, Iterator

import psycopg
import pytest

from deploy.private.server import PrivateServer
from deploy.private.servers import PostgresServer, RedisServer
from rental_backend.infra.postgres.database import Database
from rental_backend.infra.redis.cache import Cache
from rental_backend.resilience import Breaker, SharedMemory
from tests.proxy import Proxy

THINGS = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE TABLE things (
    id integer PRIMARY KEY,
    name text CONSTRAINT uq_things_name UNIQUE,
    size integer CONSTRAINT ck_things_size CHECK (size > 0),
    parent_id integer CONSTRAINT fk_things_parent_id_things REFERENCES things,
    place integer, during int4range, EXCLUDE USING gist (place WITH =, during WITH &&)
);
CREATE TABLE people (id uuid PRIMARY KEY, username text, active boolean, permissions text[])
"""


@pytest.fixture(scope="session")
def _frail_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("frail_postgres"), port=0, durable=False)
    server.start()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(THINGS)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _frail_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("frail_redis"), port=0, durable=False)
    server.start()
    yield server
    server.stop()


def heal(server: PrivateServer) -> None:
    """Have a server run again, whatever was done to it."""
    server.thaw()
    if not server.alive:
        server.start()


@pytest.fixture
def frail_postgres(_frail_postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A PostgreSQL with the tables `things` and `people`, which the test may treat as it likes."""
    with psycopg.connect(_frail_postgres.url, autocommit=True) as connection:
        connection.execute("TRUNCATE things, people")
    yield _frail_postgres
    heal(_frail_postgres)


@pytest.fixture
def frail_redis(_frail_redis: RedisServer) -> Iterator[RedisServer]:
    """A Redis, which the test may treat as it likes."""
    yield _frail_redis
    heal(_frail_redis)


@pytest.fixture
def proxy_to() -> Iterator[Callable[[PrivateServer], Proxy]]:
    """Make a proxy in front of a server."""
    with contextlib.ExitStack() as stack:

        def make(server: PrivateServer) -> Proxy:
            assert server.port
            return stack.enter_context(contextlib.closing(Proxy(server.port)))

        yield make


OpenDatabase = Callable[..., Database]


@pytest.fixture
def open_database() -> Iterator[OpenDatabase]:
    """Make a door to a database, probed once so that its breaker is closed (unless `probed` is False)."""
    with contextlib.ExitStack() as stack:

        def make(
            url: str,
            *,
            probed: bool = True,
            deadline: float = 0.4,
            connect_deadline: float = 0.4,
            pool_size: int = 2,
            pool_timeout: float = 0.1,
            calls: int = 100,
            memory: SharedMemory | None = None,
        ) -> Database:
            database = Database(
                "database",
                url,
                deadline=deadline,
                connect_deadline=connect_deadline,
                pool_size=pool_size,
                pool_timeout=pool_timeout,
                calls=calls,
                memory=memory,
            )
            stack.callback(database.close)
            if probed:
                assert database.breaker.probe(database.probe)
            return database

        yield make


OpenCache = Callable[..., Cache]


@pytest.fixture
def open_cache() -> Iterator[OpenCache]:
    """Make a door to a Redis, probed once so that its breaker is closed (unless `probed` is False)."""
    with contextlib.ExitStack() as stack:

        def make(
            url: str, *, probed: bool = True, deadline: float = 0.15, connections: int = 4, calls: int = 100
        ) -> Cache:
            cache = Cache(url, deadline=deadline, connections=connections, calls=calls)
            stack.callback(cache.close)
            if probed:
                assert cache.breaker.probe(cache.probe)
            return cache

        yield make


def failures(breaker: Breaker) -> int:
    """Return how many failures the breaker counted lately."""
    return breaker.counts().failures

"""Checks of a PostgreSQL or a Redis server for `flask doctor` and detailed health, bypassing the breakers.

Each check keeps the deadlines of its adapter. The reason of a failure is in our own words, because those of the drivers
repeat parts of URLs.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..migration.server import reason
from ..postgres.database import Database

LOOKS = 3  # measurements, of which the median counts
SERVER = """
    SELECT current_setting('server_version_num')::int / 10000, rolsuper,
           array_remove(ARRAY[CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
                              CASE WHEN rolreplication THEN 'REPLICATION' END,
                              CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL),
           (SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'),
           current_setting('max_connections')::int, rolconnlimit,
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
           pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool,
           has_schema_privilege(current_schema(), 'CREATE')
    FROM pg_roles WHERE rolname = current_user"""
LACKING = """
    SELECT name, array_agg(verb) FROM unnest(%s::text[]) AS name
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS verb
    WHERE to_regclass(name) IS NOT NULL AND NOT has_table_privilege(to_regclass(name), verb)
    GROUP BY name ORDER BY name"""
CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float"


class ServerAway(Exception):
    """The server cannot be checked; the message says why, and contains no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresStatus:
    """A PostgreSQL server as our role sees it. Times are in seconds; `ahead` is how far its clock is ahead of ours.

    `timeout` is the statement timeout in our sessions, `limit` the number of connections that the server or our role
    allows, `used` those in use by everybody, `lacking` the missing rights by table.
    """

    latency: float
    ahead: float
    version: int
    superuser: bool
    powers: tuple[str, ...]
    timeout: float
    limit: int
    used: int
    read_only: bool
    creates: bool
    lacking: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisStatus:
    """A Redis server. Times are in seconds; `ahead` is how far its clock is ahead of ours.

    `maxmemory` is its limit in bytes (0 for none). `persistent` is None if the server does not tell.
    """

    latency: float
    ahead: float
    version: tuple[int, ...]
    policy: str
    maxmemory: int
    persistent: bool | None
    replica: bool


def check_postgres(adapter: Database, tables: Iterable[str]) -> PostgresStatus:
    """Check the server of an adapter, on a separate connection. Raises `ServerAway`."""
    try:
        with adapter.connect() as connection:
            connection.autocommit = True
            latency = _latency(lambda: connection.execute("SELECT 1"))
            ahead = _ahead(lambda: float(_row(connection, CLOCK)[0]))
            version, superuser, powers, timeout, limit, most, used, read_only, creates = _row(connection, SERVER)
            lacking = connection.execute(LACKING, (sorted(tables),)).fetchall()
    except psycopg.Error as error:
        raise ServerAway(reason(error)) from None
    return PostgresStatus(
        latency=latency,
        ahead=ahead,
        version=version,
        superuser=superuser,
        powers=tuple(powers),
        timeout=timeout / 1000,
        limit=limit if most < 0 else min(most, limit),
        used=used,
        read_only=read_only,
        creates=creates,
        lacking={name: tuple(verbs) for name, verbs in lacking},
    )


def check_redis(url: str, deadline: float) -> RedisStatus:
    """Check a server by writing to it and reading its INFO. Raises `ServerAway`."""
    retry = Retry(NoBackoff(), 0)
    try:
        with redis.Redis.from_url(url, socket_timeout=deadline, socket_connect_timeout=deadline, retry=retry) as client:
            latency = _latency(lambda: client.set("rental:doctor", b"1", px=1000))
            ahead = _ahead(lambda: _seconds(client.time()))
            info: Any = client.info()
            return RedisStatus(
                latency=latency,
                ahead=ahead,
                version=tuple(int(part) for part in str(info["redis_version"]).split(".")),
                policy=str(info.get("maxmemory_policy", "")),
                maxmemory=int(info.get("maxmemory", 0)),
                persistent=True if info.get("aof_enabled") else _saves(client),
                replica=info.get("role") != "master",
            )
    except (redis.RedisError, OSError) as error:
        raise ServerAway(_why(error)) from None


def _row(connection: psycopg.Connection[Any], question: str) -> Any:
    return connection.execute(question.encode()).fetchone()


def _latency(ask: Callable[[], object]) -> float:
    """Return the median duration of `LOOKS` calls, in seconds."""

    def timed() -> float:
        began = time.perf_counter()
        ask()
        return time.perf_counter() - began

    return median(timed() for _ in range(LOOKS))


def _ahead(clock: Callable[[], float]) -> float:
    """Return how far a clock is ahead of ours, in seconds, as of the middle of the call."""
    before = time.time()
    theirs = clock()
    return theirs - (before + time.time()) / 2


def _seconds(answer: Any) -> float:
    return float(answer[0]) + float(answer[1]) / 1e6


def _saves(client: "redis.Redis") -> bool | None:
    """Tell whether the server writes snapshots; None if it refuses CONFIG GET."""
    try:
        setting: Any = client.config_get("save")
    except redis.ResponseError:
        return None
    return bool(setting.get("save"))


def _why(error: Exception) -> str:
    if isinstance(error, redis.TimeoutError | TimeoutError):
        return "it does not answer"
    if isinstance(error, redis.AuthenticationError):
        return "it does not take our password"
    if isinstance(error, redis.ConnectionError | OSError):
        return "connection refused" if "refused" in str(error) else "the connection failed"
    return f"it refuses what we ask ({type(error).__name__})"

"""What a database and a Redis say of themselves, looked at around their doors, for whoever examines an installation.

Each look ends by the deadlines of its door. Why there is no answer is told in words of ours, for those of the drivers
repeat pieces of URLs.
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

LOOKS = 3  # of which the median counts
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


class Away(Exception):
    """There is no answer; the message says why, and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A server as our role sees it. Times in seconds; `ahead` is its clock before ours.

    `timeout` is the statement timeout in force in a session of ours, `limit` how many connections there are,
    or may be of our role, `used` those of everybody, `lacking` the rights that are missed by table.
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
class Redis:
    """A server. Times in seconds; `ahead` is its clock before ours, `maxmemory` its limit in bytes (0 for none).

    `persistent` is None where it does not say.
    """

    latency: float
    ahead: float
    version: tuple[int, ...]
    policy: str
    maxmemory: int
    persistent: bool | None
    replica: bool


def look_at_postgres(adapter: Database, tables: Iterable[str]) -> Postgres:
    """Ask the server behind a door, on a connection of its own. Raises `Away`."""
    try:
        with adapter.connect() as connection:
            connection.autocommit = True
            latency = _latency(lambda: connection.execute("SELECT 1"))
            ahead = _ahead(lambda: float(_row(connection, CLOCK)[0]))
            version, superuser, powers, timeout, limit, most, used, read_only, creates = _row(connection, SERVER)
            lacking = connection.execute(LACKING, (sorted(tables),)).fetchall()
    except psycopg.Error as error:
        raise Away(reason(error)) from None
    return Postgres(
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


def look_at_redis(url: str, deadline: float) -> Redis:
    """Ask a server, after writing to it. Raises `Away`."""
    retry = Retry(NoBackoff(), 0)
    try:
        with redis.Redis.from_url(url, socket_timeout=deadline, socket_connect_timeout=deadline, retry=retry) as client:
            latency = _latency(lambda: client.set("rental:doctor", b"1", px=1000))
            ahead = _ahead(lambda: _seconds(client.time()))
            said: Any = client.info()
            return Redis(
                latency=latency,
                ahead=ahead,
                version=tuple(int(part) for part in str(said["redis_version"]).split(".")),
                policy=str(said.get("maxmemory_policy", "")),
                maxmemory=int(said.get("maxmemory", 0)),
                persistent=True if said.get("aof_enabled") else _saves(client),
                replica=said.get("role") != "master",
            )
    except (redis.RedisError, OSError) as error:
        raise Away(_why(error)) from None


def _row(connection: psycopg.Connection[Any], question: str) -> Any:
    return connection.execute(question.encode()).fetchone()


def _latency(ask: Callable[[], object]) -> float:
    """Return the median of some looks, in seconds."""

    def timed() -> float:
        began = time.perf_counter()
        ask()
        return time.perf_counter() - began

    return median(timed() for _ in range(LOOKS))


def _ahead(clock: Callable[[], float]) -> float:
    """Return how much a clock is ahead of ours, as of the middle of asking."""
    before = time.time()
    theirs = clock()
    return theirs - (before + time.time()) / 2


def _seconds(said: Any) -> float:
    return float(said[0]) + float(said[1]) / 1e6


def _saves(client: "redis.Redis") -> bool | None:
    """Tell whether it writes snapshots; None where it does not let itself be asked."""
    try:
        found: Any = client.config_get("save")
    except redis.ResponseError:
        return None
    return bool(found.get("save"))


def _why(error: Exception) -> str:
    if isinstance(error, redis.TimeoutError | TimeoutError):
        return "it does not answer"
    if isinstance(error, redis.AuthenticationError):
        return "it does not take our password"
    if isinstance(error, redis.ConnectionError | OSError):
        return "connection refused" if "refused" in str(error) else "the connection failed"
    return f"it refuses what we ask ({type(error).__name__})"

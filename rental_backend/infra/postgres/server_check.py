"""The check of a PostgreSQL server, bypassing its breaker, for `flask doctor` and detailed health."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.rows import TupleRow

from ..server_check import ServerAway, ahead_of_us, latency_of
from .address import reason
from .database import Database

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
MARK = "SELECT set_config('rental_backend.session', %s, false)"
MARKED = "SELECT current_setting('rental_backend.session', true)"
CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float"


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


def check_postgres(adapter: Database, tables: Iterable[str]) -> PostgresStatus:
    """Check the server of an adapter, on a separate connection. Raises `ServerAway`."""
    try:
        with adapter.connect() as connection:
            connection.autocommit = True
            latency = latency_of(lambda: connection.execute("SELECT 1"))
            ahead = ahead_of_us(lambda: float(_row(connection, CLOCK)[0]))
            lacking = connection.execute(LACKING, (sorted(tables),)).fetchall()
            connection.autocommit = False  # in a transaction the settings hold behind every pooler
            version, superuser, powers, timeout, limit, most, used, read_only, creates = _row(connection, SERVER)
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


def _row(connection: psycopg.Connection[TupleRow], question: str) -> Any:
    return connection.execute(question.encode()).fetchone()


def session_is_shared(adapter: Database) -> bool:
    """Tell whether a pooler on the way gives our connection to others between two transactions. Raises `ServerAway`.

    What one connection leaves in its session is looked for on both, while the other holds a session of the server.
    """
    mark = uuid4().hex
    try:
        with adapter.connect() as one, adapter.connect() as other:
            one.autocommit = other.autocommit = True
            one.execute(MARK, (mark,))
            with other.transaction():
                return bool(mark == _row(other, MARKED)[0] or mark != _row(one, MARKED)[0])
    except psycopg.Error as error:
        raise ServerAway(reason(error)) from None

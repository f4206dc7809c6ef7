"""Checks of the databases: whether they answer in time, have what this version needs, and grant just these rights."""

from collections.abc import Iterator
from types import ModuleType

from sqlalchemy import Table

from rental_backend.infra.runtime.host import Host

from ..config import Config
from ..infra.migration import CONFIG, MigrationError, Migrator, Server
from ..infra.postgres.database import Database
from ..infra.postgres.pooling import TRANSACTION
from ..infra.postgres.server_check import PostgresStatus, check_postgres, session_is_shared
from ..infra.server_check import ServerAway
from .budget import PROBES, ConnectionBudget
from .findings import Finding, failed, passed, skipped, warned

OLDEST, NEWEST = 15, 18  # versions of PostgreSQL
CLOSE = 0.5  # share of a deadline above which a trivial query takes too long
APART = 1.0  # seconds by which clocks may differ, as cached responses are compared with this tolerance
PATIENCE = 1.0  # seconds for a connection as migrations use it
FULL = 0.9  # share of the server's connections
REFUSED_BY_POOLER = "unsupported startup parameter"
AROUND = "DATABASE_UNPOOLED_URL leads around it"
APPENDED = {"security_audit_logs"}  # append-only tables, for which the right to UPDATE is not needed


def database(adapter: Database, tables: frozenset[str], *, standby: bool = False) -> Iterator[Finding]:
    """Check a server in the same way as requests reach it."""
    name = adapter.breaker.name or ""
    try:
        status = check_postgres(adapter, tables)
    except ServerAway as error:
        if REFUSED_BY_POOLER in str(error):
            message = f"it is a pooler that takes no settings with a connection ({error})"
            yield failed(f"{name}-pooler", message, f"DATABASE_POOLER=transaction, or session if it pools so; {AROUND}")
            return
        message = f"no answer within {adapter.deadline} s: {error}"
        yield failed(name, message, "is the server up, and the URL right? `/health/breakers` tells since when")
        return
    yield _in_time(name, status.latency, adapter.deadline)
    yield clock(name, status.ahead)
    if not OLDEST <= status.version <= NEWEST:
        message = f"PostgreSQL {status.version} was not tried with this version"
        yield warned(f"{name}-version", message, f"use {OLDEST} to {NEWEST}")
    if status.read_only and not standby:
        yield failed(
            f"{name}-read-only", "the server takes no changes", "is it a standby? Point the URL to the primary"
        )
    yield from _session(name, status, adapter.deadline)
    yield from _rights(name, status, standby=standby)
    yield from _pooler(adapter)


def _pooler(adapter: Database) -> Iterator[Finding]:
    """Compare how a pooler on the way gives out its connections with what the settings say."""
    name = f"{adapter.breaker.name}-pooler"
    if adapter.pooler == TRANSACTION:
        yield passed(name, "nothing is left in a session, as DATABASE_POOLER=transaction says")
        return
    try:
        shared = session_is_shared(adapter)
    except ServerAway:
        return  # `database` reports that
    if shared:
        message = "it is a pooler by transaction: what we set and prepare is lost, or another client's"
        yield failed(name, message, f"DATABASE_POOLER=transaction; {AROUND}")
    else:
        yield passed(name, "sessions are ours alone")


def tables_of(models: ModuleType) -> frozenset[str]:
    """Return the names of the tables of a package of models."""
    values = (getattr(value, "__table__", value) for value in vars(models).values())
    return frozenset(value.name for value in values if isinstance(value, Table))


def clock(name: str, ahead: float) -> Finding:
    """Compare a server's clock with ours; `ahead` is in seconds."""
    message = f"its clock is {abs(ahead):.2f} s {'ahead of' if ahead > 0 else 'behind'} ours"
    if abs(ahead) > APART:
        return failed(f"{name}-clock", message, "have both hosts keep their clocks by NTP")
    return passed(f"{name}-clock", message)


def _in_time(name: str, latency: float, deadline: float) -> Finding:
    message = f"answers in {latency * 1000:.1f} ms, of a deadline of {deadline * 1000:.0f} ms"
    if latency > CLOSE * deadline:
        return warned(name, message, "is it far away, or busy? Ask nearer, or raise its deadline")
    return passed(name, message)


def _session(name: str, status: PostgresStatus, deadline: float) -> Iterator[Finding]:
    """Check whether our session settings are in force: poolers may drop them."""
    if not 0 < status.timeout <= deadline:
        message = (
            f"statement_timeout is {status.timeout:g} s in our sessions, not less than the deadline: a pooler drops it"
        )
        yield failed(f"{name}-timeout", message, f"DATABASE_POOLER=transaction, or session if it pools so; {AROUND}")
    else:
        yield passed(f"{name}-timeout", f"statement_timeout is {status.timeout:g} s")


def _rights(name: str, status: PostgresStatus, *, standby: bool) -> Iterator[Finding]:
    lacking = {
        table: set(verbs) - ({"UPDATE"} if table in APPENDED else set()) for table, verbs in status.lacking.items()
    }
    wanted = {table: {"SELECT"} & verbs if standby else verbs for table, verbs in lacking.items()}
    missing = [f"{table} ({', '.join(sorted(verbs))})" for table, verbs in sorted(wanted.items()) if verbs]
    if missing:
        message = f"the role lacks rights on {len(missing)} tables: {'; '.join(missing[:5])}"
        yield failed(f"{name}-rights", message, "GRANT SELECT, INSERT, UPDATE, DELETE on them to the role")
    powers = ["SUPERUSER"] if status.superuser else list(status.powers)
    if powers:
        message = f"the role may more than the application needs: {', '.join(powers)}"
        yield warned(f"{name}-role", message, "use a role of its own: ALTER ROLE … NOSUPERUSER NOCREATEROLE NOCREATEDB")
    if not missing and not powers:
        yield passed(f"{name}-rights", "the role may do what the application needs, and no more")


def connections(config: Config, adapter: Database) -> Iterator[Finding]:
    """Compare the connections that this instance and its next deployment may open with the server's."""
    try:
        status = check_postgres(adapter, ())
    except ServerAway:
        return  # `database` reports that
    pool = config.database_pool_size + config.auth_pool_size + PROBES
    yield ConnectionBudget(1, 1, config.workers or Host().workers(), pool, status.limit).finding()
    if status.used > FULL * status.limit:
        message = f"{status.used} of {status.limit} connections are in use, by all programs together"
        yield warned(
            "connections-used", message, "who has them? SELECT usename, application_name, state FROM pg_stat_activity"
        )


def schema(config: Config) -> Iterator[Finding]:
    """Compare the revision of the database with the revisions of this version."""
    url = config.database_unpooled_url or config.database_url
    if not url:
        yield skipped("schema", "there is no DATABASE_URL", "set it")
        return
    server = Server(url, lock_timeout=PATIENCE, statement_timeout=PATIENCE, deadline=PATIENCE)
    try:
        state = Migrator(server, CONFIG, wait=0, say=lambda _: None).state()
    except MigrationError as error:
        yield failed("schema", str(error), "deploy a newer version, if it is past this one; else see `database`")
        return
    if state.ahead:
        message = f"the database is at {state.revision}, which this version does not know"
        yield warned("schema", message, "deploy the version that it belongs to; this one can live with it")
    elif state.pending:
        message = f"the database is at {state.revision or 'no revision'}, {len(state.pending)} behind this version"
        yield failed("schema", message, "flask migrate")
    else:
        yield passed("schema", f"the database is at {state.revision}, as this version")

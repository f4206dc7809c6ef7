"""Runs all checks at once. A check that hangs is a finding, and so is a check that fails."""

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from sqlalchemy import Table

from ..config import Config
from ..infra.container import Services
from ..tables import accounts, metadata
from .cache import cache
from .configuration import settings
from .databases import connections, database, schema
from .findings import Finding, failed, passed
from .host import collector, folders, programs

PATIENCE = 1.5  # seconds for all checks together; the longest deadline is that of a connection

Check = Callable[[], Iterable[Finding]]


# D92: around the breakers.
def examine(config: Config, services: Services, service: Check) -> list[Finding]:
    """Return the findings of all checks, in their order; `service` checks the running service."""
    tables = frozenset(metadata.tables)
    checks: dict[str, Check] = {
        "settings": partial(settings, config),
        "database": partial(database, services.database, tables),
        "connections": partial(connections, config, services.database),
        "schema": partial(schema, config),
        "redis": partial(cache, config),
        "folders": partial(folders, config),
        "backup-programs": partial(programs, services.backups, services.database),
        "traces": partial(collector, config),
        "service": service,
    }
    if config.auth_database_url:
        checks["auth"] = partial(database, services.identity.database, _accounts())
    if services.replica:
        checks["replica"] = partial(database, services.replica, tables, standby=True)
    if issuer := services.identity.issuer:
        checks["oidc"] = partial(_issuer, issuer.fetch)
    return run(checks, PATIENCE)


def run(checks: dict[str, Check], patience: float) -> list[Finding]:
    """Return the findings of the checks within `patience` seconds. A check that takes longer is a finding, too."""
    findings: dict[str, list[Finding]] = {}

    def run_check(name: str, check: Check) -> None:
        try:
            findings[name] = list(check())
        except Exception as error:  # one check must not stop the others; the error's text may contain a secret
            findings[name] = [failed(name, f"the check itself failed ({type(error).__name__})", "tell the developers")]

    threads = [threading.Thread(target=run_check, args=item, daemon=True) for item in checks.items()]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    message, mend = f"no answer within {patience:g} s", "does its host name resolve, and does anybody answer there?"
    return [finding for name in checks for finding in findings.get(name, [failed(name, message, mend)])]


def _accounts() -> frozenset[str]:
    """Return the names of the tables of accounts."""
    values = (getattr(value, "__table__", value) for value in vars(accounts).values())
    return frozenset(value.name for value in values if isinstance(value, Table))


def _issuer(fetch: Callable[[], None]) -> Iterable[Finding]:
    try:
        fetch()
    except Exception as error:
        message = f"the keys of OIDC_ISSUER cannot be had ({type(error).__name__}); known ones go on working"
        yield failed("oidc", message, "is OIDC_JWKS_URL right, and can it be reached from here?")
    else:
        yield passed("oidc", "the keys of OIDC_ISSUER can be had")

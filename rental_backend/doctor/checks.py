"""The one list of checks: `flask doctor`, the detailed health and the tool for Railway show what they find.

A function that checks the installation imports what it needs when it is called: the tool for Railway has the standard
library only, and a server does not import Alembic.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from . import variables
from .findings import Finding, failed, passed, warned
from .variables import Variables

if TYPE_CHECKING:
    from ..config import Config
    from ..infra.container import Services

Findings = Iterable[Finding]


@dataclass(frozen=True)
class Installation:
    """An installation of the service, on its own host."""

    services: "Services"

    @property
    def config(self) -> "Config":
        """Its settings."""
        return self.services.config

    @property
    def variables(self) -> Variables:
        """Its settings as variables: one that is not set has its default."""
        values = ((each.metadata["name"], getattr(self.config, each.name)) for each in fields(self.config))
        return Variables(
            values={name: " ".join(value) if isinstance(value, tuple) else str(value) for name, value in values}
        )


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check: `here` makes it on the service's host, `of_variables` wherever the service's variables are known.

    `waits` says whether `here` waits for a dependency or another program. A check yields nothing where there is nothing
    to check.
    """

    name: str
    here: Callable[[Installation], Findings]
    waits: bool
    of_variables: Callable[[Variables], Findings] | None = None


def _anywhere(name: str, check: Callable[[Variables], Findings]) -> Check:
    """Return a check that needs the variables only."""
    return Check(name=name, here=lambda installation: check(installation.variables), waits=False, of_variables=check)


def _settings(here: Installation) -> Findings:
    """Say that the settings can be used: a start with invalid values names each of them, and ends."""
    return [passed("settings", f"all can be used; this is {here.config.environment}")]


def _parameters(here: Installation) -> Findings:
    """Name the parameters of URLs that are left out: somebody may count on them."""
    for name, ignored in here.config.ignored_parameters.items():
        message = f"{name} has parameters that are left out: {', '.join(ignored)}"
        yield warned("url-parameters", message, "take them out; rental_backend/config/README.md has settings instead")


def _database(here: Installation) -> Findings:
    from ..tables import metadata
    from .databases import database

    return database(here.services.database, frozenset(metadata.tables))


def _connections(here: Installation) -> Findings:
    from .databases import connections

    return connections(here.config, here.services.database)


def _schema(here: Installation) -> Findings:
    from .databases import schema

    return schema(here.config)


def _redis(here: Installation) -> Findings:
    from .cache import cache

    return cache(here.config)


def _folders(here: Installation) -> Findings:
    from .host import folders

    return folders(here.config)


def _backup_programs(here: Installation) -> Findings:
    from .host import programs

    return programs(here.services.backups, here.services.database)


def _traces(here: Installation) -> Findings:
    from .host import collector

    return collector(here.config)


def _service(here: Installation) -> Findings:
    from .service import service

    return service(here.config.port)


def _auth(here: Installation) -> Findings:
    from ..tables import account_changes, accounts
    from .databases import database, tables_of

    if not here.config.auth_database_url:
        return []
    return database(here.services.identity.database, tables_of(accounts) | tables_of(account_changes))


def _replica(here: Installation) -> Findings:
    from ..tables import metadata
    from .databases import database

    replica = here.services.replica
    return database(replica, frozenset(metadata.tables), standby=True) if replica else []


def _oidc(here: Installation) -> Findings:
    issuer = here.services.identity.issuer
    if not issuer:
        return []
    try:
        issuer.fetch()
    except Exception as error:
        message = f"the keys of OIDC_ISSUER cannot be had ({type(error).__name__}); known ones go on working"
        return [failed("oidc", message, "is OIDC_JWKS_URL right, and can it be reached from here?")]
    return [passed("oidc", "the keys of OIDC_ISSUER can be had")]


# D100: one list, three views.
CHECKS = (
    Check(name="settings", here=_settings, waits=False),
    Check(name="url-parameters", here=_parameters, waits=False),
    _anywhere("setting-missing", variables.required),
    _anywhere("secret-key", variables.secret_key),
    _anywhere("secret-key-old", variables.former_keys),
    _anywhere("mode", variables.mode),
    _anywhere("break-glass", variables.break_glass),
    _anywhere("cors-setting", variables.origins),
    Check(name="database", here=_database, waits=True),
    Check(name="connections", here=_connections, waits=True, of_variables=variables.connections),
    Check(name="schema", here=_schema, waits=True),
    Check(name="redis", here=_redis, waits=True),
    Check(name="folders", here=_folders, waits=False),
    Check(name="backup-programs", here=_backup_programs, waits=True),
    Check(name="traces", here=_traces, waits=True),
    Check(name="service", here=_service, waits=True),
    Check(name="auth", here=_auth, waits=True),
    Check(name="replica", here=_replica, waits=True),
    Check(name="oidc", here=_oidc, waits=True),
)

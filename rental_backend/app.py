"""The application factory: the table of contents of the program."""

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask
from sqlalchemy.orm import configure_mappers

from .accounts.access.permissions import HARMLESS
from .accounts.audit import service as audit
from .accounts.changes import service as accounts
from .accounts.domain import DOMAIN as ACCOUNTS
from .accounts.security import retention as purging
from .analytics.domain import DOMAIN as ANALYTICS
from .analytics.shop import service as standing
from .bookings.domain import DOMAIN as BOOKINGS
from .catalog.domain import DOMAIN as CATALOG
from .cli.group import Commands
from .config import Config
from .infra.container import Services
from .inventory.domain import DOMAIN as INVENTORY
from .parties.domain import DOMAIN as PARTIES
from .rentals.domain import DOMAIN as RENTALS
from .resilience import OPEN, Listener
from .sales.domain import DOMAIN as SALES
from .settings.backups import service as backups
from .settings.business import service as business
from .settings.domain import DOMAIN as SETTINGS
from .settings.regional import service as regional
from .web.endpoint import prewarm as warming
from .web.endpoint import problems
from .web.endpoint import rate_limits as limits
from .web.endpoint.contracts import contract_of
from .web.metrics import api as metrics
from .web.metrics import request_metrics as metering
from .web.middleware import cors, logs, requests, routing, traces
from .web.openapi import docs
from .web.openapi.document import Documentation
from .web.operations import breaker_overrides as breaker_orders
from .web.operations import breakers, health, log_level
from .web.operations import detailed_health as diagnosis
from .web.operations import modes as operations
from .web.query.days import ZONE
from .web.status import api as status
from .web.status import components, incidents
from .web.templates import render as pages

if TYPE_CHECKING:
    from .doctor.findings import Finding

DOMAINS = (ACCOUNTS, SETTINGS, CATALOG, PARTIES, INVENTORY, BOOKINGS, RENTALS, SALES, ANALYTICS)
BLUEPRINTS = (
    *(health.bp, status.bp, breakers.bp, metrics.bp, docs.bp, pages.bp),
    *(diagnosis.bp, operations.bp, breaker_orders.bp, incidents.bp, log_level.bp),
    *(blueprint for domain in DOMAINS for blueprint in domain.blueprints),
)
COMPONENTS = components.united(part for domain in DOMAINS for part in domain.components)
ALIASES = tuple(alias for domain in DOMAINS for alias in domain.aliases)
DRILLS = (operations.drills,)  # never served in production
REAP_EVERY, EXPIRE_EVERY = 10.0, 3600.0  # seconds


class TransitionLog(Listener):
    """Writes every change of a breaker into the log: an outage is expected, so no more than a warning."""

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        """Log one change."""
        event = cb.events[-1]
        structlog.get_logger("rental_backend.breakers").log(
            logging.WARNING if new_state.name == OPEN else logging.INFO,
            "breaker",
            breaker=cb.name,
            before=old_state.name,
            after=new_state.name,
            cause=event.cause,
            error=event.error,
        )


def create_app(config: Config | None = None) -> Flask:
    """Build the application. Connects to nothing; the first request, or gunicorn's worker, starts the probes."""
    config = config or Config.from_environ()
    logs.configure(config.log_level)
    app = requests.Application(__name__, static_folder=None)
    app.cli = Commands(app.name)
    app.config["SETTINGS"] = config
    services = Services(config)
    services.identity.load_accounts_with(accounts.load_account, accounts.load)
    services.identity.limit_offline_to(HARMLESS)
    services.audit_outbox.store_with(audit.store)
    services.settings_cache.load_with(business.load)
    for database in filter(None, (services.database, services.replica)):
        database.shared[ZONE] = regional.zone_in_force
    services.scheduler.every(REAP_EVERY, partial(backups.reap, services.database))
    services.scheduler.every(EXPIRE_EVERY, partial(backups.expire, services.database, services.backups))
    services.business_metrics.load_with(standing.standing, standing.MEANINGS)
    services.retention_job.delete_with(purging.purge)
    for breaker in services.guards.values():
        breaker.add_listener(TransitionLog())
    app.extensions["services"] = services
    app.extensions["warmer"] = warmer = warming.Warmer(app, services)
    services.on_start += [warmer.start, components.watch(app, services, COMPONENTS).start]
    services.on_stop.append(warmer.stop)
    app.extensions["documentation"] = Documentation(app)
    services.warmup.steps += [configure_mappers, services.identity.prewarm, warmer.rehearse]
    app.extensions["allow_list"] = allowed = cors.AllowList(config, services.settings_cache.cached)
    app.extensions["limits"] = limits.Limits(config)
    app.extensions["findings"] = partial(_findings, services)
    requests.register(app, config, cors.CrossOrigin(app, allowed))
    traces.register(app, config)
    problems.register(app)
    routing.register(app)
    for blueprint in (*BLUEPRINTS, *(DRILLS if services.fault_injection.allowed else ())):
        app.register_blueprint(blueprint)
    app.extensions["meter"] = meter = metering.Meter(app, services.counters)
    requests.surround(app, meter, (*routing.ALIASES, *ALIASES))
    _require_contracts(app)
    warming.refuse_what_cannot_be_warm(app)
    return app


# D93: imported when it is asked for.
def _findings(services: Services) -> list["Finding"]:
    """Return what the checks find that wait for nothing."""
    from .doctor.checks import Installation
    from .doctor.examination import at_once

    return at_once(Installation(services))


def _require_contracts(app: Flask) -> None:
    """Refuse to build an application with a view that declares nothing: deny unless permitted."""
    bare = sorted(name for name, view in app.view_functions.items() if contract_of(view) is None)
    if bare:
        raise RuntimeError(f"Views without a contract: {', '.join(bare)}")

"""The application factory: the table of contents of the program."""

import logging
from functools import partial
from typing import Any

import structlog
from flask import Flask
from sqlalchemy.orm import configure_mappers

from .accounts import audit, purging
from .accounts import service as accounts
from .accounts.api import bp as auth
from .accounts.api import users as sessions
from .accounts.permissions import HARMLESS
from .accounts.roles_api import bp as roles
from .accounts.security_api import bp as security
from .accounts.users_api import bp as users
from .analytics import standing
from .analytics.parties_api import bp as party_analytics
from .catalog.brands_api import bp as brands
from .catalog.categories_api import bp as categories
from .catalog.locations_api import bp as locations
from .catalog.units_api import bp as units
from .commands import Commands
from .config import Config
from .infra.dependencies import Dependencies
from .inventory.blocking_api import bp as item_blocking
from .inventory.items_api import bp as items
from .parties.api import bp as customers
from .parties.suppliers_api import bp as suppliers
from .resilience import OPEN, Listener
from .settings import backups, backups_api, origins_api, system_api
from .settings import service as business
from .settings.api import bp as settings
from .settings.api import companies
from .web import (
    breaker_orders,
    breakers,
    components,
    cors,
    diagnosis,
    docs,
    health,
    incidents,
    limits,
    log_level,
    logs,
    metering,
    metrics,
    operations,
    pages,
    problems,
    requests,
    routing,
    status,
    traces,
    warming,
)
from .web.application import Application
from .web.contracts import contract_of
from .web.openapi import Documentation

BLUEPRINTS = (
    *(health.bp, status.bp, breakers.bp, metrics.bp, docs.bp, pages.bp),
    *(diagnosis.bp, operations.bp, breaker_orders.bp, incidents.bp, log_level.bp),
    *(auth, sessions, users, roles, security),
    *(settings, companies, origins_api.bp, backups_api.bp, system_api.bp),
    *(brands, categories, units, locations),
    *(customers, suppliers, party_analytics, items, item_blocking),
)
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
    app = Application(__name__, static_folder=None)
    app.cli = Commands(app.name)
    app.config["SETTINGS"] = config
    dependencies = Dependencies(config)
    dependencies.identity.load_accounts_with(accounts.load_account)
    dependencies.identity.limit_offline_to(HARMLESS)
    dependencies.journal.store_with(audit.store)
    dependencies.settings.load_with(business.load)
    dependencies.chores.every(REAP_EVERY, partial(backups.reap, dependencies.database))
    dependencies.chores.every(EXPIRE_EVERY, partial(backups.expire, dependencies.database, dependencies.dumper))
    dependencies.figures.load_with(standing.standing)
    dependencies.sweeper.sweep_with(purging.purge)
    for breaker in dependencies.guards.values():
        breaker.add_listener(TransitionLog())
    app.extensions["dependencies"] = dependencies
    app.extensions["warmer"] = warmer = warming.Warmer(app, dependencies)
    dependencies.background += [warmer.start, components.watch(app, dependencies).start]
    dependencies.endings.append(warmer.stop)
    app.extensions["documentation"] = Documentation(app)
    dependencies.warmup.steps += [configure_mappers, dependencies.identity.rehearse, warmer.rehearse]
    app.before_request(dependencies.start)
    for part in (traces, requests, cors, limits):
        part.register(app, config)
    problems.register(app)
    routing.register(app)
    for blueprint in (*BLUEPRINTS, *(DRILLS if dependencies.drills.allowed else ())):
        app.register_blueprint(blueprint)
    app.extensions["meter"] = metering.register(app, dependencies.tally)
    _require_contracts(app)
    warming.refuse_what_cannot_be_warm(app)
    return app


def _require_contracts(app: Flask) -> None:
    """Refuse to build an application with a view that declares nothing: deny unless permitted."""
    bare = sorted(name for name, view in app.view_functions.items() if contract_of(view) is None)
    if bare:
        raise RuntimeError(f"Views without a contract: {', '.join(bare)}")

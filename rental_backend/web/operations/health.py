"""Health: what is alive, what can take traffic, and what works. No answer here ever waits for a dependency."""

from typing import Any

from flask import Blueprint, current_app
from marshmallow import Schema, fields

from ...errors import NotReady
from ...infra.runtime.lifecycle import Phase
from ...infra.runtime.modes import Mode
from ..endpoint.capabilities import features
from ..endpoint.context import current_services, settings
from ..endpoint.needs import NOTHING, PUBLIC
from ..endpoint.pipeline import endpoint
from .liveness import liveness

bp = Blueprint("health", __name__)
NO_TRAFFIC = {
    Phase.STARTING: "Starting: the database is being migrated.",
    Phase.DRAINING: "Draining: this instance is about to end.",
}


class ReadyQuery(Schema):
    """`strict=1` requires every dependency, not only a started process."""

    strict = fields.Boolean(load_default=False)


def alive_now() -> dict[str, str]:
    """Return what every answer about health begins with."""
    down, mode = current_services().down(), current_services().modes.current
    return liveness(status="degraded" if down or mode != Mode.NORMAL else "healthy", mode=mode.value)


def _deployed() -> dict[str, str | None]:
    """Say which deployment answers, where the platform has told us."""
    config = settings()
    return {
        "deployment": config.railway_deployment or None,
        "commit": config.railway_commit or None,
        "replica": config.railway_replica or None,
    }


@bp.get("/")
@endpoint(needs=NOTHING, permission=PUBLIC)
def root() -> dict[str, Any]:
    """Name the service and its health pages."""
    return {**alive_now(), **_deployed(), "health": "/api/health", "breakers": "/health/breakers"}


@bp.get("/health")
@endpoint(needs=NOTHING, permission=PUBLIC)
def alive() -> dict[str, Any]:
    """Check whether the process is alive.

    It answers 200 as long as the process works; `status` tells whether a dependency is unavailable.
    """
    return alive_now()


@bp.get("/health/ready")
@bp.get("/api/health/ready")
@endpoint(needs=NOTHING, permission=PUBLIC, query=ReadyQuery(), raises=(NotReady,))
def ready(strict: bool) -> dict[str, Any]:
    """Check whether this instance can take traffic.

    It answers 200 when traffic may come, in a degraded state, too. It is 503 before every dependency was tried, while a
    worker of this host is still warming up, and while the instance drains.
    """
    services = current_services()
    if reason := NO_TRAFFIC.get(services.lifecycle.phase):
        raise NotReady(reason, phase=services.lifecycle.phase.name.lower())
    if not services.settled:
        raise NotReady("Starting: the dependencies are being tried.")
    if not services.warmup.all_warm:
        raise NotReady("Starting: connections are being opened.")
    missing = sorted(services.down())
    if strict and missing:
        raise NotReady(f"Not available: {', '.join(missing)}.", missing=missing)
    return {**alive_now(), "missing": missing}


@bp.get("/api/health")
@endpoint(needs=NOTHING, permission=PUBLIC)
def health() -> dict[str, Any]:
    """Show what works, feature by feature."""
    services = current_services()
    states = {name: breaker.current_state for name, breaker in services.breakers.items()}
    return {**alive_now(), **_deployed(), "dependencies": states, "features": features(current_app, services)}

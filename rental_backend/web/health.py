"""Health: what is alive, what may take traffic, what works. No answer here ever waits for a dependency."""

import os
import time
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, current_app
from marshmallow import Schema, fields

from .. import __version__
from ..errors import NotReady
from ..infra.dependencies import Dependencies
from ..infra.lifecycle import Phase
from ..infra.modes import Mode
from ..resilience import Breaker, Bulkhead
from .context import dependencies as _dependencies
from .context import settings
from .contracts import endpoint
from .features import answer_now, contracts, features
from .needs import NOTHING, PUBLIC
from .operations import drills_now, mode_now

bp = Blueprint("health", __name__)
SERVICE = "rental_backend"
NO_TRAFFIC = {
    Phase.STARTING: "Starting: the database is being migrated.",
    Phase.DRAINING: "Draining: this instance is about to end.",
}


class ReadyQuery(Schema):
    """`strict=1` asks for every dependency, not only for a started process."""

    strict = fields.Boolean(load_default=False)


def _alive() -> dict[str, Any]:
    down, mode = _dependencies().down(), _dependencies().modes.current
    return {
        "status": "degraded" if down or mode != Mode.NORMAL else "healthy",
        "mode": mode.value,
        "timestamp": datetime.now(UTC).isoformat(),
        "version": __version__,
        "service": SERVICE,
    }


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
    """Name the service and where to look next."""
    return {**_alive(), **_deployed(), "health": "/api/health", "breakers": "/health/breakers"}


@bp.get("/health")
@endpoint(needs=NOTHING, permission=PUBLIC)
def alive() -> dict[str, Any]:
    """Answer 200 as long as the process turns; `status` says whether a dependency is away."""
    return _alive()


@bp.get("/health/ready")
@bp.get("/api/health/ready")
@endpoint(needs=NOTHING, permission=PUBLIC, query=ReadyQuery(), raises=(NotReady,))
def ready(strict: bool) -> dict[str, Any]:
    """Answer 200 when traffic may come: also degraded, but not before every dependency was looked at, nor draining.

    Nor while a worker of this host is cold: whoever is let in by one is answered by any.
    """
    dependencies = _dependencies()
    if reason := NO_TRAFFIC.get(dependencies.lifecycle.phase):
        raise NotReady(reason, phase=dependencies.lifecycle.phase.name.lower())
    if not dependencies.settled:
        raise NotReady("The dependencies are being looked at.")
    if not dependencies.warmup.all_warm:
        raise NotReady("Connections are being opened.")
    missing = sorted(dependencies.down())
    if strict and missing:
        raise NotReady(f"Not available: {', '.join(missing)}.", missing=missing)
    return {**_alive(), "missing": missing}


@bp.get("/api/health")
@endpoint(needs=NOTHING, permission=PUBLIC)
def health() -> dict[str, Any]:
    """Say what works, blueprint by blueprint."""
    dependencies = _dependencies()
    states = {name: breaker.current_state for name, breaker in dependencies.breakers.items()}
    return {**_alive(), **_deployed(), "dependencies": states, "features": features(current_app, dependencies)}


@bp.get("/health/breakers")
@bp.get("/api/health/breakers")
@endpoint(needs=NOTHING, permission=PUBLIC)
def breakers() -> dict[str, Any]:
    """Show each breaker, its last events over all workers, and how each operation is answered now."""
    dependencies = _dependencies()
    return {
        **_alive(),
        "worker": os.getpid(),
        "ordered": mode_now(),
        "drills": drills_now(),
        "stale": dependencies.stale.counted.all(),
        "shared_reads": dependencies.flights.shared,
        "breakers": [_breaker(each, dependencies.bulkheads.get(each.name or "")) for each in _guards(dependencies)],
        "operations": [
            {
                "method": method,
                "path": rule,
                "needs": sorted(contract.needs.required),
                "answer": answer_now(dependencies, method, contract),
            }
            for _, method, rule, contract in contracts(current_app)
        ],
    }


def _guards(doors: Dependencies) -> list[Breaker]:
    """Return all breakers: that of another issuer's keys, too, which no operation needs."""
    issuer = doors.identity.issuer
    return [*doors.breakers.values(), *([issuer.breaker] if issuer else [])]


def _breaker(breaker: Breaker, bulkhead: Bulkhead | None) -> dict[str, Any]:
    counts, down, now = breaker.counts(), breaker.down_since, time.monotonic()
    return {
        "name": breaker.name,
        "state": breaker.current_state,
        "cause": breaker.cause,
        "for_seconds": round(now - breaker.since, 1),
        "down_for_seconds": None if down is None else round(now - down, 1),
        "retry_after": round(breaker.retry_after, 1),
        "window": {
            "seconds": breaker.policy.window,
            "successes": counts.successes,
            "failures": counts.failures,
            "slow": counts.slow,
        },
        "calls": {"in_flight": bulkhead.in_flight, "limit": bulkhead.limit} if bulkhead else None,
        "rejected": breaker.rejected,
        "listener_faults": breaker.listener_faults,
        "events": [
            {
                "at": event.at.isoformat(),
                "from": event.before,
                "to": event.after,
                "cause": event.cause,
                "error": event.error,
                "worker": event.worker,
            }
            for event in breaker.events[-20:]
        ],
    }

"""Metrics for a monitoring server: the numbers of all workers of this host, from memory. No dependency is asked."""

import hmac
import os
import platform
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from flask import Blueprint, current_app, request

from ... import __version__
from ...errors import Forbidden, Unauthenticated
from ...infra.container import Services
from ...infra.runtime.modes import Mode
from ...resilience import State
from ..endpoint.context import current_services, settings
from ..endpoint.needs import NOTHING, PUBLIC
from ..endpoint.pipeline import endpoint
from ..endpoint.replies import Reply
from .exposition import OPEN_METRICS, TEXT, Metric, counter, gauge, labelled, render
from .request_metrics import Meter

bp = Blueprint("metrics", __name__)
STARTED = time.time()
MEDIA = tuple(kind.partition(";")[0] for kind in (TEXT, OPEN_METRICS))
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
TOTALS = {  # of a breaker, as its slot counts them
    "opened": "Times a breaker stopped calls.",
    "rejected": "Calls not made because a breaker was open.",
    "failures": "Calls that failed.",
    "slow": "Calls that took too long.",
    "probes": "Trial calls made.",
}


@bp.get("/metrics")
@endpoint(needs=NOTHING, permission=PUBLIC, media=MEDIA, raises=(Unauthenticated, Forbidden))
def metrics() -> Reply:
    """Return the metrics of this host.

    The format is that of Prometheus, or OpenMetrics if the caller asks for it. In production the token METRICS_TOKEN is
    required; elsewhere callers on the same host need none.
    """
    _require_scraper()
    openly = MEDIA[1] in request.headers.get("Accept", "")  # a scraper that can read it names it first
    meter: Meter = current_app.extensions["meter"]
    body = render(chain(meter.metrics(), collected(current_services())), openly=openly)
    return Reply(body, 200, {"Content-Type": OPEN_METRICS if openly else TEXT, "Cache-Control": "no-store"})


# D83: a token, or nobody in production.
def _require_scraper() -> None:
    """Admit callers with the token. Without a token in the settings admit this host only, and in production nobody."""
    token, given = settings().metrics_token, request.headers.get("Authorization", "")
    if token:
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise Unauthenticated("The token for metrics is missing or wrong.", reason="missing")
    elif settings().production or request.remote_addr not in LOOPBACK:
        raise Forbidden("Set METRICS_TOKEN, and send it as a bearer token.")


def collected(services: Services) -> Iterator[Metric]:
    """Yield all but what is counted of requests."""
    yield from _breakers(services)
    yield from _bulkheads(services)
    yield from _pools(services)
    yield from _counted(services)
    yield from _business(services)
    yield from _host(services)
    yield from _service(services)


def _breakers(services: Services) -> Iterator[Metric]:
    guards = services.guards.values()
    states = [(breaker, state.label) for breaker in guards for state in State]
    now = [(labelled(breaker=each.name, state=state), int(each.current_state == state)) for each, state in states]
    yield gauge("rental_breaker_state", "1 for the state a breaker is in.", now)
    clock = time.monotonic()
    down = ((labelled(breaker=each.name), _since(each.down_since, clock)) for each in guards)
    yield gauge("rental_breaker_down_seconds", "How long calls have been refused; 0 if they are made.", down)
    totals = [(labelled(breaker=each.name), each.engine.breaker_state.totals()) for each in guards]
    for number, (name, meaning) in enumerate(TOTALS.items()):
        yield counter(f"rental_breaker_{name}", meaning, [(labels, found[number]) for labels, found in totals])


def _since(moment: float | None, now: float) -> float:
    return 0 if moment is None else round(now - moment, 3)


def _bulkheads(services: Services) -> Iterator[Metric]:
    found = [(labelled(bulkhead=name), each) for name, each in services.bulkheads.items()]
    yield gauge("rental_bulkhead_in_flight", "Calls under way.", [(label, each.in_flight) for label, each in found])
    yield gauge("rental_bulkhead_limit", "Most calls at once.", [(label, each.limit) for label, each in found])
    full = [(label, each.rejected) for label, each in found]
    yield counter("rental_bulkhead_rejected", "Calls not made because the bulkhead was full.", full)


def _pools(services: Services) -> Iterator[Metric]:
    found = [(labelled(pool=name), size, used) for name, (size, used) in services.worker_gauges.pools().items()]
    yield gauge("rental_pool_size", "Connections that the pool may hold.", [(label, size) for label, size, _ in found])
    used = [(label, used) for label, _, used in found]
    yield gauge("rental_pool_checked_out", "Connections in use, as seen within the last second.", used)
    late = [(labelled(pool=name), adapter.pool_timeouts.value("timeouts")) for name, adapter in services.pools.items()]
    yield counter("rental_pool_timeouts", "Requests that waited for a connection and got none.", late)


def _counted(services: Services) -> Iterator[Metric]:
    """Yield what is counted by its outcome."""
    for name, group, label, meaning in (
        (
            "rental_stale_lookups",
            services.response_cache.lookups,
            "outcome",
            "Lookups of a last good answer (outdated: misses).",
        ),
        ("rental_idempotency_keys", services.idempotency, "outcome", "Requests with an Idempotency-Key."),
        (
            "rental_sign_ins",
            services.sign_ins,
            "outcome",
            "Sign-in attempts; offline: sessions refreshed by signature.",
        ),
        ("rental_rate_limited", services.limited, "limit", "Requests refused by a rate limit."),
    ):
        yield counter(name, meaning, [(labelled(**{label: each}), many) for each, many in group.values().items()])


def _business(services: Services) -> Iterator[Metric]:
    """Yield the figures of the business with their age, which grows while the database is away."""
    told = services.business_metrics.latest()
    if told is None:
        return
    figures, age = told
    for name, meaning in services.business_metrics.meanings.items():
        yield gauge(f"rental_{name}", meaning, [("", figures[name])])
    yield gauge("rental_figures_age_seconds", "How old the figures of the business are.", [("", round(age, 3))])


def _host(services: Services) -> Iterator[Metric]:
    memory = services.worker_gauges.memory()
    yield gauge("rental_workers", "Workers that live.", [("", len(memory))])
    resident = [(labelled(worker=lane), used) for lane, used in memory.items()]
    yield gauge("rental_worker_resident_bytes", "Memory of a worker, with what it shares.", resident)
    yield gauge(
        "rental_journal_bytes", "Security events that wait for the database.", [("", services.audit_outbox.size)]
    )
    config = settings()
    for name, folder in (("journal", config.journal_folder), ("backups", config.backup_folder)):
        free = _free(Path(folder))
        if free is not None:
            yield gauge(f"rental_{name}_disk_free_ratio", "The share of its disk that is free.", [("", free)])


def _free(folder: Path) -> float | None:
    """Return how much of a folder's disk is free (0 to 1); None if there is no such folder yet."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    return round(disk.f_bavail / disk.f_blocks, 4) if disk.f_blocks else None


def _service(services: Services) -> Iterator[Metric]:
    mode = services.modes.current
    modes = [(labelled(mode=each.value), int(each is mode)) for each in Mode]
    yield gauge("rental_mode", "1 for the mode in force.", modes)
    build = labelled(version=__version__, commit=settings().railway_commit, python=platform.python_version())
    yield gauge("rental_build_info", "The running version.", [(build, 1)])
    yield gauge("rental_start_time_seconds", "When the service began, since the epoch.", [("", STARTED)])

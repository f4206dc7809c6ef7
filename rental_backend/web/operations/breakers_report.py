"""What there is to say about the breakers at this moment, for programs and for the page.

Everybody is told what works and since when. Kinds of errors, and the names and reasons of operators, are told to
operators only.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask

from ...infra.container import Services
from ...infra.runtime.modes import Mode
from ...resilience import Breaker, Bulkhead, Operator, Transition
from ...resilience.timeseries import STEP
from ..endpoint.capabilities import answered_now, by_part
from .health import alive_now
from .modes import drills_now, mode_now

Told = dict[str, Any]
EVENTS = 20
ORDERED = "an operator's order"
WITHHELD = ("reason", "actor")


def report(app: Flask, services: Services, *, to_operator: bool) -> Told:
    """Return all of it; within an application context. Touches no dependency."""
    missing = services.down()
    down = {name: breaker for name, breaker in services.breakers.items() if name in missing}
    operations = list(_operations(app, services, frozenset(down)))
    return {
        **alive_now(),
        "worker": os.getpid(),
        "details": to_operator,
        "ordered": _withheld(mode_now(), to_operator),
        "drills": {name: _withheld(drill, to_operator) for name, drill in drills_now().items()},
        "stale": services.response_cache.lookups.values(),
        "shared_reads": services.single_flight.shared,
        "breakers": [
            _breaker(services, each, services.bulkheads.get(name), to_operator=to_operator)
            for name, each in services.guards.items()
        ],
        "features": _features(services, operations, down),
        "operations": operations,
    }


def _withheld(said: Told, to_operator: bool) -> Told:
    return said if to_operator else {name: None if name in WITHHELD else value for name, value in said.items()}


def order_told(breaker: Breaker) -> Told | None:
    """Return the operator's order in force on a breaker, if any: what, why, who, and for how long still (seconds)."""
    order = breaker.operator
    return None if order is None else {**_order(order), "seconds_left": _left(breaker, order)}


def _order(order: Operator) -> Told:
    return {"state": order.state, "reason": order.reason, "actor": order.actor}


def _left(breaker: Breaker, order: Operator) -> float | None:
    return None if order.until is None else round(max(0.0, order.until - breaker.clock()), 1)


def _ago(seconds: float) -> str:
    """Return the moment that many seconds ago, in UTC."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds")


def _breaker(services: Services, breaker: Breaker, bulkhead: Bulkhead | None, *, to_operator: bool) -> Told:
    counts, down, now, events = breaker.counts(), breaker.down_since, breaker.clock(), breaker.events
    state, order = breaker.current_state, order_told(breaker)
    return {
        "name": breaker.name,
        "state": state,
        "cause": _cause(breaker, events, to_operator),
        "for_seconds": round(now - breaker.since, 1),
        "down_for_seconds": None if down is None else round(now - down, 1),
        "down_since": None if down is None else _ago(now - down),
        "retry_after": round(breaker.retry_after, 1),
        "next_probe_in": round(breaker.retry_after, 1) if state in ("open", "half-open") else None,
        "order": order and _withheld(order, to_operator),
        "window": {
            "seconds": breaker.policy.window,
            "successes": counts.successes,
            "failures": counts.failures,
            "slow": counts.slow,
        },
        "workers": list(_workers(breaker)),
        "calls": {"in_flight": bulkhead.in_flight, "limit": bulkhead.limit} if bulkhead else None,
        "rejected": breaker.rejected,
        "listener_faults": breaker.listener_faults,
        "events": [_event(event, to_operator) for event in events[-EVENTS:]],
        "timeline": [_event(event, to_operator) for event in events if not event.is_probing][-EVENTS:],
        "history": {"seconds": STEP, "points": [point._asdict() for point in services.timeseries.points(breaker)]},
    }


def _workers(breaker: Breaker) -> Iterator[Told]:
    """Yield what each worker of the host counted in the window, since the present state began."""
    breaker_state = breaker.engine.breaker_state
    for worker, counts in breaker_state.by_worker(breaker.generation, breaker.clock(), breaker.policy.window).items():
        yield {"worker": worker, **dict(zip(("successes", "failures", "slow"), counts, strict=True))}


def _cause(breaker: Breaker, events: tuple[Transition, ...], to_operator: bool) -> str:
    """Return why a breaker is as it is; a probe under way is no new reason."""
    last = next((event for event in reversed(events) if event.after != "half-open"), None)
    return ORDERED if last and last.ordered and not to_operator else breaker.cause


def _event(event: Transition, to_operator: bool) -> Told:
    return {
        "at": event.at.isoformat(),
        "from": event.before,
        "to": event.after,
        "cause": ORDERED if event.ordered and not to_operator else event.cause,
        "error": event.error if to_operator else None,
        "worker": event.worker,
    }


def _operations(app: Flask, services: Services, down: frozenset[str]) -> Iterator[Told]:
    for part, method, rule, contract, answer in answered_now(app, services):
        needs = contract.needs
        yield {
            "method": method,
            "path": rule,
            "part": part,
            "needs": sorted(needs.required),
            "optional": sorted(needs.optional),
            "missing": sorted((needs.required | needs.optional) & down),
            "answer": answer,
        }


def _features(services: Services, operations: list[Told], down: dict[str, Breaker]) -> Told:
    """Return the features, each with the moment since which it is not as usual (None if it is)."""
    found = by_part((each["part"], each["answer"]) for each in operations)
    order = services.modes.order
    ordered = order.since if order and order.mode != Mode.NORMAL else None
    missing = {name: _ago(breaker.clock() - breaker.down_since) for name, breaker in down.items() if breaker.down_since}
    lacks: dict[str, set[str]] = {}
    for operation in operations:
        lacks.setdefault(operation["part"], set()).update(operation["missing"])
    for name, feature in found.items():
        usual = set(feature["answers"]) == {"full"}
        since = (missing[each] for each in lacks[name] & missing.keys())
        feature["since"] = None if usual else min(since, default=ordered)
    return found

"""How a read is answered in an outage: by the replica if it has followed far enough, else by the last good answer.

Without an outage, callers who ask the same at the same time share a single query.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from ...errors import ServiceUnavailable
from ...infra.postgres.database import Database
from ...infra.postgres.sessions import replica_position
from ...infra.stale.change_authors import author_key
from ...infra.stale.store import CachedResponse, ResponseCache
from .call import Call
from .needs import PUBLIC, Conditions
from .replies import READS, Reply

WARNING = '110 rental_backend "Response is stale"'


def key(call: Call, arguments: dict[str, Any]) -> str:
    """Return the key under which the answer to a read is remembered; empty for one that is not."""
    if call.request.method not in READS or not call.operation.contract.needs.stale_for:
        return ""
    caller, per_caller = call.caller, call.operation.contract.per_caller
    scope = PUBLIC if caller is None else str(caller.id) if per_caller else caller.scope
    return key_of(call.request.endpoint or "", arguments, scope)


def key_of(endpoint: str, arguments: dict[str, Any], scope: str) -> str:
    """Return the key of an answer: the endpoint, its arguments, and the permission scope it is made for."""
    return ResponseCache.key(endpoint, repr(sorted(arguments.items())), scope)


# D43: one of several callers with the same question asks the database.
def shared(call: Call, key: str, fresh: Callable[[], Reply]) -> Reply:
    """Return the fresh answer to a read, one for all who ask the same just now, and remember it."""
    if not key:
        return fresh()
    services = call.services
    version = services.change_log.version(call.rows)

    def ask() -> Reply:
        began = time.time()
        reply = fresh()
        if isinstance(reply.body, bytes):
            services.response_cache.remember(key, CachedResponse(reply.body, reply.headers, began, version))
        return reply

    # A caller who has seen a change never joins one who began before it: the tags differ.
    reply: Reply = services.single_flight.run((key, version), ask)
    return reply


def instead(call: Call, key: str, read: Callable[[Session], Reply]) -> tuple[Reply, list[str]] | None:
    """Return what a read that failed is answered with, and how that is degraded; None if it is refused.

    Its database did not answer, whatever the breaker knows of that yet. The contract says what follows, as it does
    for health and the documentation.
    """
    services, operation = call.services, call.operation
    down = services.down() | {call.database.breaker.name or ""}
    conditions = Conditions(down, services.modes.current, replica=services.replica_serves)
    how = operation.contract.degradation(call.request.method, conditions)
    if how == "replica" and "session" in operation.names and services.replica is not None:
        found = _from_replica(call, services.replica, read)
        if found:
            return found, ["replica"]
        how = "stale"
    if how != "stale" or not key:
        return None
    who = author_key(call.caller.id if call.caller else None)
    kept = services.response_cache.find(key, call.rows, within=operation.contract.needs.stale_for, who=who)
    return (_replayed(kept), ["stale"]) if kept else None


def _from_replica(call: Call, replica: Database, read: Callable[[Session], Reply]) -> Reply | None:
    """Return the replica's answer, with the age of its newest change.

    None if it does not answer, or a change known here has not got there.
    """
    try:
        with replica.reading() as session:
            place, age = replica_position(session)
            if place < call.services.change_log.position(call.rows):
                return None
            reply = read(session)
    except ServiceUnavailable:
        return None
    return reply if age is None else replace(reply, headers={**reply.headers, "X-Replica-Lag": f"{max(age, 0):.1f}"})


def _replayed(answer: CachedResponse) -> Reply:
    """Return a last good answer, marked with its age in seconds."""
    return Reply(answer.body, 200, {**answer.headers, "Age": str(int(answer.age)), "Warning": WARNING})

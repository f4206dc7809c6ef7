"""Rate limits of requests: by the kind of operation, per user who is signed in, else per address.

Which limit applies follows from the contract. What needs nothing (health, the documentation) has none. A caller who is
refused because the token is not valid counts as a stranger, or bad tokens would cost nothing.
"""

import inspect
import math
from dataclasses import dataclass
from enum import StrEnum

from flask import Request, g

from ...config import Config
from ...errors import RateLimited
from ...infra.container import Services
from ...infra.rate_limits import Quota
from .call import Call
from .context import client_address
from .contracts import Operation
from .needs import NOTHING, PUBLIC
from .streams import Stream

HEADERS = ("RateLimit", "RateLimit-Policy")


class Rate(StrEnum):
    """The kinds of operations, each with a limit of its own."""

    READS = "reads"
    WRITES = "writes"
    TRANSFERS = "transfers"
    STRANGERS = "strangers"


def rate_of(operation: Operation, method: str) -> Rate | None:
    """Return the limit that a request counts against; None for an operation without one."""
    contract = operation.contract
    if contract.permission == PUBLIC:
        return None if contract.needs == NOTHING else Rate.STRANGERS
    if _is_transfer(operation):
        return Rate.TRANSFERS
    return Rate.WRITES if contract.changes_by(method) else Rate.READS


def _is_transfer(operation: Operation) -> bool:
    """Tell whether an operation is an import or an export."""
    form = operation.contract.accepts
    return bool(form and form.many) or inspect.signature(operation.view).return_annotation is Stream


@dataclass(frozen=True, slots=True)
class Limit:
    """A quota, and how the headers of answers name and announce it."""

    quota: Quota
    name: str
    policy: str


class Limits:
    """The limits of an application, by kind; a limit of 0 calls is none."""

    def __init__(self, config: Config) -> None:
        calls = {
            Rate.READS: config.rate_reads,
            Rate.WRITES: config.rate_writes,
            Rate.TRANSFERS: config.rate_transfers,
            Rate.STRANGERS: config.rate_strangers,
        }
        seconds = config.rate_window
        self.of = {
            rate: Limit(Quota(rate.value, most, seconds), f'"{rate.value}"', f'"{rate.value}";q={most};w={seconds}')
            for rate, most in calls.items()
            if most
        }
        self._by_operation: dict[tuple[str | None, str], Limit | None] = {}

    def of_operation(self, operation: Operation, asked: Request) -> Limit | None:
        """Return the limit that a request of an operation counts against; found out once for each."""
        key = asked.endpoint, asked.method
        if key not in self._by_operation:
            rate = rate_of(operation, asked.method)
            self._by_operation[key] = self.of.get(rate) if rate else None
        return self._by_operation[key]


def admit(call: Call) -> None:
    """Count a request against its limit, or raise `RateLimited`."""
    limits: Limits = call.app.extensions["limits"]
    limit = limits.of_operation(call.operation, call.request)
    if limit is not None:
        _consume(limit, call.caller.id if call.caller else client_address(), call.services)


def count_stranger(limits: Limits, services: Services) -> None:
    """Count a request that is refused because its caller is unknown. Raises `RateLimited` if there are too many."""
    limit = limits.of.get(Rate.STRANGERS)
    if limit is not None:
        _consume(limit, client_address(), services)


def _consume(limit: Limit, caller: object, services: Services) -> None:
    """Count a request, and have its answer say what remains (draft-ietf-httpapi-ratelimit-headers)."""
    decision = services.rate_limiter.consume(limit.quota, caller)
    remaining = f"{limit.name};r={decision.remaining};t={math.ceil(decision.reset_after)}"
    g.headers = (("RateLimit-Policy", limit.policy), ("RateLimit", remaining))
    if decision.retry_after:
        services.limited.add(limit.quota.name)
        raise RateLimited(limit.quota.name, decision.retry_after)

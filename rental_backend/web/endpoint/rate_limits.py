"""How much one caller may ask for: by what his operation is, for him if he has signed in, else for his address.

Which limit holds follows from the contract. What needs nothing (health, the documentation) has none. Who is refused
because nobody knows him counts as a stranger, or bad tokens would cost nothing.
"""

import inspect
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from flask import Request, Response, g

from ...config import Config
from ...errors import RateLimited, Unauthenticated
from ...infra.container import Services
from ...infra.rate_limits import Quota, Spent
from .application import Application
from .context import application, client_address
from .needs import NOTHING, PUBLIC
from .principal import Principal, authenticate
from .streams import Stream

if TYPE_CHECKING:
    from .contracts import Operation

HEADERS = ("RateLimit", "RateLimit-Policy")


class Rate(StrEnum):
    """What is limited, each for itself."""

    READS = "reads"
    WRITES = "writes"
    TRANSFERS = "transfers"
    STRANGERS = "strangers"


def rate_of(operation: "Operation", method: str) -> Rate | None:
    """Return to which limit a call counts; None for what has none."""
    contract = operation.contract
    if contract.permission == PUBLIC:
        return None if contract.needs == NOTHING else Rate.STRANGERS
    if _transfers(operation):
        return Rate.TRANSFERS
    return Rate.WRITES if contract.changes_by(method) else Rate.READS


def _transfers(operation: "Operation") -> bool:
    """Tell whether it is an import or an export."""
    form = operation.contract.accepts
    return bool(form and form.many) or inspect.signature(operation.view).return_annotation is Stream


@dataclass(frozen=True, slots=True)
class Limit:
    """A quota, and how it is announced."""

    quota: Quota
    named: str
    policy: str


class Limits:
    """The limits of an application; one of 0 calls is none."""

    def __init__(self, config: Config) -> None:
        calls = {
            Rate.READS: config.rate_reads,
            Rate.WRITES: config.rate_writes,
            Rate.TRANSFERS: config.rate_transfers,
            Rate.STRANGERS: config.rate_strangers,
        }
        seconds = config.rate_window
        self.of = {
            rate: Limit(Quota(rate.value, many, seconds), f'"{rate.value}"', f'"{rate.value}";q={many};w={seconds}')
            for rate, many in calls.items()
            if many
        }
        self.by_operation: dict[tuple[str | None, str], Limit | None] = {}


def admit(operation: "Operation", caller: Principal | None, *, services: Services, asked: Request) -> None:
    """Count a call, or raise `RateLimited`."""
    limits: Limits = application().extensions["limits"]
    key = asked.endpoint, asked.method
    if key not in limits.by_operation:
        rate = rate_of(operation, asked.method)
        limits.by_operation[key] = limits.of.get(rate) if rate else None
    limit = limits.by_operation[key]
    if limit is not None:
        _spend(limit, caller.id if caller else client_address(), services)


def known(services: Services, asked: Request) -> Principal:
    """Return who calls. Raises `Unauthenticated`, or `RateLimited` if that happens to somebody too often."""
    try:
        return authenticate(asked, services.identity)
    except Unauthenticated:
        limit = application().extensions["limits"].of.get(Rate.STRANGERS)
        if limit is not None:
            _spend(limit, client_address(), services)
        raise


def _spend(limit: Limit, who: object, services: Services) -> None:
    spent = services.rates.spend(limit.quota, who)
    g.limit = limit, spent
    if spent.wait:
        services.limited.add(limit.quota.name)
        raise RateLimited(limit.quota.name, spent.wait)


def register(app: Application, config: Config) -> None:
    """Have every answer that was counted say what is left (draft-ietf-httpapi-ratelimit-headers)."""
    app.extensions["limits"] = Limits(config)

    @app.finish
    def tell(response: Response, _: Request, kept: Any) -> None:
        found: tuple[Limit, Spent] | None = kept.get("limit")
        if found is not None:
            limit, spent = found
            told = response.headers
            told.add("RateLimit-Policy", limit.policy)
            told.add("RateLimit", f"{limit.named};r={spent.left};t={math.ceil(spent.full_in)}")

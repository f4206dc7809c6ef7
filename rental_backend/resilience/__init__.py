"""Circuit breakers, probes, bulkheads and deadlines. A small library: it knows no Flask, no SQLAlchemy, no Redis."""

from .breaker import CLOSED, HALF_OPEN, OPEN, Breaker, BreakerOpen
from .bulkhead import Bulkhead, BulkheadFull, RetryBudget
from .call import Call
from .deadline import budget, limit
from .events import Transition
from .machine import Counts, Policy, State
from .page import Page
from .prober import Prober
from .slot import Operator
from .verdict import Judge, Verdict

__all__ = [
    "CLOSED",
    "HALF_OPEN",
    "OPEN",
    "Breaker",
    "BreakerOpen",
    "Bulkhead",
    "BulkheadFull",
    "Call",
    "Counts",
    "Judge",
    "Operator",
    "Page",
    "Policy",
    "Prober",
    "RetryBudget",
    "State",
    "Transition",
    "Verdict",
    "budget",
    "limit",
]

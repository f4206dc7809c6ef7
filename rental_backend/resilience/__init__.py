"""Circuit breakers, probes and deadlines. A small library: it knows no Flask, no SQLAlchemy and no Redis."""

from .breaker import CLOSED, HALF_OPEN, OPEN, Breaker, BreakerOpen, Policy, Transition
from .deadline import budget, limit
from .prober import Prober
from .verdict import Judge, Verdict

__all__ = [
    "CLOSED",
    "HALF_OPEN",
    "OPEN",
    "Breaker",
    "BreakerOpen",
    "Judge",
    "Policy",
    "Prober",
    "Transition",
    "Verdict",
    "budget",
    "limit",
]

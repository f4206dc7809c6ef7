"""Circuit breakers, probes, bulkheads and deadlines. A small library: it knows no Flask, no SQLAlchemy, no Redis."""

from pybreaker import CircuitBreakerListener as Listener

from .board import Board, Cell
from .breaker import CLOSED, HALF_OPEN, OPEN, Breaker, BreakerOpen
from .bulkhead import Bulkhead, BulkheadFull, Ramp, RetryBudget
from .call import Call
from .deadline import budget, limit
from .events import Transition
from .flights import Flights
from .history import History, Point
from .machine import Counts, Policy, State
from .page import Page
from .prober import Prober
from .slot import Operator
from .tally import Family, Tally
from .verdict import Judge, Verdict

__all__ = [
    "CLOSED",
    "HALF_OPEN",
    "OPEN",
    "Board",
    "Breaker",
    "BreakerOpen",
    "Bulkhead",
    "BulkheadFull",
    "Call",
    "Cell",
    "Counts",
    "Family",
    "Flights",
    "History",
    "Judge",
    "Listener",
    "Operator",
    "Page",
    "Point",
    "Policy",
    "Prober",
    "Ramp",
    "RetryBudget",
    "State",
    "Tally",
    "Transition",
    "Verdict",
    "budget",
    "limit",
]

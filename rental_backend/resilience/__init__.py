"""Circuit breakers, probes, bulkheads and deadlines. A small library: it knows no Flask, no SQLAlchemy, no Redis."""

from pybreaker import CircuitBreakerListener as Listener

from .breaker import CLOSED, HALF_OPEN, OPEN, Breaker, BreakerOpen
from .breaker_state import Operator
from .bulkhead import Bulkhead, BulkheadFull, Ramp, RetryBudget
from .call import Call
from .counters import Family, Tally
from .deadline import budget, limit
from .events import Transition
from .outcome import Judge, Verdict
from .prober import Prober
from .shared_memory import Page
from .shared_state import Board, Cell
from .single_flight import Flights
from .state_machine import Counts, Policy, State
from .timeseries import History, Point

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

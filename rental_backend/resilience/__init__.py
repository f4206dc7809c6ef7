"""Circuit breakers, probes, bulkheads and deadlines. A small library: it knows no Flask, no SQLAlchemy, no Redis."""

from pybreaker import CircuitBreakerListener as Listener

from .breaker import Breaker, BreakerOpen
from .breaker_state import Operator
from .bulkhead import Bulkhead, BulkheadFull, RetryBudget, SlowStart
from .call import Call
from .connections import ConnectionEpoch
from .counters import CounterGroup, Counters
from .deadline import budget, limit, uncounted
from .events import Transition
from .outcome import Classifier, Outcome
from .prober import Prober
from .pybreaker_interface import CLOSED, HALF_OPEN, OPEN
from .shared_memory import SharedMemory
from .shared_state import SharedDocument, SharedState
from .single_flight import SingleFlight
from .state_machine import Counts, Policy, State
from .timeseries import Point, TimeSeries

__all__ = [
    "CLOSED",
    "HALF_OPEN",
    "OPEN",
    "Breaker",
    "BreakerOpen",
    "Bulkhead",
    "BulkheadFull",
    "Call",
    "Classifier",
    "ConnectionEpoch",
    "CounterGroup",
    "Counters",
    "Counts",
    "Listener",
    "Operator",
    "Outcome",
    "Point",
    "Policy",
    "Prober",
    "RetryBudget",
    "SharedDocument",
    "SharedMemory",
    "SharedState",
    "SingleFlight",
    "SlowStart",
    "State",
    "TimeSeries",
    "Transition",
    "budget",
    "limit",
    "uncounted",
]

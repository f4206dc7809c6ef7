"""The errors of waits that took too long, and connecting in time."""

import time

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGenConn

from ...resilience import limit


class BudgetSpent(psycopg.OperationalError):
    """The request had too little time left for the wait to say anything about the server."""


def timeout_error(wanted: str, allowed: float, deadline: float) -> psycopg.OperationalError:
    """Return the error of a wait of `allowed` seconds: below half the deadline it says nothing about the server."""
    message = f"no {wanted} within {allowed:.2f} s"
    return BudgetSpent(message) if allowed < deadline / 2 else errors.ConnectionTimeout(message)


def with_deadline(steps: PQGenConn[RV], deadline: float) -> PQGenConn[RV]:
    """Run a connection's steps until the deadline or the end of the budget; psycopg yields every 0.1 s."""
    allowed = limit(deadline)
    ends = time.monotonic() + allowed
    step = next(steps)
    while True:
        ready = yield step
        if time.monotonic() >= ends:
            steps.close()
            raise timeout_error("connection", allowed, deadline)
        try:
            step = steps.send(ready)
        except StopIteration as done:
            value: RV = done.value
            return value

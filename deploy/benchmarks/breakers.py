"""Our circuit breaker beside pybreaker, circuitbreaker and interlock-cb: what it costs, and what it prevents."""

import os

from deploy.benchmarks import calls, workers

TABLES = (
    calls.closed,
    calls.refused,
    calls.state,
    calls.waiting,
    calls.hanging,
    workers.trials,
    workers.spreading,
    workers.dying,
    calls.noise,
)


def main() -> None:
    """Print a table per question, then each bar with its figure."""
    print(f"Circuit breakers on {os.cpu_count()} cores; medians of rounds taken in turns, calls in processor time")
    bars = []
    for measure in TABLES:
        table = measure()
        table.print()
        bars += table.bars
    print()
    for bar in bars:
        print(bar)

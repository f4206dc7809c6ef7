"""pybreaker's storage and state objects over the engine, for engineers who know pybreaker."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pybreaker

from .engine import Engine


class NamedState(pybreaker.CircuitBreakerState):
    """A state by its name; the engine does the work."""


# D18: pybreaker is the face, not the engine.
class SharedStorage(pybreaker.CircuitBreakerStorage):
    """Shows the shared state in pybreaker's terms. It is read-only: transitions go through the breaker."""

    def __init__(self, engine: Engine) -> None:
        super().__init__("page")
        self._engine = engine

    @property
    def state(self) -> Any:
        """The name of the state in force."""
        return self._engine.label

    @state.setter
    def state(self, state: str) -> None:
        raise AttributeError(f"a breaker becomes {state} by its own methods")

    @property
    def counter(self) -> int:
        """Failures in a row, over all workers."""
        _ = self._engine.current  # an operator's order may have expired, and its counts with it
        return self._engine.breaker_state.consecutive_failures

    @property
    def success_counter(self) -> int:
        """Consecutive successful probes."""
        return self._engine.breaker_state.probes

    @property
    def opened_at(self) -> Any:
        """When the breaker opened, or None while it admits calls."""
        engine = self._engine
        if engine.admits:
            return None
        return datetime.now(UTC) - timedelta(seconds=engine.clock() - engine.breaker_state.since)

    @opened_at.setter
    def opened_at(self, datetime: datetime) -> None:
        raise AttributeError(f"not to be set: {datetime}")

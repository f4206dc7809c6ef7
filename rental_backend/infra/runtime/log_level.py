"""The log level: one for all workers of a host, changed while they run."""

import logging
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ...resilience import SharedDocument, SharedState


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLevelOrder:
    """An operator's order: the level, the reason, who gave it, its begin (ISO 8601) and its end (monotonic seconds)."""

    level: str
    reason: str
    actor: str
    since: str
    until: float

    @property
    def seconds_left(self) -> float:
        """Seconds until it expires."""
        return max(0.0, self.until - time.monotonic())


class LogLevel:
    """The level in force: the operator's order until it expires, else `default`."""

    def __init__(self, shared_state: SharedState, default: str) -> None:
        self.default = self._applied = default
        self._document = SharedDocument(shared_state, "log level", lambda data: LogLevelOrder(**data))
        self.ever_changed = self._document.version  # falsy as long as nobody has ordered a level

    @property
    def order(self) -> LogLevelOrder | None:
        """The operator's order in force, if any."""
        order = self._document.value
        return order if order and time.monotonic() < order.until else None

    @property
    def current(self) -> str:
        """The name of the level in force."""
        order = self.order
        return order.level if order else self.default

    def set(self, level: str, *, reason: str, actor: str, seconds: float) -> None:
        """Make all workers log at a level for `seconds`."""
        since, until = datetime.now(UTC).isoformat(), time.monotonic() + seconds
        self._document.write(asdict(LogLevelOrder(level=level, reason=reason, actor=actor, since=since, until=until)))
        self.apply()

    def apply(self) -> None:
        """Make this process log at the level in force. Costs one memory access if nothing has changed."""
        level = self.current
        if level != self._applied:
            self._applied = level
            logging.getLogger().setLevel(level)

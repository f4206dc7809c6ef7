"""The least level that is logged: one for all workers of a host, changed while they run."""

import logging
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ...resilience import SharedDocument, SharedState


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLevelOrder:
    """What an operator ordered: why, who, since when, until when (monotonic seconds)."""

    level: str
    reason: str
    actor: str
    since: str
    until: float

    @property
    def seconds_left(self) -> float:
        """Seconds until it runs out."""
        return max(0.0, self.until - time.monotonic())


class LogLevel:
    """The level in force: the operator's order until it runs out, else `default`."""

    def __init__(self, shared_state: SharedState, default: str) -> None:
        self.default = self._applied = default
        self._document = SharedDocument(shared_state, "log level", lambda data: LogLevelOrder(**data))

    @property
    def order(self) -> LogLevelOrder | None:
        """The operator's order in force, if any."""
        found = self._document.value
        return found if found and time.monotonic() < found.until else None

    @property
    def current(self) -> str:
        """The name of the level in force."""
        order = self.order
        return order.level if order else self.default

    def set(self, level: str, *, reason: str, actor: str, seconds: float) -> None:
        """Have all workers log at a level for so many seconds."""
        since, until = datetime.now(UTC).isoformat(), time.monotonic() + seconds
        self._document.write(asdict(LogLevelOrder(level=level, reason=reason, actor=actor, since=since, until=until)))
        self.apply()

    def apply(self) -> None:
        """Have this process log at the level in force. Costs a look at one word if nothing has changed."""
        level = self.current
        if level != self._applied:
            self._applied = level
            logging.getLogger().setLevel(level)

"""Time, as a thing that tests can replace."""

import time
from datetime import UTC, datetime


class Clock:
    """The machine's clock. `now` counts seconds since some moment, `today` is the date and time in UTC."""

    def now(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def today(self) -> datetime:
        """The date and time, aware, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let some seconds pass."""
        time.sleep(seconds)

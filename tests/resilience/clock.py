"""A clock that a test sets."""


class Clock:
    """Says what it was told: seconds, as `time.monotonic` does."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass, or go back."""
        self.now += seconds

"""A past made up for tests: looks at two components, one after the other, on clocks of its own."""

from collections.abc import Iterator

from rental_backend.infra.uptime import Level, State
from rental_backend.infra.uptime.state import Look

NOW = 1_795_640_400_000  # a full hour (milliseconds since 1970)
NAMES = {"shop": "Web shop", "desk": "Front desk"}
WELL = {"shop": Level.OPERATIONAL, "desk": Level.OPERATIONAL}
BAD = {**WELL, "shop": Level.PARTIAL}
WORSE = {"shop": Level.MAJOR, "desk": Level.PARTIAL}
EVERY = 2_000


class Past:
    """A state and its two clocks (milliseconds)."""

    def __init__(self, state: State | None = None, wall: int = NOW) -> None:
        self.state = state or State()
        self.monotonic, self.wall = 1_000_000, wall

    def look(self, levels: dict[str, Level]) -> State:
        """Look now."""
        self.state = self.state.seen(levels, Look(monotonic=self.monotonic, wall=self.wall), NAMES)
        return self.state

    def go(self, seconds: float, levels: dict[str, Level]) -> State:
        """Look every two seconds, for so long."""
        for _ in self._steps(seconds):
            self.look(levels)
        return self.state

    def skip(self, seconds: float) -> None:
        """Let time go by in which nobody looks."""
        self.monotonic += round(seconds * 1000)
        self.wall += round(seconds * 1000)

    def _steps(self, seconds: float) -> Iterator[int]:
        for step in range(round(seconds * 1000 / EVERY)):
            self.skip(EVERY / 1000)
            yield step

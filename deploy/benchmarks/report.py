"""What a benchmark has to say: tables of figures, and whether the bars were met."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, COLUMN = 32, 16


@dataclass(frozen=True)
class Bar:
    """A figure and the most that it may be."""

    text: str
    figure: float
    limit: float
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether it is not above its limit."""
        return self.figure <= self.limit

    def __str__(self) -> str:
        verdict = "met   " if self.met else "MISSED"
        return f"{verdict}  {self.text}: {self.figure:.4g}{self.unit} (bar {self.limit:g}{self.unit})"


@dataclass
class Table:
    """Rows of figures under a title, and the bars that they are held to."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)

    def add(self, name: str, *cells: str) -> None:
        """Add a row."""
        self.rows.append((name, *cells))

    def print(self) -> None:
        """Print it."""
        print(f"\n{self.title}")
        for name, *cells in (("", *self.columns), *self.rows):
            print(f"  {name:{WIDTH}}" + "".join(f"{cell:>{COLUMN}}" for cell in cells), flush=True)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the least value that at least that share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]

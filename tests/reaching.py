"""How many of the examples that a property is tried on reach the case that it is about."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

EXAMPLES = 60


def share(strategy: SearchStrategy[Any], is_case: Callable[[Any], bool]) -> float:
    """Return the share of examples that are of a kind, the same in each run."""
    found: list[bool] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def look(example: Any) -> None:
        found.append(is_case(example))

    look()
    return sum(found) / len(found)

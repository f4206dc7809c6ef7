"""Where the time of a run goes: its slowest files, printed at the end.

The time of a file is the sum over its tests and their fixtures, as the process that ran them measured it. `deploy/test`
runs pytest twice: the first run, of the tests that measure time, leaves its sums to the second, which prints both.
"""

from collections import Counter

import pytest

SHOWN = 20
WORTH_TELLING = 1.0  # seconds
FINDING = 20.0  # seconds that no file takes, unless it is run by `deploy/test full`
KEY = "slowest/alone"


class Slowest:
    """Sums up how long the tests of each file take, and prints the slowest files."""

    def __init__(self, config: pytest.Config) -> None:
        self._cache = getattr(config, "cache", None)  # none with `-p no:cacheprovider`
        self._selection = str(config.option.markexpr)
        self._seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add what a test took, or one of its fixtures."""
        self._seconds[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the slowest files, or leave the sums to the run that follows."""
        if self._selection.startswith("alone"):
            if self._cache:
                self._cache.set(KEY, dict(self._seconds))
            return
        if self._selection.startswith("not alone") and self._cache:
            self._seconds.update(self._cache.get(KEY, {}))
        lines = slowest(self._seconds, quick="not full" in self._selection)
        if lines:
            terminalreporter.section("slowest files")
            for line in lines:
                terminalreporter.write_line(line)


def slowest(seconds: "Counter[str]", *, quick: bool) -> list[str]:
    """Say of each of the slowest files how long it took, the slowest first; and in a quick run which took too long."""
    told = [(name, took) for name, took in seconds.most_common(SHOWN) if took >= WORTH_TELLING]
    return [f"{took:7.1f} s  {name}{'  FINDING: over 20 s' * (quick and took > FINDING)}" for name, took in told]

"""No test is passed over in silence: one that is skipped, or expected to fail, fails the run, though all others pass.

What cannot be tested on a machine, for there is no browser, is not collected, and said at the end of the run.
"""

import pytest


# D135: what is not run to its end says nothing.
class Skips:
    """Knows which tests were not run to their end, and fails the run for it."""

    def __init__(self) -> None:
        self._passed_over: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that was skipped by itself, by a mark or by a fixture, or whose failure counts as none."""
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that was skipped as a whole."""
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped or hasattr(report, "wasxfail"):
            self._passed_over.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that passed over any test."""
        if self._passed_over and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the tests."""
        if self._passed_over:
            terminalreporter.section("SKIPPED, which fails the run", sep="!", red=True, bold=True)
            for nodeid in self._passed_over:
                terminalreporter.write_line(nodeid)

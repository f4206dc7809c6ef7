"""Running tests on mutants: a process that has imported all but the sources forks for each, and so begins at once."""

import importlib
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

COPIED = ("rental_backend", "migrations", "deploy", "tests", ".github", ".ci", ".railway")
LINKED = (".local/servers", ".local/pgbouncer", ".local/test/venv")
# Imported once, and not again in each of the processes.
WARM = (
    *(
        "pytest",
        "hypothesis.stateful",
        "requests",
        "flask.testing",
        "flask_cors",
        "jwt",
        "argon2",
        "bcrypt",
        "structlog",
    ),
    *("sqlalchemy.orm", "sqlalchemy.dialects.postgresql.psycopg", "alembic.command", "marshmallow", "redis", "orjson"),
    *("apispec", "pybreaker", "werkzeug", "psycopg"),
)
SURVIVED = (0, 5)  # exit codes of pytest: all passed, and there was none


class Copy:
    """A copy of the checkout whose sources are changed and changed back."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self._writes = 0
        for name in COPIED:
            if (root / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".git", ".local")
                shutil.copytree(root / name, folder / name, ignore=ignored)
        for path in root.iterdir():
            if path.is_file():
                shutil.copy(path, folder / path.name)
        for name in LINKED:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (root / name).exists():
                (folder / name).symlink_to((root / name).resolve())

    def write(self, path: str, text: str) -> None:
        """Write a source with a time of its own, lest what was compiled of another text of its size is run."""
        self._writes += 1
        (self.folder / path).write_text(text)
        seconds = 1_000_000_000 + self._writes
        os.utime(self.folder / path, (seconds, seconds))


@dataclass(frozen=True)
class First:
    """Runs the tests in the order in which they are named, and notes the first that fails."""

    file: Path
    tests: tuple[str, ...]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put those first that are named first, however long they take."""
        items.sort(key=lambda item: next((at for at, name in enumerate(self.tests) if item.nodeid.startswith(name)), 0))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Function, nextitem: pytest.Item | None) -> bool:
        """Run a test that fails once more: one that fails by chance on a busy machine has noticed nothing."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if any(report.failed for report in reports):
            item._initrequest()
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write down which fails."""
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write down what cannot even be imported."""
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed and not self.file.read_text():
            when = getattr(report, "when", "collected")
            self.file.write_text(f"{report.nodeid} ({when})")


class Forks:
    """Forks that run tests, each in a copy of its own, at most so many at once."""

    def __init__(self, copies: Sequence[Copy], deadline: float) -> None:
        self._free = list(copies)
        self._deadline = deadline
        self._running: dict[int, tuple[Copy, float, Callable[[Copy, str, float], None]]] = {}

    def run(
        self, tests: Sequence[str], prepare: Callable[[Copy], None], then: Callable[[Copy, str, float], None]
    ) -> None:
        """Run tests in a copy once one is free; `then` is told the copy, what failed first, and how long it took."""
        while not self._free:
            self._await()
        copy = self._free.pop()
        prepare(copy)
        (copy.folder / "first").write_text("")
        pid = os.fork()
        if pid == 0:
            _become_pytest(copy.folder, tests)
        self._running[pid] = (copy, time.monotonic(), then)

    def finish(self) -> None:
        """Wait until all have ended."""
        while self._running:
            self._await()

    def _await(self) -> None:
        """Wait until one has ended or is ended, and tell."""
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid in self._running:
                break
            late = [each for each, (_, began, _) in self._running.items() if time.monotonic() - began > self._deadline]
            if late:
                pid, status = late[0], -1
                os.killpg(pid, signal.SIGKILL)  # its servers end with it
                os.waitpid(pid, 0)
                break
            time.sleep(0.02)  # nothing waits both for any of several children and until a time
        copy, began, then = self._running.pop(pid)
        self._free.append(copy)
        then(copy, _ended(copy, status), time.monotonic() - began)


def _ended(copy: Copy, status: int) -> str:
    """Return what ended a run: the first test that failed, the deadline or the exit code; "" if all passed."""
    if status == -1:
        return "deadline"
    code = os.waitstatus_to_exitcode(status)
    return "" if code in SURVIVED else (copy.folder / "first").read_text() or f"exit code {code}"


def warm() -> None:
    """Import what every run of tests needs, and none of the sources."""
    for name in WARM:
        importlib.import_module(name)


def _become_pytest(folder: Path, tests: Sequence[str]) -> None:
    """Run tests in a copy; never returns."""
    code = 3
    try:
        os.setsid()
        os.chdir(folder)
        output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(output, number)
        ours = [name for name in sys.modules if name.partition(".")[0] in ("tests", "deploy", "rental_backend")]
        first = First(folder / "first", tuple(tests))
        for name in ours:
            del sys.modules[name]
        sys.path[:] = [str(folder), *(each for each in sys.path if each and Path(each).resolve() != folder)]
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        sys.dont_write_bytecode = False
        given = [
            "-x",
            "-q",
            "--no-header",
            "-p",
            "no:cacheprovider",
            "-W",
            "ignore::pytest.PytestAssertRewriteWarning",
            "-m",
            "not full",
        ]
        code = int(pytest.main([*given, f"--basetemp={folder}/t", *tests], plugins=[first]))
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

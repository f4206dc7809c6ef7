"""`deploy/check`: what can be known of a checkout without a server, all at once."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from deploy.private.binaries import ROOT
from deploy.private.console import Console
from deploy.private.environment import Environment, child_environment
from deploy.private.run import LOCAL, LOG

# Rules of the house that are proved on copies of it take longer than the rules themselves, and need a server.
PROOFS = (
    "tests/house/test_imports.py",
    "tests/house/test_vehicles.py",
    "tests/house/test_house.py::test_the_house_passes",
    "tests/house/test_house.py::test_an_offence_would_be_caught",
)
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "types": ("mypy",),
    "rules of the house": ("pytest", "-q", "--no-header", "tests/house", *(f"--deselect={proof}" for proof in PROOFS)),
    "imports": ("lint-imports",),
    "lint": ("ruff", "check"),
    "format": ("ruff", "format", "--check"),
}


@dataclass
class Running:
    """A check under way, and what it has said."""

    name: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    began: float = field(default_factory=time.monotonic)

    def report(self, console: Console) -> bool:
        """Say how it ended, with all that it said if it did not pass; return whether it passed."""
        passed = self.process.returncode == 0
        console.say(f"{self.name}: {'passed' if passed else 'FAILED'} ({time.monotonic() - self.began:.1f} s)")
        if not passed:
            self.output.seek(0)
            console.fail(self.output.read().decode(errors="replace").rstrip())
        return passed


def check(console: Console, arguments: list[str]) -> int:
    """Run the checks whose names contain one of the arguments, or all, side by side; 0 if every one passes."""
    environment = Environment(LOCAL / "test" / "venv", ("run.txt", "test.txt"), console, LOG / "install-test.log")
    environment.ensure()
    wanted = {name: command for name, command in COMMANDS.items() if not arguments or _named(name, arguments)}
    if not wanted:
        console.fail(f"deploy/check: there is no such check; there are {', '.join(COMMANDS)}")
        return 2
    running = [_start(name, command, environment.python) for name, command in wanted.items()]
    try:
        passed = _reported(running, console)
    finally:
        for each in running:
            each.process.kill()
            each.process.wait()
            each.output.close()
    return 0 if all(passed) else 1


def _named(name: str, arguments: list[str]) -> bool:
    return any(argument in name for argument in arguments)


def _start(name: str, command: tuple[str, ...], python: Path) -> Running:
    program = python.with_name(command[0])
    output = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as the check runs
    process = subprocess.Popen(
        [program, *command[1:]],
        cwd=ROOT,
        env=child_environment(COLUMNS=os.environ.get("COLUMNS", "200")),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    return Running(name, process, output)


def _reported(running: list[Running], console: Console) -> list[bool]:
    """Report each check as it ends, and return which passed."""
    left, passed = list(running), []
    while left:
        for each in [each for each in left if each.process.poll() is not None]:
            left.remove(each)
            passed.append(each.report(console))
        console.pause()
    return passed

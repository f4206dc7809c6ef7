"""Entry of the commands: `python -m deploy.private.launch run`, or another with what that is to be told."""

import os
import sys
from collections.abc import Callable

from deploy.private import binaries
from deploy.private.console import Console, SetupError, Stop
from deploy.private.environment import Environment, child_environment
from deploy.private.process import ServerError
from deploy.private.run import LOCAL, LOG, run

STOPPED = 130


def test(console: Console, arguments: list[str]) -> int:
    """Turn into pytest, for the quick tests or, when the first argument is `full`, for all."""
    environment = Environment(LOCAL / "test" / "venv", ("run.txt", "test.txt"), console, LOG / "install-test.log")
    environment.ensure()
    if not binaries.all_chosen():
        environment.ensure_servers()
    chosen = arguments[1:] if arguments[:1] == ["full"] else ["-m", "not full", *arguments]
    command = [str(environment.python), "-m", "pytest", *chosen]
    os.execve(command[0], command, child_environment())  # noqa: S606 - no shell is wanted


def bench(console: Console, arguments: list[str]) -> int:
    """Turn into the benchmarks of these names, or all."""
    environment = Environment(LOCAL / "bench" / "venv", ("run.txt", "bench.txt"), console, LOG / "install-bench.log")
    environment.ensure()
    if not binaries.all_chosen():
        environment.ensure_servers()
    command = [str(environment.python), "-m", "deploy.benchmarks", *arguments]
    os.execve(command[0], command, child_environment())  # noqa: S606 - no shell is wanted


def railway_tool(_: Console, arguments: list[str]) -> int:
    """Turn into the tool for Railway, with the packages of `deploy/run` where those are installed."""
    installed = LOCAL / "run" / "venv" / "bin" / "python"
    command = [str(installed) if installed.exists() else sys.executable, "-m", "deploy.railway", *arguments]
    os.execve(command[0], command, child_environment())  # noqa: S606 - no shell is wanted


COMMANDS: dict[str, Callable[[Console, list[str]], int]] = {"test": test, "bench": bench, "railway-tool": railway_tool}


def main(command: str, *arguments: str) -> int:
    """The exit code of the command; what was to be expected is told in one line."""
    console = Console()
    console.listen()
    try:
        if command == "run":
            return run(console)
        return COMMANDS[command](console, list(arguments))
    except Stop:
        return 0 if command == "run" else STOPPED
    except (SetupError, ServerError) as error:
        console.fail(f"deploy/{command}: {error}")
    except OSError as error:
        console.fail(f"deploy/{command}: {error.filename or 'this machine'}: {error.strerror}")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

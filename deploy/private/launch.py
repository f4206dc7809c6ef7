"""Entry of the commands: `python -m deploy.private.launch run`, or another with what that is to be told."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

from deploy.private import binaries, browser
from deploy.private.check import check
from deploy.private.console import Console, SetupError, Stop
from deploy.private.dev import dev
from deploy.private.environment import Environment, child_environment
from deploy.private.process import ServerError
from deploy.private.run import LOCAL, LOG, run

STOPPED = 130
INTERRUPTED, NO_TESTS = 2, 5  # exit codes of pytest
CHOOSING = ("-k", "-m", "-n", "--lf", "--last-failed", "--ff", "--collect")  # which tests, or in what order


def test(console: Console, arguments: list[str]) -> int:
    """Turn into pytest, for the quick tests or, when the first argument is `full`, for all.

    Unless it is told which, the tests that measure time go first, one at a time, or several that only wait; the others
    follow, one more at a time than there are cores. A failure among the first keeps none of the others from being run.
    At the end stand the slowest files of both; what takes more than 20 s is a finding.
    Where there is no browser, one is installed meanwhile, if that is possible.
    """
    wanted = not any(each.startswith("tests/") for each in arguments) or "browsing" in " ".join(arguments)
    environment = Environment(LOCAL / "test" / "venv", ("run.txt", "test.txt"), console, LOG / "install-test.log")
    environment.ensure()
    installing = browser.install(environment.python, LOG / "install-browser.log") if wanted else None
    if not binaries.all_chosen():
        environment.ensure_servers()
    full = arguments[:1] == ["full"]
    chosen, quick = (arguments[1:], "") if full else (arguments, " and not full")
    failed = 0
    pytest = [str(environment.python), "-m", "pytest"]
    if all(each.startswith("-") and not each.startswith(CHOOSING) for each in chosen):
        beside = () if full else _side_by_side()  # the long ones make figures: nothing else is there meanwhile
        code = subprocess.call([*pytest, "-m", f"alone{quick}", *beside, *chosen], env=child_environment())
        if code == INTERRUPTED:
            return code
        failed = code if code != NO_TESTS else 0
        chosen = ["-m", f"not alone{quick}", *_side_by_side(), *chosen]
    elif not full:
        chosen = ["-m", "not full", *chosen]
    if installing:
        if installing.poll() is None:
            console.say("waiting for the browser")
        installing.wait()
    if wanted and not browser.find():
        console.fail(browser.NONE)
    if failed:
        subprocess.call([*pytest, *chosen], env=child_environment())
        console.fail("deploy/test: not all tests that measure time passed (see above)")
        return failed
    return _become([*pytest, *chosen])


def _side_by_side() -> tuple[str, ...]:
    """Tell pytest to run the tests of several files at once, in the order of collection, if there are several cores.

    There is one process more than cores, up to four of these: tests wait for others more than a third of their time.
    """
    cores = min(len(os.sched_getaffinity(0)), 4)
    return ("-n", str(cores + 1), "--dist", "loadfile", "--no-loadscope-reorder") if cores > 1 else ()


def _become(command: list[str]) -> NoReturn:
    """Turn into another program, which hears all signals itself."""
    os.execve(command[0], command, child_environment())  # noqa: S606 - no shell is wanted


def bench(console: Console, arguments: list[str]) -> int:
    """Turn into the benchmarks of these names, or all."""
    environment = Environment(LOCAL / "bench" / "venv", ("run.txt", "bench.txt"), console, LOG / "install-bench.log")
    environment.ensure()
    if not binaries.all_chosen():
        environment.ensure_servers()
    command = [str(environment.python), "-m", "deploy.benchmarks", *arguments]
    return _become(command)


def railway_tool(_: Console, arguments: list[str]) -> int:
    """Turn into the tool for Railway, with the packages of `deploy/run` where those are installed."""
    installed = LOCAL / "run" / "venv" / "bin" / "python"
    command = [str(installed) if installed.exists() else sys.executable, "-m", "deploy.railway", *arguments]
    return _become(command)


COMMANDS: dict[str, Callable[[Console, list[str]], int]] = {
    "test": test,
    "check": check,
    "bench": bench,
    "railway-tool": railway_tool,
}
SERVING: dict[str, Callable[[Console], int]] = {"run": run, "dev": dev}  # until the user wants them to end


def main(command: str, *arguments: str) -> int:
    """The exit code of the command; what was to be expected is told in one line."""
    console = Console()
    console.listen()
    try:
        if command in SERVING:
            return SERVING[command](console)
        return COMMANDS[command](console, list(arguments))
    except Stop:
        return 0 if command in SERVING else STOPPED
    except (SetupError, ServerError) as error:
        console.fail(f"deploy/{command}: {error}")
    except OSError as error:
        console.fail(f"deploy/{command}: {error.filename or 'this machine'}: {error.strerror}")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

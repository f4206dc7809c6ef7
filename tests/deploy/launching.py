"""A copy of this checkout whose commands are run as a user would, and what the kernel knows of their processes."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from deploy.private import binaries
from deploy.private.console import Console
from deploy.private.environment import Environment
from tests.serving import free_port, until

NOT_COPIED = shutil.ignore_patterns(".git", ".local", ".venv", ".*_cache", ".hypothesis", "htmlcov")
SETTINGS_OF_OTHERS = ("DATABASE_URL", "AUTH_DATABASE_URL", "REDIS_URL", "ENVIRONMENT", "SECRET_KEY", "ADMIN_PASSWORD")


def eventually(condition: Callable[[], object]) -> None:
    """Wait until the condition is true, with patience for a machine that has much else to do."""
    until(condition, 90)


class Checkout:
    """A copy of the working tree in `folder`, and the environment variables its commands are run with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if name not in SETTINGS_OF_OTHERS}
        self.environ = kept | {"PYTHON": sys.executable, "PORT": str(self.port), "WEB_CONCURRENCY": "1"}
        shutil.copytree(binaries.ROOT, folder, ignore=NOT_COPIED)

    def lend_environment(self) -> None:
        """Let it use the packages and servers that these tests run with, as if it had installed them."""
        for command, requirements in (("run", ("run.txt",)), ("test", ("run.txt", "test.txt"))):
            venv = self.folder / ".local" / command / "venv"
            venv.mkdir(parents=True)
            for name in ("bin", "lib", "pyvenv.cfg"):
                (venv / name).symlink_to(Path(sys.prefix) / name)
            own = Environment(venv, requirements, Console(), venv / "log")
            (venv / "stamp").write_text(own.stamp(requirements, own.origin))
        self.environ["POSTGRES_BIN"] = str(binaries.postgres("postgres").parent)
        self.environ["REDIS_BIN"] = str(binaries.redis())

    def run(
        self, command: str = "deploy/run", *arguments: str, before: Callable[[], None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that ends by itself; `before` is done in its process first."""
        return subprocess.run(
            [self.folder / command, *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            preexec_fn=before,
        )

    @contextlib.contextmanager
    def running(self, command: str = "run", *, seconds: float = 90) -> Iterator["Running"]:
        """Run `deploy/run`, or another command that serves, within the block, from when it serves."""
        run = Running(self, command)
        try:
            until(lambda: "serving at" in run.output() or run.process.poll() is not None, seconds, run.output())
            assert run.process.poll() is None, run.output()
            yield run
        finally:
            run.process.send_signal(signal.SIGTERM)
            run.process.wait(60)


class Running:
    """A command of `deploy/` that was started and serves."""

    def __init__(self, checkout: Checkout, command: str) -> None:
        self.url = f"http://127.0.0.1:{checkout.port}"
        self.log = checkout.folder.parent / "output"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [checkout.folder / "deploy" / command],
                env=checkout.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        """What it printed so far."""
        return self.log.read_text(errors="replace")

    def said(self, words: str) -> bool:
        """Whether the words are in what it printed so far."""
        return words in self.output()

    def healthy(self) -> bool:
        """Whether the application answers, and finds its database and Redis."""
        return requests.get(f"{self.url}/health/ready?strict=1", timeout=5).status_code == 200

    def stop(self, number: signal.Signals) -> int:
        """Send it a signal as a terminal does, to its whole process group, and return its exit code."""
        os.killpg(self.process.pid, number)
        return self.process.wait(60)

    def processes(self, name: str = "") -> list[int]:
        """The processes below it, those of them that run the named program."""
        return [pid for pid in descendants(self.process.pid) if name in program(pid)]


def descendants(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    found = []
    with contextlib.suppress(OSError):  # it ended meanwhile
        for entry in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, entry.read_text().split()):
                found += [child, *descendants(child)]
    return found


def program(pid: int) -> str:
    """The program and arguments of a process; nothing when it ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def setting(pid: int, name: str) -> str:
    """An environment variable that a process was started with."""
    variables = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return next(each.partition("=")[2] for each in variables if each.startswith(f"{name}="))

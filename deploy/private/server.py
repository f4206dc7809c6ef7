"""A private server of any kind: started, stopped, killed, frozen and thawed by the folder it works in."""

import contextlib
import fcntl
import os
import random
import secrets
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, ClassVar

from deploy.private.process import Account, ServerError, leaders, members, nap, send, spawn, wait_until

SOCKET_PATH_LIMIT = 107


class PrivateServer(ABC):
    """One server whose files all lie in `folder`: at most one live owner, which its processes do not outlive.

    `port` None means a socket in the folder (or loopback, where the path is too long for one), 0 any free loopback
    port, and stays the same as long as this object lives. `durable=False` trades safety at a power cut for speed.
    """

    title: ClassVar[str]
    program: ClassVar[str]
    socket_name: ClassVar[str]
    polite: ClassVar[tuple[signal.Signals, ...]]

    def __init__(self, folder: Path, *, port: int | None = None, durable: bool = True, log: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log = log or self.folder / "server.log"
        self.durable = durable
        self.port = _free_port() if port == 0 or (port is None and not self._socket_fits()) else port
        self._lock: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect, password included; known once `prepare` or `start` ran."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """The program and its arguments."""

    @abstractmethod
    def _answers(self, connection: socket.socket) -> bool:
        """Whether the server is ready to work for a client on this connection."""

    def _account(self) -> Account:
        """The user it runs as."""
        return Account.ours()

    def prepare(self) -> None:
        """Own the folder, and all that it holds before the server runs; refuses one that a live process serves from."""
        try:
            self._prepare()
        except OSError as error:
            raise ServerError(f"{self.title} cannot use {error.filename or self.folder}: {error.strerror}") from None

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self._take_lock()
        self._create_password()

    def launch(self) -> None:
        """Start the server without waiting for it, after ending what an owner that died may have left behind."""
        self.prepare()
        self._stop_processes()
        self._process = self._spawn(self._command(), self.data)

    def wait(self, seconds: float = 60, pause: Callable[[], None] = nap) -> None:
        """Return as soon as the server answers; raise ServerError when it ends or stays silent."""
        if not wait_until(lambda: not self.alive or self._ready(), seconds, pause) or not self.alive:
            state = "does not answer" if self.alive else "did not start"
            self.stop()
            raise ServerError(f"{self.title} {state}: {self._last_words()} (log: {self.log})")

    def start(self) -> None:
        """Start the server, on the data it had before, and return when it answers."""
        self.launch()
        self.wait()

    def stop(self) -> None:
        """End the server in order, its data safe on disk, and give up the folder."""
        if self._lock:  # else the server, if there is one, is another's
            self._stop_processes()
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """End every process of it at once, as a power cut would."""
        self.freeze()  # what is frozen starts no more processes
        send(list(self.pids), signal.SIGKILL)
        if not self._gone(10):
            raise ServerError(f"{self.title} in {self.folder} cannot be ended: processes {sorted(self.pids)}")

    def freeze(self) -> None:
        """Suspend every process of it: the kernel still takes connections, nobody answers."""
        # Twice, for a process may have started while the list was read.
        if not all(wait_until(self._stand_still, 10) for _ in range(2)):
            raise ServerError(f"{self.title} in {self.folder} cannot be frozen: processes {sorted(self.pids)}")

    def thaw(self) -> None:
        """Let a frozen server go on where it was."""
        send(list(self.pids), signal.SIGCONT)

    @property
    def pids(self) -> dict[int, str]:
        """Every process of it, with the kernel's letter for its state."""
        return members(self.program, self.data)

    @property
    def alive(self) -> bool:
        """Whether the process that `start` made still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def password(self) -> str:
        """What clients authenticate with."""
        return (self.folder / "password").read_text()

    def _spawn(
        self, command: Sequence[str | Path], cwd: Path, source: IO[bytes] | None = None
    ) -> subprocess.Popen[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            return spawn(
                command, cwd=cwd, source=source, output=output, account=self._account(), last_wish=self.polite[0]
            )

    def _stand_still(self) -> bool:
        running = [pid for pid, state in self.pids.items() if state != "T"]
        send(running, signal.SIGSTOP)
        return not running

    def _stop_processes(self) -> None:
        self.thaw()
        for number in self.polite:
            starting = [self._process.pid] if self._process and self.alive else []
            send({*leaders(list(self.pids)), *starting}, number)
            if self._gone(10):
                return
        self.kill()

    def _gone(self, seconds: float) -> bool:
        return wait_until(lambda: not self.alive and not self.pids, seconds)

    def _ready(self) -> bool:
        try:
            with self._connect() as connection:
                return self._answers(connection)
        except OSError:
            return False

    def _connect(self) -> socket.socket:
        if self.port:
            return socket.create_connection(("127.0.0.1", self.port), timeout=1)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(1)
        connection.connect(str(self.folder / self.socket_name))
        return connection

    def _socket_fits(self) -> bool:
        path = str(self.folder / self.socket_name)
        return len(os.fsencode(path)) <= SOCKET_PATH_LIMIT and "," not in path  # a comma parts hosts in a URL

    def _take_lock(self) -> None:
        if self._lock:
            return
        lock = (self.folder / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ServerError(f"{self.title} in {self.folder} already serves another live process") from None
        self._lock = lock

    def _create_password(self) -> None:
        path = self.folder / "password"
        if not path.exists():
            draft = path.with_suffix(".new")
            draft.unlink(missing_ok=True)
            draft.touch(0o600)
            draft.write_text(secrets.token_urlsafe(24))
            draft.rename(path)

    def _last_words(self) -> str:
        """The last line of its log, which is where a server says why it ends."""
        lines = self.log.read_bytes()[self._log_start :].decode(errors="replace").split("\n")
        grave = [line for line in lines if any(word in line for word in ("FATAL", "Could not", "cannot run"))]
        return next((line.strip() for line in reversed(grave or lines) if line.strip()), "it said nothing")


def _free_port() -> int:
    """A port that is free now and that the kernel gives to no outgoing connection while the server is down."""
    for port in random.sample(range(15000, 32000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerError("no free port on the loopback interface")

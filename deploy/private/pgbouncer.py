"""A private PgBouncer: the machine's, else Debian's package, which needs no rights to be unpacked.

`PGBOUNCER_BIN` names another one. Where there is none, and none can be had, only the tests of poolers are left out.
"""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from deploy.private.binaries import ROOT, program
from deploy.private.postgres import DATABASE, PROTOCOL_3, SUPERUSER, unprivileged
from deploy.private.process import Account, ServerError
from deploy.private.server import PrivateServer

FOLDER = ROOT / ".local" / "pgbouncer"
PACKAGES = ("pgbouncer", "libevent-2.1-7", "libc-ares2")
PLACES = ("/usr/sbin/pgbouncer", str(FOLDER / "usr/sbin/pgbouncer"))
SECONDS = 60  # for the packages
NONE = (
    "NO PGBOUNCER: poolers were NOT tested (tests/poolers was left out).\n"
    "Install it (Debian, as root: apt-get install pgbouncer), or name one: PGBOUNCER_BIN=/path/to/pgbouncer"
)


def find() -> str | None:
    """Return the path of a PgBouncer, or None."""
    return program("PGBOUNCER_BIN", "pgbouncer", *PLACES)


def have() -> str | None:
    """Return the path of a PgBouncer, which is fetched first where that is possible; None if there is none."""
    if not find() and not os.environ.get("PGBOUNCER_BIN") and shutil.which("apt-get") and shutil.which("dpkg"):
        _unpack()
    return find()


def _unpack() -> None:
    """Unpack Debian's packages into FOLDER; apt checks that they are Debian's. Leaves nothing there if it fails."""
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as name:
        draft = Path(name)
        try:
            _run(draft, "apt-get", "download", "-q", *PACKAGES)
            for package in draft.glob("*.deb"):
                _run(draft, "dpkg", "-x", str(package), "whole")
            (draft / "whole").rename(FOLDER)
        except (OSError, subprocess.SubprocessError) as error:
            sys.stderr.write(f"No PgBouncer from Debian: {type(error).__name__}\n")


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=SECONDS)


class PgBouncer(PrivateServer):
    """A PgBouncer before the PostgreSQL at `target`, as Debian ships it, but for `settings`."""

    title = "PgBouncer"
    program = "pgbouncer"
    socket_name = "pgbouncer.sock"
    polite = (signal.SIGTERM, signal.SIGINT)

    def __init__(self, folder: Path, target: str, **settings: str) -> None:
        super().__init__(folder, port=0)
        self._target, self._settings = urlsplit(target), settings

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self._target._replace(netloc=f"{SUPERUSER}:{self.password}@127.0.0.1:{self.port}").geturl()

    @property
    def password(self) -> str:
        """What clients authenticate with, here and at the server."""
        return str(self._target.password)

    def _account(self) -> Account:
        return unprivileged() if os.geteuid() == 0 else Account.ours()

    def _prepare(self) -> None:
        super()._prepare()
        self.data.mkdir(0o700, exist_ok=True)
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": "users.txt",
            **self._settings,
        }
        lines = [f"{name} = {value}" for name, value in settings.items()]
        place = f"{DATABASE} = host={self._target.hostname} port={self._target.port}"
        written = {"pgbouncer.ini": ["[databases]", place, "[pgbouncer]", *lines]}
        written["users.txt"] = [f'"{SUPERUSER}" "{self.password}"']
        account = self._account()
        for name, text in written.items():
            path = self.data / name
            path.touch(0o600)
            path.write_text("\n".join(text) + "\n")
            os.chown(path, account.uid, account.gid)
        for folder in (self.folder, self.data):
            os.chown(folder, account.uid, account.gid)

    def _command(self) -> Sequence[str | Path]:
        program = find()
        if program is None:
            raise ServerError(NONE)
        libraries = ":".join(str(path) for path in FOLDER.glob("usr/lib/*"))
        return ["/usr/bin/env", f"LD_LIBRARY_PATH={libraries}", program, "pgbouncer.ini"]

    def _answers(self, connection: socket.socket) -> bool:
        body = struct.pack("!i", PROTOCOL_3) + f"user\0{SUPERUSER}\0database\0{DATABASE}\0\0".encode()
        connection.sendall(struct.pack("!i", len(body) + 4) + body)
        return connection.recv(1) == b"R"

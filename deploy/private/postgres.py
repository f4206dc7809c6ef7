"""A private PostgreSQL."""

import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import quote

from deploy.private import binaries
from deploy.private.process import Account, ServerError
from deploy.private.server import PrivateServer

SUPERUSER = "postgres"
DATABASE = "rental"
PROTOCOL_3 = 196608


class PostgresServer(PrivateServer):
    """A private PostgreSQL with one empty database `rental`; clients authenticate by SCRAM on sockets too.

    PostgreSQL refuses to run as root: there it runs as the user `postgres`, else `nobody`, who comes to own the data.
    """

    title = "PostgreSQL"
    program = "postgres"
    socket_name = ".s.PGSQL.5432"
    polite = (signal.SIGINT, signal.SIGQUIT)  # fast shutdown, then immediate

    @property
    def url(self) -> str:
        """Where SQLAlchemy and psycopg connect."""
        login = f"postgresql://{SUPERUSER}:{self.password}@"
        if self.port:
            return f"{login}127.0.0.1:{self.port}/{DATABASE}"
        return f"{login}/{DATABASE}?host={quote(str(self.folder), safe='')}"

    def _prepare(self) -> None:
        super()._prepare()
        account = self._account()
        if os.geteuid() == 0:
            for path in (self.folder, self.folder / "password"):
                os.chown(path, account.uid, account.gid)
        elif account.uid != os.geteuid():
            raise ServerError(f"{self.data} belongs to another user: start as root, or remove {self.folder}")

    def launch(self) -> None:
        """Start the server without waiting for it, on a new cluster when there is none."""
        self.prepare()
        if not self.data.exists():
            self._create_cluster()
        super().launch()

    def _account(self) -> Account:
        if self.data.exists():
            owner = self.data.stat()
            return Account(owner.st_uid, owner.st_gid)
        return unprivileged() if os.geteuid() == 0 else Account.ours()

    def _command(self) -> Sequence[str | Path]:
        # What is stale is ours to remove: no process of the folder lives, and the lock keeps others from starting one.
        for stale in (self.data / "postmaster.pid", *self.folder.glob(f"{self.socket_name}*")):
            stale.unlink(missing_ok=True)
        settings = {
            "listen_addresses": "127.0.0.1" if self.port else "",
            "port": str(self.port or 5432),
            "unix_socket_directories": "" if self.port else "..",  # seen from the data; has no limit on its length
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self.durable:
            settings |= dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
        options = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return [binaries.postgres("postgres"), "-D", self.data, *options]

    def _create_cluster(self) -> None:
        """Make the cluster beside its place and move it there whole: a half-made one is never taken for good."""
        draft = self.folder / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(0o700)
        account = self._account()
        os.chown(draft, account.uid, account.gid)
        initdb = binaries.postgres("initdb")
        options = ["--no-instructions", "--encoding=UTF8", "--auth=scram-sha-256", *_locale(initdb)]
        options += [f"--username={SUPERUSER}", f"--pwfile={self.folder / 'password'}"]
        self._complete([initdb, "-D", draft, *options, *([] if self.durable else ["--no-sync"])])
        with TemporaryFile() as script:
            script.write(f"CREATE DATABASE {DATABASE}\n".encode())
            script.seek(0)
            self._complete([binaries.postgres("postgres"), "--single", "-D", draft, "postgres"], script)
        draft.rename(self.data)

    def _complete(self, command: Sequence[str | Path], script: IO[bytes] | None = None) -> None:
        if self._spawn(command, self.folder, script).wait():
            raise ServerError(f"{self.title} cannot make its database: {self._last_words()} (log: {self.log})")

    def _answers(self, connection: socket.socket) -> bool:
        body = struct.pack("!i", PROTOCOL_3) + f"user\0{SUPERUSER}\0database\0{DATABASE}\0\0".encode()
        connection.sendall(struct.pack("!i", len(body) + 4) + body)
        return connection.recv(1) == b"R"  # it asks for the password; while starting or stopping it sends an error


def unprivileged() -> Account:
    """The user that servers run as which refuse to run as root."""
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ServerError("PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody")


def _locale(initdb: Path) -> tuple[str, ...]:
    """Letters of every language in any case, sorted by code point, whatever locales the machine has."""
    try:
        version = subprocess.run([initdb, "--version"], capture_output=True, text=True, check=True).stdout
        major = re.findall(r"\d+", version)[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        raise ServerError(f"{initdb} does not run on this machine") from None
    if int(major) < 17:
        return ("--locale=C",)
    return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")

"""Backups as files, made and restored by PostgreSQL's own programs, which are watched while they run.

The output of `pg_dump` comes through a pipe of this process. So its bytes are counted and hashed on the way, and it
ends by itself when this process is killed. The database's address and password are passed in the environment; on the
command line other users of the machine could read them.
"""

import hashlib
import os
import selectors
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg
from psycopg import pq

from ...errors import AppError
from .address import parameters
from .failures import without_values

LOCK = 20_261_125  # PostgreSQL's advisory lock, held while a backup is made
STALLED = 600.0  # seconds without a byte after which the backup is given up
LOOK_EVERY = 1.0
CHUNK = 2**16
FORMAT = "--format=custom"


class ProgramsMissing(AppError):
    """PostgreSQL's client programs are not on this machine (503)."""

    status, code, title = 503, "backup_programs_missing", "Backups are not possible here"


class BackupFailed(Exception):
    """The backup failed; the message says why, and contains no secret."""


class BackupCancelled(BackupFailed):
    """The backup was cancelled."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a backup: bytes written, and tables begun."""

    bytes: int
    tables: int


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A finished backup: its file, its size in bytes, and its SHA-256 in hexadecimal."""

    path: Path
    bytes: int
    sha256: str


class Backups:
    """Makes backups of the database at a URL in a folder, with the programs in `programs` or on the PATH."""

    def __init__(self, url: str, folder: Path, programs: str) -> None:
        self._url = url
        self._folder = folder
        self._programs = programs or None

    def path(self, id: uuid.UUID) -> Path:
        """Return the path of a backup's file, whether or not it is on this machine."""
        return self._folder / f"{id}.dump"

    def program(self, name: str) -> str:
        """Return the path of one of PostgreSQL's programs. Raises `ProgramsMissing`."""
        program = shutil.which(name, path=self._programs)
        if program is None:
            raise ProgramsMissing(f"There is no {name} on this machine. Install PostgreSQL's client or set PG_BIN.")
        return program

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep all workers from making another backup during the block. Raises `BackupFailed` if one is being made.

        The server releases the lock when this process ends, however it ends.
        """
        try:
            with psycopg.connect(autocommit=True, **{**parameters(self._url), "connect_timeout": 10}) as connection:
                row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
                if not (row and row[0]):
                    raise BackupFailed("Another backup is being made.")
                yield
        except psycopg.Error as error:
            raise BackupFailed(f"The database cannot be reached ({type(error).__name__}).") from None

    def create(self, id: uuid.UUID, on_progress: Callable[[Progress], bool]) -> BackupFile:
        """Make a backup and return it. `on_progress` is called every second, and cancels the backup by returning False.

        Raises `BackupFailed`; nothing is left of a failed backup.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.path(id)
        draft = path.with_suffix(".part")
        command = [self.program("pg_dump"), FORMAT, "--no-password", "--verbose", "--lock-wait-timeout=10s"]
        try:
            with draft.open("wb") as file, tempfile.TemporaryFile() as stderr:
                draft.chmod(0o600)
                dumped = self._run(command, file, stderr, on_progress)
            draft.rename(path)
        except OSError as error:
            raise BackupFailed(f"The file cannot be written: {error.strerror}.") from None
        finally:
            draft.unlink(missing_ok=True)
        return BackupFile(path, *dumped)

    def _run(
        self, command: list[str], file: IO[bytes], stderr: IO[bytes], on_progress: Callable[[Progress], bool]
    ) -> tuple[int, str]:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=self._environment()) as process:  # noqa: S603 - our own words
            try:
                size, digest = _copy(process, file, lambda written: on_progress(Progress(written, _tables(stderr))))
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise BackupFailed(_last_words(stderr) or f"pg_dump ended with {process.returncode}.")
        file.flush()
        os.fsync(file.fileno())
        return size, digest

    def restore(self, path: Path) -> None:
        """Restore a backup into an empty database, all or nothing. Raises `BackupFailed` or `ProgramsMissing`."""
        with tempfile.TemporaryFile() as stderr:
            command = [self.program("pg_restore"), "--single-transaction", "--exit-on-error", "--no-owner"]
            place = parameters(self._url).get("dbname") or "postgres"
            command += ["--no-privileges", "--no-password", f"--dbname={place}", str(path)]
            if subprocess.run(command, stdout=stderr, stderr=stderr, env=self._environment(), check=False).returncode:  # noqa: S603
                raise BackupFailed(_last_words(stderr) or "pg_restore failed.")

    def _environment(self) -> dict[str, str]:
        """Return libpq's variables for the database, and little else. Raises `BackupFailed` if none is configured."""
        if not self._url:  # libpq would use a server of this machine
            raise BackupFailed("No DATABASE_URL is set.")
        variables = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
        given = parameters(self._url).items()
        environment = {variable.decode(): str(value) for name, value in given if (variable := variables.get(name))}
        return {"LC_ALL": "C", **environment}


def _copy(process: "subprocess.Popen[bytes]", file: IO[bytes], on_progress: Callable[[int], bool]) -> tuple[int, str]:
    """Copy a program's output into a file; return its size and digest."""
    pipe, digest, size = process.stdout, hashlib.sha256(), 0
    if pipe is None:
        raise RuntimeError("started without a pipe")
    looked = heard = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if selector.select(LOOK_EVERY):
                chunk = os.read(pipe.fileno(), CHUNK)
                if not chunk:
                    return size, digest.hexdigest()
                file.write(chunk)
                digest.update(chunk)
                size, heard = size + len(chunk), time.monotonic()
            if time.monotonic() - looked >= LOOK_EVERY:
                looked = time.monotonic()
                if not on_progress(size):
                    raise BackupCancelled("It was cancelled.")
                if looked - heard > STALLED:
                    raise BackupFailed(f"The server sent nothing for {STALLED:.0f} s.")


def _tables(stderr: IO[bytes]) -> int:
    """Count the tables that pg_dump reports as begun."""
    return os.pread(stderr.fileno(), 2**22, 0).count(b"dumping contents of table")


def _last_words(stderr: IO[bytes]) -> str:
    """Return the last error that a program printed, without the values of rows."""
    lines = os.pread(stderr.fileno(), 2**22, 0).decode("utf-8", "replace").splitlines()
    errors = [line for line in lines if "error:" in line or "FATAL" in line]
    return without_values((errors or lines or [""])[-1][:500])

"""Checks of this host: whether the service can write its files, and has the programs that it starts."""

import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from rental_backend.infra.runtime.host import shared_memory

from ..config import Config
from ..infra.postgres.backups import Backups, ProgramsMissing
from ..infra.postgres.database import Database
from ..infra.postgres.server_check import check_postgres
from ..infra.server_check import ServerAway
from .findings import Finding, failed, passed, skipped, warned

LITTLE = 256 << 20  # bytes left on a disk
PATIENCE = 1.0  # seconds


def folders(config: Config) -> Iterator[Finding]:
    """Check the folders that are written to."""
    yield from _folder("JOURNAL_FOLDER", Path(config.journal_folder), production=config.production)
    yield from _folder("BACKUP_FOLDER", Path(config.backup_folder), production=config.production)
    if place := shared_memory():
        yield passed("shared-memory", f"{place} can be written to")
    else:
        message = "the folder of files in memory cannot be written to: workers' heartbeats wait for a disk"
        yield warned("shared-memory", message, "mount a tmpfs at /dev/shm")


def _folder(name: str, folder: Path, *, production: bool) -> Iterator[Finding]:
    code = name.lower().replace("_", "-")
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"\0")
    except OSError as error:
        yield failed(code, f"{name} cannot be written to ({error.strerror})", "give it to the user of the service")
        return
    left = shutil.disk_usage(existing).free
    if left < LITTLE:
        yield warned(code, f"{name} has {left >> 20} MB left", "make room, or give it a larger disk")
    elif production and existing.stat().st_dev == Path("/").stat().st_dev:
        message = f"{name} lies on the container's own disk, which goes with it"
        yield warned(code, message, f"mount a volume, and set {name} to a folder on it")
    else:
        yield passed(code, f"{name} can be written to, with {left >> 20} MB left")


def programs(backup_files: Backups, adapter: Database) -> Iterator[Finding]:
    """Check what backups need: PostgreSQL's programs, not older than the server."""
    mend = "install PostgreSQL's client programs of the server's version, or set PG_BIN"
    try:
        versions = {name: _version(backup_files.program(name)) for name in ("pg_dump", "pg_restore")}
    except ProgramsMissing as error:
        yield warned("backup-programs", f"{error.detail} No backup can be made.", mend)
        return
    try:
        server = check_postgres(adapter, ()).version
    except ServerAway:
        yield skipped(
            "backup-programs", f"they are of {min(versions.values())}; the server cannot be asked", "see above"
        )
        return
    old = [f"{name} is of {version}" for name, version in versions.items() if version < server]
    if old:
        yield warned("backup-programs", f"{', '.join(old)}, the server of {server}: no backup can be made", mend)
    else:
        yield passed("backup-programs", f"pg_dump and pg_restore are there, the server is of {server}")


def _version(program: str) -> int:
    """Return the major version of one of PostgreSQL's programs, 0 if unknown."""
    command = [program, "--version"]
    try:
        message = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r"\) (\d+)", message)
    return int(match[1]) if match else 0


def collector(config: Config) -> Iterator[Finding]:
    """Check whether the collector of traces can be reached."""
    if not config.otlp_endpoint:
        yield skipped("traces", "they are off", "set OTEL_EXPORTER_OTLP_ENDPOINT to have them")
        return
    place = urlsplit(config.otlp_endpoint)
    port = place.port or (443 if place.scheme == "https" else 80)
    try:
        socket.create_connection((place.hostname or "", port), PATIENCE).close()
    except OSError:
        message = "nobody takes them at OTEL_EXPORTER_OTLP_ENDPOINT; requests do not wait for it"
        yield warned("traces", message, "is the collector up, and the endpoint that of OTLP over HTTP (port 4318)?")
    else:
        yield passed("traces", "their collector takes connections")

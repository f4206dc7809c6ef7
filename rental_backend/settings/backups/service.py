"""Backups of the whole database: asked for, made by a thread beside the requests, kept as long as was said.

At most one is made at a time, over all workers: the process that makes it holds a lock of the server, which is freed
when the process dies. A backup that nobody makes any more is thereby known, and fails (`reap`).
"""

import contextlib
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from sqlalchemy import Integer, cast, event, exists, func, select, text, update
from sqlalchemy.orm import Session

from ... import crud as records
from ...accounts.audit import service as audit
from ...actor import Actor
from ...errors import AppError, Conflict, NotFound
from ...infra.postgres.backups import LOCK, BackupFailed, BackupFile, Backups, Progress
from ...infra.postgres.database import Database
from ..business import service
from ..models import BackupStatus, BackupType, SystemBackup

GRACE = timedelta(seconds=15)  # between the start that was promised and the lock of the process that makes the backup
STARTABLE = (BackupStatus.PENDING, BackupStatus.FAILED)
LOST = "The process that made it ended before it was done."
ATTEMPTS = 5
WHOLE = "^[0-9]{1,4}$"  # what else a text may hold keeps a backup for ever
UNHELD = text(
    "NOT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = :lock AND objsubid = 1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
).bindparams(lock=LOCK)
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"


class BackupValues(TypedDict, total=False):
    """What is asked of a backup; without `retention_days` the settings say how long it is kept."""

    backup_name: str
    backup_type: BackupType
    description: str
    retention_days: int


class BackupRunning(Conflict):
    """A backup is being made (409)."""

    code, title = "backup_running", "A backup is being made"


class BackupFileAway(NotFound):
    """The file of a backup is not on this machine (404)."""

    code, title = "backup_file_away", "No file"


def ask(session: Session, actor: Actor, fields: BackupValues) -> SystemBackup:
    """Note down a backup to be started. How long it is kept is a setting, unless it is said."""
    kept = fields.get("retention_days") or service.value(service.in_force(session), "backup_retention_days")
    backup = SystemBackup(**{**fields, "retention_days": str(kept), "started_by": actor.id})
    records.create(session, backup, actor.name)
    audit.note(session, actor, "CREATE", "backups", backup.id, after={"backup_name": backup.backup_name})
    return backup


def start(session: Session, backup_files: Backups, database: Database, *, id: uuid.UUID, actor: Actor) -> SystemBackup:
    """Begin with a backup as soon as this is committed. Raises `ProgramsMissing`, `BackupRunning`, `Conflict`."""
    backup = find(session, id)
    backup_files.program("pg_dump")
    session.execute(select(func.pg_advisory_xact_lock(LOCK + 1)))  # of two that start at once one sees the other
    if backup.backup_status not in STARTABLE:
        raise Conflict(f"A backup that is {backup.backup_status} cannot be started.", code="backup_not_startable")
    if session.scalar(select(exists().where(SystemBackup.backup_status == BackupStatus.RUNNING))):
        raise BackupRunning("Another backup is being made. Wait until it is done, or cancel it.")
    backup.backup_status, backup.started_at = BackupStatus.RUNNING, datetime.now(UTC)
    backup.completed_at = backup.error_message = None
    total = session.scalar(text(TABLES)) or 1
    backup.backup_metadata = {"percent": 0, "bytes": 0, "tables": 0, "of_tables": total}
    audit.note(session, actor, "START", "backups", id)
    work = threading.Thread(target=make, args=(database, backup_files, id, total), name="backup", daemon=True)
    event.listen(session, "after_commit", lambda _: work.start(), once=True)
    return backup


def make(database: Database, backup_files: Backups, id: uuid.UUID, total: int) -> None:
    """Make a backup and write down how that goes. Does not return before it is done."""
    try:
        with backup_files.exclusive():
            done = backup_files.create(id, lambda progress: _note(database, id, progress, total))
            if not _finish(database, id, _completed(done, total)):  # cancelled at the last moment
                done.path.unlink(missing_ok=True)
    except (BackupFailed, AppError) as error:
        _finish(database, id, _failed(str(error)))
        return
    with contextlib.suppress(AppError):  # the next one will do it
        expire(database, backup_files)


def cancel(session: Session, id: uuid.UUID, actor: Actor) -> SystemBackup:
    """Call a backup off; the process that makes it notices within a second. Raises `Conflict` if it is over already."""
    backup = find(session, id)
    if backup.backup_status not in (BackupStatus.PENDING, BackupStatus.RUNNING):
        raise Conflict(f"A backup that is {backup.backup_status} cannot be cancelled.", code="backup_over")
    backup.backup_status, backup.completed_at = BackupStatus.CANCELLED, datetime.now(UTC)
    audit.note(session, actor, "CANCEL", "backups", id)
    return backup


def remove(session: Session, backup_files: Backups, id: uuid.UUID, actor: Actor) -> None:
    """Take a backup out of the list and remove its file. Raises `BackupRunning`."""
    backup = find(session, id)
    if backup.backup_status is BackupStatus.RUNNING:
        raise BackupRunning("The backup is being made. Cancel it first.")
    records.retire(backup, actor.name)
    audit.note(session, actor, "DELETE", "backups", id, before={"backup_name": backup.backup_name})
    event.listen(session, "after_commit", lambda _: backup_files.path(id).unlink(missing_ok=True), once=True)


def find(session: Session, id: uuid.UUID) -> SystemBackup:
    """Return a backup of the list, locked for a change, or raise `NotFound`."""
    backup = records.find(session, SystemBackup, id)
    if not backup.is_active:
        raise NotFound("There is no such system backup.")
    return backup


def require_file(session: Session, backup_files: Backups, id: uuid.UUID) -> str:
    """Return the name of a finished backup whose file is here. Raises `NotFound` or `BackupFileAway`."""
    done = SystemBackup.is_active, SystemBackup.backup_status == BackupStatus.COMPLETED
    name = session.scalar(select(SystemBackup.backup_name).where(SystemBackup.id == id, *done))
    if name is None:
        raise NotFound("There is no such finished backup.")
    if not backup_files.path(id).exists():
        raise BackupFileAway("The file is on another machine, or gone.")
    return name


def reap(database: Database) -> None:
    """Fail those backups that nobody makes any more."""
    lost = (
        SystemBackup.backup_status == BackupStatus.RUNNING,
        SystemBackup.started_at < func.now() - GRACE,
        UNHELD,
    )
    with database.transaction() as session:
        session.execute(update(SystemBackup).where(*lost).values(_failed(LOST)))


def expire(database: Database, backup_files: Backups) -> None:
    """Retire the backups that were kept as long as was said, and remove their files."""
    age = func.make_interval(0, 0, 0, cast(func.substring(SystemBackup.retention_days, WHOLE), Integer))
    over = SystemBackup.is_active, SystemBackup.completed_at < func.now() - age
    with database.transaction() as session:
        retired = {"is_active": False, "deleted_at": func.now(), "deleted_by": "retention"}
        gone = session.scalars(update(SystemBackup).where(*over).values(retired).returning(SystemBackup.id)).all()
    for each in gone:
        backup_files.path(each).unlink(missing_ok=True)


def _note(database: Database, id: uuid.UUID, progress: Progress, total: int) -> bool:
    """Write down how far a backup is; return whether it is still wanted. In an outage it goes on unseen."""
    percent = min(99, progress.tables * 100 // total)
    metadata = {"percent": percent, "bytes": progress.bytes, "tables": progress.tables, "of_tables": total}
    try:
        return _update(database, id, {"backup_metadata": metadata})
    except AppError:
        return True


def _completed(done: BackupFile, total: int) -> dict[str, Any]:
    metadata = {"percent": 100, "bytes": done.bytes, "tables": total, "of_tables": total, "sha256": done.sha256}
    return {
        "backup_status": BackupStatus.COMPLETED,
        "completed_at": func.now(),
        "backup_path": done.path.name,
        "backup_size": str(done.bytes),
        "backup_metadata": metadata,
    }


def _failed(reason: str) -> dict[str, Any]:
    return {"backup_status": BackupStatus.FAILED, "completed_at": func.now(), "error_message": reason}


def _finish(database: Database, id: uuid.UUID, values: Mapping[str, object]) -> bool:
    """Write down how a backup ended, if it was still wanted; in an outage try a few times, the rest is reaped."""
    for attempt in range(ATTEMPTS):
        try:
            return _update(database, id, values)
        except AppError as error:
            threading.Event().wait(error.members.get("retry_after", 1) * (attempt + 1))
    return False


def _update(database: Database, id: uuid.UUID, values: Mapping[str, object]) -> bool:
    """Change a backup that is being made; return whether it still was."""
    running = SystemBackup.id == id, SystemBackup.backup_status == BackupStatus.RUNNING
    with database.transaction() as session:
        return bool(session.execute(update(SystemBackup).where(*running).values(values)).rowcount)  # type: ignore[attr-defined]

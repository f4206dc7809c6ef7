"""What is told of the running system and of its database."""

import os
import time
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from ...errors import Forbidden
from ...resilience import OPEN, Transition
from ..models import BackupStatus, SystemBackup, SystemSetting

BEGAN = time.monotonic()
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
TABLES = text(
    "SELECT c.relname AS name, GREATEST(c.reltuples, 0)::bigint AS records,"
    " round(pg_total_relation_size(c.oid) / 1048576.0, 3)::float AS size_mb"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY c.relname"
)
STATUS = text(
    "SELECT round(pg_database_size(current_database()) / 1048576.0, 2)::float AS size_mb,"
    " (SELECT count(*) FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace) AS tables,"
    " (SELECT COALESCE(sum(GREATEST(c.reltuples, 0)), 0)::bigint FROM pg_class c"
    " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace) AS total_records,"
    " extract(epoch FROM now() - pg_postmaster_start_time())::bigint AS seconds,"
    " current_setting('server_version') AS version,"
    " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections"
)


# D61: nothing is destroyed by request.
class Disabled(Forbidden):
    """What destroys data is not done by request (403)."""

    code, title = "disabled", "Disabled"


def refuse() -> NoReturn:
    """Raise `Disabled`."""
    raise Disabled("Emptying tables by request is disabled. Restore a backup, or use the database's own tools.")


def counts(session: Session) -> dict[str, Any]:
    """Return how many settings and backups there are, and how long the database took to say so (milliseconds)."""
    began = time.perf_counter()
    settings = select(func.count()).where(SystemSetting.is_active).scalar_subquery()
    backups = select(func.count()).where(SystemBackup.is_active).scalar_subquery()
    found = session.execute(select(settings.label("settings_count"), backups.label("backups_count"))).mappings().one()
    return {**found, "response_time": round((time.perf_counter() - began) * 1000, 2)}


def database_status(session: Session) -> dict[str, Any]:
    """Return the size of the database, its rows as last counted by the server, and when it was last backed up."""
    found = dict(session.execute(STATUS).mappings().one())
    done = SystemBackup.backup_status == BackupStatus.COMPLETED
    last = session.scalar(select(func.max(SystemBackup.completed_at)).where(done, SystemBackup.is_active))
    return {"connected": True, **found, "uptime": spell(found.pop("seconds")), "last_backup": last}


def tables(session: Session) -> list[dict[str, Any]]:
    """Return each table, its rows as last counted by the server, and its size with indexes in MiB."""
    return [dict(row) for row in session.execute(TABLES).mappings()]


def told(breaker: str, event: Transition) -> dict[str, Any]:
    """Return a change of a breaker as an entry of a log."""
    level = "WARNING" if event.after == OPEN else "INFO"
    said = f"{breaker}: {event.before} to {event.after} ({event.cause})"
    return {"timestamp": event.at.isoformat(), "level": level, "message": said, "error": event.error}


def uptime() -> str:
    """Return how long this program has run."""
    return spell(int(time.monotonic() - BEGAN))


def spell(seconds: int) -> str:
    """Return a length of time as days, hours and minutes."""
    days, rest = divmod(int(seconds), 86400)
    return f"{days} d {rest // 3600} h {rest % 3600 // 60} min"


def memory_percent() -> float:
    """Return how much of the memory that this machine may use this worker has, in percent."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") * 100 / _memory(), 1)


def _memory() -> int:
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in map(Path, LIMITS):
        if path.exists() and (said := path.read_text().strip()).isdigit():
            return min(whole, int(said))
    return whole

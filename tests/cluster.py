"""A PostgreSQL at the newest revision in 0.3 s instead of 1.8: a copy of one that was made once, and is kept.

It is made again when a revision, the program of the server or what makes or migrates it is another. Beside the database
that is served it has `NEWEST`, which is the same and which nobody connects to: the template for more of them.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from deploy.private import binaries, postgres
from deploy.private.servers import PostgresServer
from rental_backend.infra import migration

KEPT = binaries.ROOT / ".local" / "test" / "cluster"
REVISIONS = binaries.ROOT / "migrations"
PARTS = ("password", "data")
NEWEST = "newest"


def start_at_newest(
    folder: Path, migrate: Callable[[str], None], *, durable: bool = False, kept: Path = KEPT
) -> PostgresServer:
    """Start a server of its own in a folder, its database empty and at the revision that `migrate` brings it to."""
    server = PostgresServer(folder, port=0, durable=durable)
    whole = kept / stamp(REVISIONS)
    with _alone(kept):
        if whole.exists():
            _copy(whole, folder)
        else:
            server.start()
            migrate(server.url)
            with psycopg.connect(
                server.url.replace(f"/{postgres.DATABASE}", "/postgres"), autocommit=True
            ) as connection:
                connection.execute(f"CREATE DATABASE {NEWEST} TEMPLATE {postgres.DATABASE}")
            server.stop()
            _keep(folder, whole)
    server.start()
    return server


def stamp(revisions: Path) -> str:
    """Return what identifies a cluster: the revisions, what makes and migrates it, its program, and whose it is."""
    tool = Path(migration.__file__).parent
    files = [*sorted(revisions.rglob("*.py")), *sorted(tool.rglob("*.py")), Path(postgres.__file__), Path(__file__)]
    parts = [str(binaries.postgres("postgres").resolve()), str(os.geteuid())]
    parts += [f"{path.name}\0{path.read_text()}" for path in files]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _keep(folder: Path, whole: Path) -> None:
    shutil.rmtree(whole.parent, ignore_errors=True)
    draft = whole.with_suffix(".draft")
    draft.mkdir(0o700, parents=True)
    _copy(folder, draft)
    draft.rename(whole)  # last: what is half copied is never taken for a cluster


def _copy(origin: Path, target: Path) -> None:
    """Copy a cluster that is not served, its owner included: PostgreSQL runs as another user where we are root."""
    target.mkdir(0o700, parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", *(origin / name for name in PARTS), target], check=True)


@contextmanager
def _alone(kept: Path) -> Iterator[None]:
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

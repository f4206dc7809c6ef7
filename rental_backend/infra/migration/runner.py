"""One migration at a time over all replicas, retried while tables are busy."""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationInfo
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RangeNotAncestorError
from alembic.util import CommandError
from psycopg.rows import TupleRow
from sqlalchemy.exc import DBAPIError

from ..postgres.failures import without_values
from . import preflight
from .breaking_revisions import passed_breaking_revision
from .outcome import BadRowsFound, Exit, MigrationError, MigrationOutcome, Summary
from .preflight import Finding
from .server import Server, Unreachable

CONFIG = Path(__file__).parents[3] / "alembic.ini"
LOCK = 5_817_302_644_190_073  # a number that nothing else in this database locks
POLL = 0.2
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
RETRIED = ("55P03", "40P01")  # lock not available, deadlock
UNSTAMPED = "The database has no revision (one that was made without Alembic is given its own by `alembic stamp`)"
OLDEST = """
    SELECT pid, application_name, extract(epoch FROM now() - xact_start)::int FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    ORDER BY xact_start LIMIT 1
"""


@dataclass(frozen=True)
class RevisionState:
    """The revision of a database, and the pending ones, oldest first. `ahead`: this version does not know it."""

    revision: str | None
    pending: tuple[Script, ...] = ()
    ahead: bool = False


class Migrator:
    """Migrates the database of `server` with the revisions of `config`.

    It waits at most `wait` seconds in all: for the server, for another run, for busy tables. Work that has begun is not
    cut short. `say` takes a line about the progress. Every method raises `MigrationError`.
    """

    def __init__(self, server: Server, config: Path, *, wait: float, say: Callable[[str], None]) -> None:
        self._server, self._say = server, say
        self._ends = time.monotonic() + wait
        self._config = Config(config)
        self._config.attributes["server"] = server
        self._scripts = ScriptDirectory.from_config(self._config)

    def migrate(self, target: str = "head") -> Summary:
        """Bring the database to `target`, unless another run has done so meanwhile."""
        started = time.monotonic()
        with self._connected() as connection:
            self._lock(connection)
            before = self._state(connection, target)
            if not before.pending:
                return _nothing(before)
            self._refuse_bad_rows(before)
            retries = self._upgrade(connection, target)
            after = self._state(connection, target)
        return Summary(
            outcome=MigrationOutcome.MIGRATED,
            before=before.revision,
            after=after.revision,
            revisions=_names(before),
            seconds=round(time.monotonic() - started, 3),
            retries=retries,
        )

    def plan(self, target: str = "head") -> Summary:
        """Return what `migrate` would do; changes nothing."""
        with self._connected() as connection:
            state = self._state(connection, target)
        if not state.pending:
            return _nothing(state)
        self._refuse_bad_rows(state)
        names = _names(state)
        return Summary(outcome=MigrationOutcome.PLANNED, before=state.revision, after=names[-1], revisions=names)

    def state(self) -> RevisionState:
        """Return the database's revision, and the pending revisions of this version; changes nothing."""
        with self._connected() as connection:
            return self._state(connection, "head")

    def preflight(self, target: str = "head", limit: int = 100) -> list[Finding]:
        """Return the rows that would stop `migrate`; changes nothing."""
        with self._connected() as connection:
            state = self._state(connection, target)
        return self._find_bad_rows(state, limit)

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        """Open a connection in autocommit; the lock is released when it closes."""
        try:
            with self._server.reach(self._ends, self._say) as connection:
                yield connection
        except psycopg.OperationalError:
            raise Unreachable("the connection was lost") from None
        except CommandError as error:
            raise MigrationError(Exit.FAILED, f"Alembic: {error}") from None

    def _lock(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Lock out other runs. Polled outside a transaction: a waiting one would block CREATE INDEX CONCURRENTLY."""
        announced = False
        while not _first(connection, f"SELECT pg_try_advisory_lock({LOCK})"):
            if time.monotonic() >= self._ends:
                raise MigrationError(Exit.LOCKED, "Another migration is still running; nothing was changed.")
            if not announced:
                self._say("Another migration is running. Waiting.")
                announced = True
            time.sleep(POLL)

    def _state(self, connection: psycopg.Connection[TupleRow], target: str) -> RevisionState:
        wanted = self._scripts.get_revision(target)
        revision = None
        if _first(connection, "SELECT to_regclass('alembic_version') IS NOT NULL"):
            revision = _first(connection, "SELECT version_num FROM alembic_version")
        if revision and revision not in {script.revision for script in self._scripts.walk_revisions()}:
            if passed := passed_breaking_revision(connection, self._scripts):
                raise MigrationError(
                    Exit.PASSED_CONTRACT,
                    f"The database is at {revision}, past {passed}, which took away what this version needs. "
                    "Deploy a newer version.",
                )
            return RevisionState(revision, ahead=True)
        try:
            pending = tuple(self._scripts.iterate_revisions(wanted.revision, revision or "base"))
        except RangeNotAncestorError:  # the database is beyond the target
            return RevisionState(revision)
        return RevisionState(revision, pending[::-1])

    # D24: all pending revisions are looked at first.
    def _find_bad_rows(self, state: RevisionState, limit: int) -> list[Finding]:
        with self._server.connect() as connection:
            connection.autocommit = True  # so that each look is a transaction of its own
            connection.read_only = True
            try:
                return preflight.find_bad_rows(connection, state.pending, limit)
            except psycopg.Error as error:
                raise MigrationError(Exit.FAILED, f"Preflight failed: {_sentence(error)}") from None

    def _refuse_bad_rows(self, state: RevisionState) -> None:
        if findings := self._find_bad_rows(state, 100):
            raise BadRowsFound(findings)

    def _upgrade(self, connection: psycopg.Connection[TupleRow], target: str) -> int:
        """Apply what is pending, and return the number of retries for a lock."""

        def applied(step: MigrationInfo, **_: object) -> None:
            connection.execute("SELECT 1")  # a run that lost the lock must not go on: the revision is rolled back
            self._say(f"{step.up_revision_id} applied")

        self._config.attributes["on_version_apply"] = [applied]
        for retries in itertools.count():
            try:
                command.upgrade(self._config, target)
            except (DBAPIError, psycopg.Error) as error:
                self._pause_or_fail(connection, target, error, retries)
            else:
                break
        return retries

    def _pause_or_fail(
        self, connection: psycopg.Connection[TupleRow], target: str, error: DBAPIError | psycopg.Error, retries: int
    ) -> None:
        cause = error.orig if isinstance(error, DBAPIError) else error
        state = self._state(connection, target)
        name = state.pending[0].revision if state.pending else target
        place = f"The database is at {state.revision}" if state.revision else UNSTAMPED
        if not isinstance(cause, psycopg.Error) or cause.sqlstate not in RETRIED:
            raise MigrationError(Exit.FAILED, f"Revision {name} failed: {_sentence(cause)}. {place}.") from None
        seconds = pause(retries)
        oldest = _oldest(connection)
        if time.monotonic() + seconds > self._ends:
            raise MigrationError(
                Exit.BUSY, f"Revision {name} did not get its lock on a table in use{oldest}. {place}."
            ) from None
        self._say(f"{name} waits for a table in use{oldest}. Trying again in {seconds:.1f} s.")
        time.sleep(seconds)


def pause(retries: int) -> float:
    """Return the seconds to leave a busy table alone after so many retries, with jitter."""
    return PAUSES[min(retries, len(PAUSES) - 1)] * random.uniform(0.5, 1)  # noqa: S311 - no secret


def _first(connection: psycopg.Connection[TupleRow], question: str) -> Any:
    row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def _names(state: RevisionState) -> tuple[str, ...]:
    return tuple(script.revision for script in state.pending)


def _nothing(state: RevisionState) -> Summary:
    outcome = MigrationOutcome.AHEAD if state.ahead else MigrationOutcome.CURRENT
    return Summary(outcome=outcome, before=state.revision, after=state.revision)


def _oldest(connection: psycopg.Connection[TupleRow]) -> str:
    """Name the oldest transaction, which is the likeliest to block the lock."""
    row = connection.execute(OLDEST).fetchone()
    return f" (oldest transaction: process {row[0]} {row[1]!r}, {row[2]} s)" if row else ""


def _sentence(error: BaseException | None) -> str:
    """Return the server's message, without the values of rows."""
    if isinstance(error, psycopg.Error):
        told = "the connection was lost" if error.sqlstate is None else type(error).__name__
        return without_values(error.diag.message_primary or told)
    return type(error).__name__

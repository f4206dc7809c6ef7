"""The outcome of a migration: a summary, or an error with the exit code of the command."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from .preflight import Finding


class Exit(IntEnum):
    """Exit codes of `flask migrate` and `flask preflight`. 2 is click's, for a wrong option."""

    DONE = 0  # migrated, nothing to do, or the database is newer than this version
    FAILED = 1  # a revision failed; `flask preflight`: there are bad rows
    UNREACHABLE = 3  # no connection, or it was lost
    LOCKED = 4  # another run did not end in time
    BUSY = 5  # a table was in use all the time
    BAD_ROWS = 6  # preflight found rows that would stop a revision
    PASSED_CONTRACT = 7  # the database is past a breaking revision: it no longer has what this version needs


class MigrationError(Exception):
    """A migration that did not succeed. The message is for an operator and contains no secret."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadRowsFound(MigrationError):
    """Rows that would stop the revisions to be applied; nothing was changed."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        rows = sum(finding.rows for finding in findings)
        super().__init__(Exit.BAD_ROWS, f"{rows} rows would stop the migration; nothing was changed.")
        self.findings = findings


class MigrationOutcome(StrEnum):
    """What a successful run did."""

    MIGRATED = "migrated"
    CURRENT = "current"
    AHEAD = "ahead"
    PLANNED = "planned"


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a successful run did. `revisions` are those applied, or planned by a dry run, in order."""

    outcome: MigrationOutcome
    before: str | None
    after: str | None
    revisions: tuple[str, ...] = ()
    seconds: float = 0.0
    retries: int = 0

    def __str__(self) -> str:
        count = f"{len(self.revisions)} migration{'' if len(self.revisions) == 1 else 's'}"
        route = f"from {self.before or 'nothing'} to {self.after}"
        match self.outcome:
            case MigrationOutcome.MIGRATED:
                return f"Migrated {route}: {count} in {self.seconds:.1f} s, {self.retries} retries."
            case MigrationOutcome.PLANNED:
                return f"Would migrate {route}: {count} ({', '.join(self.revisions)})."
            case MigrationOutcome.AHEAD:
                return (
                    f"Warning: nothing to migrate, the database is at {self.after}, which this version does not know."
                )
        return f"Nothing to migrate: the database is at {self.after}."

"""Migrates a database to a revision of `migrations/`, safely while the service runs."""

from .breaking_revisions import record_breaking_revision
from .outcome import BadRowsFound, Exit, MigrationError, Summary
from .preflight import BadRows, Finding, examine
from .runner import CONFIG, Migrator
from .server import Server

__all__ = [
    "CONFIG",
    "BadRows",
    "BadRowsFound",
    "Exit",
    "Finding",
    "MigrationError",
    "Migrator",
    "Server",
    "Summary",
    "examine",
    "record_breaking_revision",
]

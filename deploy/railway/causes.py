"""Known causes: what is written in the logs when something common goes wrong, and what mends it.

The sentences come from our own commands, gunicorn, pip, PostgreSQL and Python. The first cause that fits wins, so
the more telling ones come first.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from deploy.railway.findings import Finding, failed


@dataclass(frozen=True)
class Cause:
    """A cause with its sign in a log line; `mend` says what to do."""

    code: str
    sign: re.Pattern[str]
    said: str
    mend: str

    def finding(self, line: str) -> Finding:
        """The cause with the line that shows it."""
        return failed(self.code, f"{self.said} ({line.strip()[:300]})", self.mend)


def _cause(code: str, sign: str, said: str, mend: str) -> Cause:
    return Cause(code, re.compile(sign), said, mend)


BUILD = (
    _cause(
        "build-hash",
        r"DO NOT MATCH THE HASHES",
        "a package is not the file that was locked",
        "lock the requirements again, from an index that is trusted",
    ),
    _cause(
        "build-package",
        r"No matching distribution found for (\S+)|Could not find a version",
        "a package cannot be had",
        "look at deploy/requirements/run.in, and lock again",
    ),
    _cause(
        "build-dockerfile",
        r"(?i)dockerfile.*(not found|does not exist|no such file)",
        "the Dockerfile is not where the settings say",
        "`config diff`, then `config apply`",
    ),
    _cause(
        "build-copy",
        r"(?i)failed to (compute cache key|calculate checksum).*not found|COPY failed",
        "the Dockerfile copies what is not in the checkout",
        "look at .dockerignore and at what was committed",
    ),
)

RUN = (
    _cause(
        "settings-refused",
        r"Configuration refused\.",
        "the environment cannot be used",
        "set the variables that are named; rental_backend/config/README.md lists all",
    ),
    _cause(
        "migration-contract",
        r"past \S+, which took away what this version needs",
        "the database has left behind what this version needs",
        "deploy a newer version; going further back is not possible",
    ),
    _cause(
        "migration-bad-rows",
        r"rows would stop the migration",
        "rows in the database stand in the way of a migration",
        "`flask preflight` names them; mend them, then deploy again",
    ),
    _cause(
        "migration-locked",
        r"Another migration is still running",
        "another migration did not end in time",
        "wait for it, or end its session in the database; then deploy again",
    ),
    _cause(
        "migration-busy",
        r"did not get its lock on a table in use",
        "a table was in use all the time",
        "end the long transaction that the message names, then deploy again",
    ),
    _cause(
        "migration-failed",
        r"Revision \S+ failed:|Error: Alembic:",
        "a migration failed; those before it stay",
        "mend the revision, and deploy again: it goes on from where it stopped",
    ),
    _cause(
        "connections-exhausted",
        r"sorry, too many clients already|remaining connection slots are reserved|too many connections for",
        "PostgreSQL has no connection left",
        "lower DATABASE_POOL_SIZE, WEB_CONCURRENCY or replicas, or raise max_connections (`diagnose --offline` counts)",
    ),
    _cause(
        "database-password",
        r"password authentication failed",
        "PostgreSQL refuses the password",
        "let DATABASE_URL refer to the database's own variable: ${{Postgres.DATABASE_URL}}",
    ),
    _cause(
        "database-unreachable",
        r"The database cannot be reached|database .*(does not answer|cannot be found)|could not translate host name",
        "the database was not reached",
        "look whether its service runs, and whether DATABASE_URL names its private domain",
    ),
    _cause(
        "port-variable",
        r"is not a valid port number",
        "the start command is run without a shell, so $PORT is not replaced",
        "start by `python -m deploy.start`, which reads PORT itself",
    ),
    _cause(
        "port-in-use",
        r"Connection in use",
        "two programs want the same port",
        "let one program listen, on [::] only: that takes both IP versions",
    ),
    _cause(
        "import-error",
        r"(ModuleNotFoundError|ImportError): ",
        "the program cannot be imported",
        "add what is missing to deploy/requirements/run.in, lock again, and deploy",
    ),
    _cause(
        "command-missing",
        r"(?i)executable file not found|No such file or directory.*(deploy|start)|No module named (deploy|gunicorn)",
        "the start command names what is not in the image",
        "`config diff`: is startCommand that of railway.json?",
    ),
    _cause(
        "out-of-memory",
        r"Perhaps out of memory|OOMKilled|Out of memory|exit(ed with)? (code|status) 137",
        "the container ran out of memory",
        "lower WEB_CONCURRENCY or STALE_BYTES, or raise the limit of the service",
    ),
    _cause(
        "worker-timeout",
        r"WORKER TIMEOUT",
        "a worker was silent for too long, and was replaced",
        "look which request it was (`logs --http`); nothing of ours waits for a dependency that long",
    ),
    _cause(
        "syntax-error",
        r"(SyntaxError|IndentationError): ",
        "the program cannot be read",
        "the image's Python must be 3.11 or newer",
    ),
)

LISTENING = re.compile(r"Listening at: \S*?:(\d+)\b")


def known(causes: Iterable[Cause], lines: Iterable[str]) -> Finding | None:
    """The most telling cause whose sign is in one of the lines."""
    written = list(lines)
    for cause in causes:
        for line in reversed(written):
            if cause.sign.search(line):
                return cause.finding(line)
    return None


def listened_at(lines: Iterable[str]) -> int | None:
    """The port that gunicorn said it listens at, last."""
    found = [int(match[1]) for line in lines if (match := LISTENING.search(line))]
    return found[-1] if found else None

"""The budget of connections to PostgreSQL: how many the service may open at most, and whether the server has them.

Two deployments that overlap count twice, and so do two slots.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .findings import Finding, failed, passed, warned

PROBES = 2  # connections of each worker for probes
MIGRATIONS, ADMIN = 2, 5
RESERVED = 3  # for superusers, by PostgreSQL's default
SHARE = 0.8
MOST_WORKERS = 4  # where the host decides
DEFAULTS = {"WEB_CONCURRENCY": MOST_WORKERS, "DATABASE_POOL_SIZE": 8, "AUTH_POOL_SIZE": 2}
USUAL = 100  # PostgreSQL's default max_connections


@dataclass(frozen=True)
class ConnectionBudget:
    """The most connections, and what they consist of. `measured` is the server's own limit, if it is known."""

    slots: int
    replicas: int
    workers: int
    pool: int
    measured: int | None = None

    @classmethod
    def of(
        cls, variables: Mapping[str, str], *, slots: int, replicas: int, measured: int | None = None
    ) -> "ConnectionBudget":
        """Return the budget for a service's variables. A variable that is unset or no number counts as its default."""
        numbers = {name: _number(variables.get(name, ""), default) for name, default in DEFAULTS.items()}
        pool = numbers["DATABASE_POOL_SIZE"] + numbers["AUTH_POOL_SIZE"] + PROBES
        return cls(slots, replicas, numbers["WEB_CONCURRENCY"] or MOST_WORKERS, pool, measured)

    @property
    def needed(self) -> int:
        """The most connections, while a deployment overlaps with the next."""
        return self.slots * self.replicas * self.workers * self.pool * 2 + MIGRATIONS + ADMIN

    @property
    def granted(self) -> int:
        """The number of the server's connections that should be used at most."""
        return int(SHARE * ((self.measured or USUAL) - RESERVED))

    def finding(self) -> Finding:
        """Return whether the budget fits. If the server's limit is not known, PostgreSQL's default only warns."""
        message = (
            f"{self.slots} slots x {self.replicas} replicas x {self.workers} workers x {self.pool} connections"
            f" x 2 (overlap) + {MIGRATIONS + ADMIN} = {self.needed}, of {self.granted} to be used of max_connections "
            f"{self.measured or f'{USUAL} (the usual; not asked)'}"
        )
        if self.needed <= self.granted:
            return passed("connections", message)
        mend = "lower DATABASE_POOL_SIZE, WEB_CONCURRENCY or replicas, or put a pooler in front"
        return failed("connections", message, mend) if self.measured else warned("connections", message, mend)


def _number(text: str, default: int) -> int:
    return int(text) if text.strip().isdecimal() else default

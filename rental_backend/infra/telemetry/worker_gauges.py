"""Gauges that each worker of a host publishes about once a second: its memory, and the use of its pools."""

import os
from collections.abc import Mapping
from pathlib import Path

from ...resilience import Counters
from ..postgres.database import Database

EVERY = 1.0
STATM = Path("/proc/self/statm")
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


class WorkerGauges:
    """The levels of all live workers. `pools` has the adapters by name."""

    def __init__(self, counters: Counters, pools: Mapping[str, Database]) -> None:
        self._counters = counters
        self._pools = pools
        self._pools_at = {name: counters.reserve(f"pool {name}", 2, level=True) for name in pools}
        self._memory_at = counters.reserve("memory", level=True)

    def publish(self) -> None:
        """Publish the gauges of this worker."""
        for name, adapter in self._pools.items():
            pool, at = adapter.pool, self._pools_at[name]
            self._counters.put(at, pool.size())
            self._counters.put(at + 1, pool.checkedout())
        self._counters.put(self._memory_at, int(STATM.read_text().split()[1]) * PAGE_SIZE)

    def pools(self) -> dict[str, tuple[int, int]]:
        """Return (size, connections in use) of each pool, over all workers."""
        levels = {name: self._counters.levels(at, 2) for name, at in self._pools_at.items()}
        return {name: (size, used) for name, (size, used) in levels.items()}

    def memory(self) -> dict[int, int]:
        """Return the resident bytes of each worker, by its worker slot."""
        return {worker_slot: used for worker_slot, used in self._counters.by_worker(self._memory_at) if used}

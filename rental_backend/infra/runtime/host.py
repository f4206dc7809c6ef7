"""The processors and the memory that this host grants to the application, from the kernel's control groups."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

MOST_WORKERS = 4  # each has its own connections to the database
FEWEST_WORKERS = 2  # so that one is left while the other is busy or being replaced; also used where there is no quota
MEMORY_OF_WORKER = 160 << 20  # 85 MB after some traffic, and the stores it may fill
MEMORY_OF_MASTER = 128 << 20
NO_LIMIT = 1 << 60  # version 1 writes "none" as a number this large


class Host:
    """Reads the control groups below `root`, of either version. A value that cannot be read counts as no limit."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._groups = root / "sys/fs/cgroup"
        self._membership = root / "proc/self/cgroup"

    def processors(self) -> float | None:
        """The processors granted by the strictest quota, or None where there is none."""
        shares = [*self._quotas_v2(), *self._quotas_v1()]
        return min(shares) if shares else None

    def memory(self) -> int | None:
        """The bytes of memory granted by the strictest limit, or None where there is none."""
        files = [*self._files("", "memory.max"), *self._files("memory", "memory.limit_in_bytes")]
        limits = [limit for limit in map(_number, files) if limit is not None and 0 < limit < NO_LIMIT]
        return min(limits) if limits else None

    def workers(self) -> int:
        """How many worker processes to run: one per granted processor, 2 to 4, fewer only where memory is short."""
        wanted = min(MOST_WORKERS, max(FEWEST_WORKERS, math.ceil(self.processors() or FEWEST_WORKERS)))
        memory = self.memory()
        if memory is None:
            return wanted
        return max(1, min(wanted, (memory - MEMORY_OF_MASTER) // MEMORY_OF_WORKER))

    def _quotas_v2(self) -> Iterator[float]:
        for text in self._files("", "cpu.max"):
            quota, _, period = text.partition(" ")
            if quota.isdecimal() and period.isdecimal() and int(period):
                yield int(quota) / int(period)

    def _quotas_v1(self) -> Iterator[float]:
        quotas = map(_number, self._files("cpu", "cpu.cfs_quota_us"))
        periods = map(_number, self._files("cpu", "cpu.cfs_period_us"))
        for quota, period in zip(quotas, periods, strict=False):
            if quota and period and quota > 0:
                yield quota / period

    def _files(self, controller: str, name: str) -> Iterator[str]:
        """Yield the content of that file in our group and in each group above it; a limit holds for all below."""
        for mounted, group in self._ours(controller):
            for folder in (group, *group.parents):
                try:
                    yield (mounted / str(folder).lstrip("/") / name).read_text().strip()
                except OSError:  # the root group has no limits, and a container cannot see above itself
                    continue

    def _ours(self, controller: str) -> Iterator[tuple[Path, Path]]:
        """Yield the mount point of a controller (version 2: without a name), and our group in it."""
        try:
            lines = self._membership.read_text().splitlines()
        except OSError:
            return
        for line in lines:
            _, names, group = line.split(":", 2)
            if controller in names.split(","):
                yield self._groups / names, Path(group)


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def shared_memory() -> str | None:
    """Return the folder of in-memory files, if there is one that can be written to."""
    folder = "/dev/shm"  # noqa: S108 - what is written there is only gunicorn's own
    return folder if os.access(folder, os.W_OK) else None

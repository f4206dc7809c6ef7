"""What decides about dependencies reads clocks that nobody can step."""

import ast
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.serving import ROOT

WALL = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today"}
ADAPTERS = (
    *("postgres/database", "postgres/connection", "postgres/failures", "redis/cache"),
    *("container", "identity/identity", "runtime/fault_injection"),
)
# For people: when a transition was, since when a breaker is open; and for a token and a grant, which end by the wall.
STAMPS = {"events.py": 1, "pybreaker_storage.py": 1, "identity.py": 2}


def wall_clocks(source: str) -> Iterator[int]:
    """Yield the lines that read the wall clock."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in WALL:
            yield node.lineno


def test_no_breaker_deadline_or_probe_reads_the_wall_clock() -> None:
    """In `resilience/` and in the doors only the stamps for people do."""
    files = [*(ROOT / "rental_backend" / "resilience").glob("*.py")]
    files += [ROOT / "rental_backend" / "infra" / f"{name}.py" for name in ADAPTERS]

    found = {path.name: len([*wall_clocks(path.read_text())]) for path in files}

    assert {name: count for name, count in found.items() if count} == STAMPS


def test_a_wall_clock_would_be_found() -> None:
    """Called or passed on, it is found; a monotonic one is not."""
    assert sorted(wall_clocks("import time\ntime.time()\nclock = time.time\ntime.monotonic()\n")) == [2, 3]
    assert list(wall_clocks("from datetime import datetime\ndatetime.now()\n")) == [2]


def test_the_stepped_clock_steps(tmp_path: Path) -> None:
    """The wall clock of the fault suite is off by as much as its file says."""
    (tmp_path / "clock").write_bytes(struct.pack("d", -3600.0))
    environ = {**os.environ, "CLOCK": str(tmp_path / "clock"), "PYTHONPATH": str(Path(__file__).parent / "clock")}
    program = "import time, datetime; print(datetime.datetime.now().timestamp() - time.time())"

    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)

    assert 3599 < float(done.stdout) < 3601

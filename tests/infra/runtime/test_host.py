"""How many workers a host gets, from control groups of either version, limits above our group included."""

import runpy
from collections.abc import Mapping
from pathlib import Path

import pytest

from rental_backend.infra.runtime.host import Host
from tests.serving import ROOT

GB = 1 << 30
V1 = "5:memory:/pod/app\n3:cpu,cpuacct:/pod/app\n0::/"
V1_CPU = "sys/fs/cgroup/cpu,cpuacct/pod"


def host(root: Path, files: Mapping[str, str]) -> Host:
    """A host on which these files are all there is."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n")
    return Host(root)


def v2(cpu: str, memory: str, group: str = "") -> dict[str, str]:
    """A container's files with version 2."""
    there = f"sys/fs/cgroup{group}"
    return {"proc/self/cgroup": f"0::{group or '/'}", f"{there}/cpu.max": cpu, f"{there}/memory.max": memory}


CASES = {
    "no limits": (v2("max 100000", "max"), 2),
    "half a processor": (v2("50000 100000", "max"), 2),
    "three processors": (v2("250000 100000", "max"), 3),
    "many processors": (v2("3200000 100000", str(32 * GB)), 4),
    "little memory": (v2("400000 100000", str(GB // 2)), 2),
    "hardly any memory": (v2("400000 100000", str(GB // 8)), 1),
    "a stricter group above": (
        {**v2("max 100000", "max", "/pod/app"), "sys/fs/cgroup/pod/cpu.max": "300000 100000"},
        3,
    ),
    "version 1": (
        {
            "proc/self/cgroup": V1,
            f"{V1_CPU}/app/cpu.cfs_quota_us": "-1",
            f"{V1_CPU}/app/cpu.cfs_period_us": "100000",
            f"{V1_CPU}/cpu.cfs_quota_us": "400000",
            f"{V1_CPU}/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/memory/pod/app/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": str(GB * 5 // 8),
        },
        3,
    ),
    "nothing to read": ({}, 2),
    "nonsense": (v2("fast", "much"), 2),
}


@pytest.mark.parametrize(("files", "workers"), CASES.values(), ids=CASES)
def test_workers_follow_what_is_granted(tmp_path: Path, files: dict[str, str], workers: int) -> None:
    """One for each processor of the strictest quota, two at least and four at most, and no more than memory allows."""
    assert host(tmp_path, files).workers() == workers


@pytest.mark.parametrize(("said", "workers"), [("", Host().workers()), ("0", Host().workers()), ("3", 3)])
def test_who_says_how_many_gets_them(monkeypatch: pytest.MonkeyPatch, said: str, workers: int) -> None:
    """gunicorn has the workers of WEB_CONCURRENCY; what the host grants counts where that says nothing."""
    monkeypatch.setenv("ENVIRONMENT", "test")
    monkeypatch.setenv("WEB_CONCURRENCY", said)

    assert runpy.run_path(str(ROOT / "gunicorn.conf.py"))["workers"] == workers


def test_this_host_can_be_read() -> None:
    """Whatever this machine has, the answer is a sensible number."""
    assert 1 <= Host().workers() <= 4

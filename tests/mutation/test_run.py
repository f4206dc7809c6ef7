"""Faults in the tree are noticed by its tests; and a fault that is not noticed is named."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BAR = 0.9  # of the faults tried, how many have to be noticed
LONGEST = 4 * 3600


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.mutation", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
        check=False,
    )


@pytest.mark.full
@pytest.mark.alone
def test_nine_of_ten_faults_are_noticed(tmp_path: Path) -> None:
    """300 faults over web, infra, accounts and the domains; the survivors are named."""
    done = _run("--number=300", f"--bar={BAR}", f"--folder={tmp_path}")

    print(done.stdout)
    assert done.returncode == 0, done.stdout[-20_000:]


AGES = """
def is_old(age):
    return age > 66


def is_grown(age):
    return not age < 18
"""
TEST = """
from rental_backend.web.ages import is_grown, is_old


def test_it():
    assert is_old(70)
    assert (is_grown(18), is_grown(17)) == (True, False)
"""
TOY = {
    "rental_backend/web/ages.py": AGES,
    "rental_backend/web/__init__.py": "",
    "rental_backend/__init__.py": "",
    "tests/web/test_ages.py": TEST,
    "setup.cfg": "[tool:pytest]\npythonpath = .\naddopts = -p no:schemathesis -p no:anyio\n",
}


@pytest.mark.full
def test_a_fault_that_nobody_notices_is_named(tmp_path: Path) -> None:
    """With its file, line and change; too many of them, and tests that fail without any fault, fail the run."""
    root = tmp_path / "toy"
    for name, text in TOY.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    given = (f"--root={root}", "--rooms=web", f"--folder={tmp_path}")

    done, loose = _run(*given, "--bar=0.9"), _run(*given, "--bar=0.5")

    assert (done.returncode, loose.returncode) == (1, 0), done.stdout + loose.stdout
    told = done.stdout.splitlines()[-2:]
    assert told[0] == "2 mutants, 50.0% noticed, 0 of them by the deadline; survivors:"
    assert told[1].startswith("  rental_backend/web/ages.py:3 is_old: ")
    assert "tests/web/test_ages.py::test_it" in done.stdout

    (root / "tests/web/test_ages.py").write_text("def test_it():\n    assert False\n")
    broken = _run(*given)
    assert (broken.returncode, "without any fault fails" in broken.stdout) == (2, True), broken.stdout

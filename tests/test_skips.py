"""A test that is skipped fails the run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import Skips

ROOT = Path(__file__).parent.parent
CONFTEST = """
import pytest
from tests.skips import Skips

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Skips())

@pytest.fixture
def gone():
    pytest.skip("it is not there")
"""
TESTS = """
import pytest, unittest

def test_fine(): pass

def test_by_fixture(gone): pass

def test_by_itself(): pytest.skip()

@pytest.mark.skip
def test_by_mark(): pass

@pytest.mark.skipif(True, reason="here")
def test_by_condition(): pass

@pytest.mark.parametrize("case", [pytest.param(1, marks=pytest.mark.skip)])
def test_one_case(case): pass

@pytest.mark.parametrize("case", [])
def test_no_case(case): pass

@pytest.mark.xfail
def test_expected_to_fail(): assert False

@pytest.mark.xfail
def test_passes_unexpectedly(): pass

class Old(unittest.TestCase):
    @unittest.skip("old")
    def test_old(self): pass
"""
NAMED = (
    "by_fixture",
    "by_itself",
    "by_mark",
    "by_condition",
    "one_case",
    "no_case",
    "expected_to_fail",
    "passes_un",
    "old",
)


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", "."]
    (folder / "conftest.py").write_text(CONFTEST)
    return subprocess.run(
        [*command, *arguments, str(folder)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("-n", "1")], ids=["alone", "by a worker"])
def test_every_way_to_skip_fails_the_run(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Though nothing failed; each test that was passed over is named, and a file that skips itself, too."""
    (tmp_path / "test_toy.py").write_text(TESTS)
    (tmp_path / "test_whole.py").write_text("import pytest\npytest.importorskip('nothing_of_that_name')\n")

    done = _run(tmp_path, *arguments)

    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert " failed" not in done.stdout
    told = done.stdout.partition("fails the run")[2]
    assert [name for name in (*NAMED, "test_whole.py") if name not in told] == []
    assert "test_fine" not in told


def test_a_run_that_skips_nothing_passes(tmp_path: Path) -> None:
    """What is deselected is not wanted, and so not skipped."""
    (tmp_path / "test_toy.py").write_text(TESTS)

    done = _run(tmp_path, "-k", "fine")

    assert (done.returncode, "fails the run" in done.stdout) == (0, False), done.stdout + done.stderr


def test_this_run_is_held_to_it(request: pytest.FixtureRequest) -> None:
    """The process that ends the run knows of every test; a worker of it has nothing to say about that."""
    here = request.config.pluginmanager.get_plugin("skips")
    assert isinstance(here, Skips) is not hasattr(request.config, "workerinput")

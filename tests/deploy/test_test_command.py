"""`deploy/test` and `.ci/run` run the tests they are asked for, and end as pytest does."""

import shutil

import pytest

from deploy.private import binaries

from .launching import Checkout

TOY = """
import pytest


def test_quick():
    pass


@pytest.mark.full
def test_long():
    assert {long}
"""


@pytest.fixture
def toys(checkout: Checkout) -> Checkout:
    """A checkout whose tests are one that is quick, and one that is for `full` only and fails."""
    shutil.rmtree(checkout.folder / "tests")
    (checkout.folder / "tests").mkdir()
    (checkout.folder / "tests" / "test_toy.py").write_text(TOY.format(long=False))
    return checkout


@pytest.mark.parametrize("command", ["deploy/test", pytest.param(".ci/run", marks=pytest.mark.full)])
def test_quick_tests_are_the_default(toys: Checkout, command: str) -> None:
    """Without arguments the long tests are left out; the last line is pytest's."""
    done = toys.run(command)
    assert done.returncode == 0, done.stderr
    assert " 1 passed in" in done.stdout.splitlines()[-1]


def test_full_means_all(toys: Checkout) -> None:
    """`full` runs the long tests too, and what else is said goes to pytest."""
    done = toys.run("deploy/test", "full", "-k", "long")
    assert done.returncode == 1
    assert "1 failed, 1 deselected" in done.stdout


@pytest.mark.full
def test_what_chooses_no_tests_goes_to_both_runs(toys: Checkout) -> None:
    """Tests that measure time have none beside them, whatever else is asked of pytest."""
    done = toys.run("deploy/test", "full", "-rP", "--durations=1")
    assert done.returncode == 1
    assert done.stdout.count("test session starts") == 2
    assert done.stdout.count("slowest 1 durations") == 1  # of the second: in the first there is no test


@pytest.mark.full
def test_a_failure_that_comes_first_is_not_the_end(toys: Checkout) -> None:
    """What fails among the tests that measure time fails the run; the others are run nevertheless."""
    toy = "import pytest\n\n@pytest.mark.alone\ndef test_time():\n    assert False\n"
    (toys.folder / "tests" / "test_time.py").write_text(toy)
    done = toys.run("deploy/test")
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert " 1 passed" in done.stdout.splitlines()[-1]
    assert "not all tests that measure time passed" in done.stderr


@pytest.mark.full
def test_without_a_browser_only_the_pages_are_left_out(toys: Checkout) -> None:
    """It says so before and after the tests, names the mend, and everything else is run."""
    names = ("__init__", "cluster", "conftest", "factories", "scanner", "skips", "slowest", "turns")
    for name in (f"{each}.py" for each in names):
        shutil.copy(binaries.ROOT / "tests" / name, toys.folder / "tests" / name)
    shutil.copytree(binaries.ROOT / "tests" / "browsing", toys.folder / "tests" / "browsing")
    toys.environ["BROWSER_BIN"] = "/nowhere/chromium"

    done = toys.run("deploy/test")

    assert done.returncode == 0, done.stdout + done.stderr
    assert " 1 passed" in done.stdout.splitlines()[-1]
    for said in (done.stdout, done.stderr):
        assert "NO BROWSER" in said
        assert "apt-get install chromium" in said


@pytest.mark.full
def test_no_tests_is_a_failure(toys: Checkout) -> None:
    """A run that tested nothing does not pass."""
    (toys.folder / "tests" / "test_toy.py").unlink()
    done = toys.run(".ci/run")
    assert done.returncode == 5
    assert "no tests ran" in done.stdout.splitlines()[-1]

"""`deploy/check` says of each check whether it passed, and of one that did not all that it said."""

import re
from itertools import pairwise

import pytest

from .launching import Checkout

BAD = '"""Bad."""\n\nimport os\n'


def test_each_check_is_reported(checkout: Checkout) -> None:
    """The chosen checks pass on the checkout, each in a line with its time."""
    done = checkout.run("deploy/check", "lint", "format", "imports")

    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(re.findall(r"\] (\w+): passed \([\d.]+ s\)", done.stdout)) == ["format", "imports", "lint"]


def test_what_does_not_pass_is_shown_and_stops_no_other(checkout: Checkout) -> None:
    """A fault is named with its file; the exit code says so; the other checks go on."""
    (checkout.folder / "rental_backend" / "web" / "bad.py").write_text(BAD)

    done = checkout.run("deploy/check", "lint", "format", "imports")

    assert done.returncode == 1
    for line in ("lint: FAILED", "imports: FAILED", "format: passed"):
        assert line in done.stdout
    assert "rental_backend/web/bad.py" in done.stderr
    assert "rental_backend.web.bad" in done.stderr


def test_a_check_that_there_is_not_is_refused(checkout: Checkout) -> None:
    """Whoever mistypes the name of a check is told the names, and does not see it pass."""
    done = checkout.run("deploy/check", "spelling")

    assert done.returncode == 2
    assert "types, rules of the house, imports, lint, format" in done.stderr


@pytest.mark.full
@pytest.mark.alone
def test_all_of_it_takes_twenty_seconds_once_it_is_warm(checkout: Checkout) -> None:
    """With what the first run has left in caches, a second one takes 20 s at most."""
    cold, *warm = (checkout.run("deploy/check") for _ in range(3))
    for done in (cold, *warm):
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("passed") == 5

    took = [float(re.findall(r"\[ *([\d.]+) s\]", done.stdout)[-1]) for done in warm]
    print(f"deploy/check, warm: {took} s")
    assert min(took) <= 20


def test_the_checks_report_as_they_end(checkout: Checkout) -> None:
    """The quick ones are there before the slow ones."""
    done = checkout.run("deploy/check", "lint", "imports")

    times = [float(said) for said in re.findall(r"\[ *([\d.]+) s\]", done.stdout)]
    assert all(before <= after for before, after in pairwise(times))

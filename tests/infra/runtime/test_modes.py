"""Modes: one for all workers, for as long as ordered, and over restarts if that is asked."""

import json
import multiprocessing
from pathlib import Path

import pytest

from rental_backend.errors import ReadOnly, Unavailable
from rental_backend.infra.runtime.modes import FILE, Mode, Modes
from rental_backend.resilience import SharedMemory, SharedState
from tests.serving import until

pytestmark = pytest.mark.alone(waiting=True)

FORK = multiprocessing.get_context("fork")


def modes(folder: Path, default: str = "normal") -> Modes:
    """Start the program."""
    return Modes(SharedState(SharedMemory()), folder, default)


@pytest.mark.parametrize("mode", list(Mode))
def test_the_environment_says_how_it_starts(tmp_path: Path, mode: Mode) -> None:
    """Without an order the default is in force; an order comes before it."""
    found = modes(tmp_path, mode.value)
    assert (found.current, found.order) == (mode, None)
    for ordered in Mode:
        found.set(ordered, reason="a test", actor="ann")
        assert found.current is ordered


def test_an_order_counts_in_every_process(tmp_path: Path) -> None:
    """A worker's order is in force in all others at once, with its reason and author."""
    found = modes(tmp_path)
    child = FORK.Process(target=lambda: found.set(Mode.READ_ONLY, reason="migration", actor="ann"))
    child.start()
    child.join()
    assert (child.exitcode, found.current) == (0, Mode.READ_ONLY)
    assert found.order is not None
    assert (found.order.reason, found.order.actor, found.order.kept) == ("migration", "ann", False)


def test_an_order_runs_out(tmp_path: Path) -> None:
    """After its time the default is in force again, and before that one is told how long it takes."""
    found = modes(tmp_path)
    found.set(Mode.READ_ONLY, reason="a test", actor="ann", seconds=0.3)
    assert 0 < found.retry_after <= 0.3
    assert found.current is Mode.READ_ONLY
    until(lambda: found.current is Mode.NORMAL, 5)
    assert found.order is None


def test_what_is_to_be_kept_survives_a_restart(tmp_path: Path) -> None:
    """With its author and end; an order that is not kept does not survive, and makes the earlier one forgotten."""
    modes(tmp_path).set(Mode.EMERGENCY, reason="fire", actor="ann", seconds=60, keep=True)
    again = modes(tmp_path, "read-only")
    assert again.current is Mode.EMERGENCY
    assert again.order is not None
    assert (again.order.reason, again.order.actor, again.order.kept) == ("fire", "ann", True)
    assert 50 < (again.order.seconds_left or 0) <= 60
    again.set(Mode.NORMAL, reason="over", actor="ann")
    assert modes(tmp_path, "read-only").current is Mode.READ_ONLY


def test_what_ran_out_meanwhile_is_over(tmp_path: Path) -> None:
    """A kept order does not outlive its end."""
    before = modes(tmp_path)
    before.set(Mode.EMERGENCY, reason="fire", actor="ann", seconds=0.05, keep=True)
    until(lambda: before.current is Mode.NORMAL)
    assert modes(tmp_path).current is Mode.NORMAL


@pytest.mark.parametrize("garbage", ["", "x", "[]", "{}", '{"mode": "other", "ends": null}', '{"mode": "normal"}'])
def test_a_file_that_makes_no_sense_is_none(tmp_path: Path, garbage: str) -> None:
    """The program starts all the same, in the mode of the environment."""
    (tmp_path / FILE).write_text(garbage)
    assert modes(tmp_path, "read-only").current is Mode.READ_ONLY


def test_where_nothing_can_be_written_the_order_counts_and_says_so(tmp_path: Path) -> None:
    """A full or missing disk keeps no operator from acting: `kept` is False."""
    (tmp_path / "file").touch()
    found = modes(tmp_path / "file")
    assert found.set(Mode.READ_ONLY, reason="a test", actor="ann", keep=True).kept is False
    assert found.current is Mode.READ_ONLY


def test_the_file_holds_no_half_order(tmp_path: Path) -> None:
    """It is put in its place whole, and nothing else is left there."""
    modes(tmp_path).set(Mode.READ_ONLY, reason="a test", actor="ann", keep=True)
    assert [each.name for each in tmp_path.iterdir()] == [FILE]
    assert json.loads((tmp_path / FILE).read_text())["mode"] == "read-only"


def test_doors_are_told_what_is_admitted(tmp_path: Path) -> None:
    """Read-only refuses changes, emergency everything, each with a time to come back; normal nothing."""
    found = modes(tmp_path)
    for writing in (False, True):
        found.admit("database", writing=writing)
    found.set(Mode.READ_ONLY, reason="a test", actor="ann", seconds=40)
    found.admit("database", writing=False)
    with pytest.raises(ReadOnly) as refused:
        found.admit("database", writing=True)
    assert 35 <= int(refused.value.headers["Retry-After"]) <= 40
    found.set(Mode.EMERGENCY, reason="a test", actor="ann")
    for writing in (False, True):
        with pytest.raises(Unavailable) as away:
            found.admit("database", writing=writing)
        assert type(away.value) is Unavailable
        assert away.value.headers["Retry-After"] == "30"

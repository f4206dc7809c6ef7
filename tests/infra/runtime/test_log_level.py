"""The level of the log: one for all workers, for a while."""

import logging
import multiprocessing
from collections.abc import Iterator

import pytest

from rental_backend.infra.runtime.log_level import LogLevel
from rental_backend.resilience import SharedMemory, SharedState
from tests.serving import until

pytestmark = pytest.mark.alone(waiting=True)

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def level() -> Iterator[LogLevel]:
    """The level of a program that logs warnings."""
    root = logging.getLogger()
    before = root.level
    root.setLevel("WARNING")
    yield LogLevel(SharedState(SharedMemory()), "WARNING")
    root.setLevel(before)


def test_an_order_counts_in_every_process(level: LogLevel) -> None:
    """A worker's order is in force in all others at once, with its reason and author."""
    child = FORK.Process(target=lambda: level.set("DEBUG", reason="a fault", actor="ann", seconds=60))
    child.start()
    child.join()
    assert (child.exitcode, level.current) == (0, "DEBUG")
    assert logging.getLogger().level == logging.WARNING  # this process has not looked yet
    level.apply()
    assert logging.getLogger().level == logging.DEBUG
    assert level.order is not None
    assert (level.order.reason, level.order.actor) == ("a fault", "ann")


def test_an_order_runs_out(level: LogLevel) -> None:
    """After its time the usual level is in force again."""
    level.set("ERROR", reason="a fault", actor="ann", seconds=0.2)
    assert logging.getLogger().level == logging.ERROR

    def over() -> bool:
        level.apply()
        return logging.getLogger().level == logging.WARNING

    until(over, 5)
    assert level.order is None


def test_what_others_have_set_stays(level: LogLevel) -> None:
    """Without an order nothing is touched."""
    logging.getLogger().setLevel("INFO")
    level.apply()
    assert logging.getLogger().level == logging.INFO

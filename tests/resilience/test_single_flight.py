"""Single flight: one works for all who want the same, and nobody waits long or gets another's error."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from rental_backend.resilience import SingleFlight, budget
from tests.serving import until


class Work:
    """Work that goes on until it is released, and counts who does it."""

    def __init__(self) -> None:
        self.begun = 0
        self.release = threading.Event()

    def __call__(self) -> int:
        """Work."""
        self.begun += 1
        mine = self.begun
        assert self.release.wait(5)
        return mine


class Key:
    """A key that counts who has come to ask by it."""

    def __init__(self) -> None:
        self.asked = 0

    def __hash__(self) -> int:
        self.asked += 1
        return 1


def _crowd(
    single_flight: SingleFlight[int], work: Callable[[], int], size: int, key: Hashable = "key"
) -> tuple[ThreadPoolExecutor, list[Future[int]]]:
    pool = ThreadPoolExecutor(size)
    return pool, [pool.submit(single_flight.run, key, work) for _ in range(size)]


def test_one_works_for_all() -> None:
    """Of 16 who want the same at the same time one works, and all have its result; later ones work anew."""
    single_flight, work, key = SingleFlight[int](wait=5), Work(), Key()
    pool, asked = _crowd(single_flight, work, 16, key)
    until(lambda: key.asked == 16)
    work.release.set()

    assert [each.result() for each in asked] == [1] * 16
    assert (work.begun, single_flight.shared) == (1, 15)
    assert single_flight.run("key", lambda: 99) == 99
    pool.shutdown()


def test_others_are_not_kept_waiting() -> None:
    """Another key flies at once."""
    single_flight, work = SingleFlight[int](wait=5), Work()
    pool, asked = _crowd(single_flight, work, 1)
    until(lambda: work.begun)
    assert single_flight.run("other", lambda: 7) == 7
    work.release.set()
    assert asked[0].result() == 1
    pool.shutdown()


@pytest.mark.parametrize("wait", [0.05, 60])
def test_a_follower_waits_no_longer_than_he_may(wait: float) -> None:
    """A caller who has waited long enough, or has no more time for the request, does the work."""
    single_flight, work = SingleFlight[int](wait=wait), Work()
    pool, asked = _crowd(single_flight, work, 1)
    until(lambda: work.begun)
    began = time.monotonic()
    with budget(0.1 if wait == 60 else 60):
        assert single_flight.run("key", lambda: 7) == 7
    assert time.monotonic() - began < 1
    assert single_flight.shared == 0
    work.release.set()
    assert asked[0].result() == 1
    pool.shutdown()


def test_an_error_is_not_shared() -> None:
    """A caller whose leader failed does the work; only the leader gets the error."""
    single_flight, failing = SingleFlight[int](wait=5), threading.Event()

    def fail() -> int:
        failing.set()
        assert gate.wait(5)
        raise RuntimeError("mine alone")

    gate = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(single_flight.run, "key", fail)
        assert failing.wait(5)
        second = pool.submit(single_flight.run, "key", lambda: 7)
        gate.set()
        assert second.result() == 7
        with pytest.raises(RuntimeError, match="mine alone"):
            first.result()
    assert single_flight.shared == 0
    assert single_flight._in_flight == {}

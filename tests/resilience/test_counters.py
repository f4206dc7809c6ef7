"""The numbers that all workers of a host add up: exact, whoever is replaced or killed meanwhile."""

import threading

import pytest

from rental_backend.resilience import SharedMemory

from .workers import Worker


def count(memory: SharedMemory, at: int, times: int, threads: int = 1) -> int:
    """Count so often in this process, in so many threads at once, and return how often that was in all."""

    def run() -> None:
        for _ in range(times):
            memory.counters.add(at)

    crowd = [threading.Thread(target=run) for _ in range(threads)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    return times * threads


def test_all_workers_add_up_and_the_killed_count_on() -> None:
    """Four workers of two threads each, each killed and followed by another three times: not one is missing."""
    memory = SharedMemory()
    at = memory.counters.reserve("things")
    expected = 0
    for _ in range(3):
        workers = [Worker(count=lambda: count(memory, at, 500, 2)) for _ in range(4)]
        for each in workers:
            each.ask("count")
        expected += sum(each.answer() for each in workers)
        for each in workers:
            each.kill()

    assert memory.counters.total(at) == expected == 12_000
    assert len(memory.used_slots()) <= 4, "the next workers take the slots of the dead"


def test_a_level_ends_with_its_worker() -> None:
    """What a worker had under way is gone with it, at once and for the next owner of its worker slot."""
    memory = SharedMemory()
    level, number = memory.counters.reserve("under way", level=True), memory.counters.reserve("done")
    tasks = {"begin": lambda: memory.counters.add(level, 3), "end": lambda: memory.counters.add(number)}
    first, second = Worker(**tasks), Worker(**tasks)
    first.do("begin")
    second.do("begin")
    assert memory.counters.levels(level) == [6]

    first.kill()
    assert memory.counters.levels(level) == [3]
    third = Worker(**tasks)
    third.do("end")

    assert (memory.counters.levels(level), memory.counters.total(number)) == ([3], 1)
    assert [value for _, value in memory.counters.by_worker(level)] in ([0, 3], [3, 0])
    second.kill()
    third.kill()


def test_places_are_made_before_the_fork() -> None:
    """A name has one place; a child cannot make one that others do not know, and a full tally says so."""
    memory = SharedMemory()
    assert memory.counters.reserve("a", 2) == memory.counters.reserve("a", 2) != memory.counters.reserve("b")
    assert memory.counters.reserve("a", 2) != memory.counters.reserve("a", 2, level=True), "a level is no number"

    child = Worker(known=lambda: memory.counters.reserve("a", 2), new=lambda: memory.counters.reserve("c"))
    assert child.do("known") == memory.counters.reserve("a", 2)
    with pytest.raises(AssertionError, match="no room for 1 numbers of c"):
        child.do("new")
    child.kill()
    with pytest.raises(ValueError, match="no room"):
        memory.counters.reserve("much", 10**6)


def test_a_family_tells_its_members() -> None:
    """Members are counted by name, each for itself."""
    group = SharedMemory().counters.group("lookups", "hits", "misses")
    group.add("hits")
    group.add("misses", 2)

    assert (group.value("hits"), group.values()) == (1, {"hits": 1, "misses": 2})
    with pytest.raises(KeyError):
        group.add("others")

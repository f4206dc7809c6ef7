"""The numbers that all workers of a host add up: exact, whoever is replaced or killed meanwhile."""

import threading

import pytest

from rental_backend.resilience import Page

from .workers import Worker


def count(page: Page, at: int, times: int, threads: int = 1) -> int:
    """Count so often in this process, in so many threads at once, and return how often that was in all."""

    def run() -> None:
        for _ in range(times):
            page.tally.add(at)

    crowd = [threading.Thread(target=run) for _ in range(threads)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    return times * threads


def test_all_workers_add_up_and_the_killed_count_on() -> None:
    """Four workers of two threads each, each killed and followed by another three times: not one is missing."""
    page = Page()
    at = page.tally.reserve("things")
    expected = 0
    for _ in range(3):
        workers = [Worker(count=lambda: count(page, at, 500, 2)) for _ in range(4)]
        for each in workers:
            each.ask("count")
        expected += sum(each.answer() for each in workers)
        for each in workers:
            each.kill()

    assert page.tally.total(at) == expected == 12_000
    assert len(page.lanes_taken()) <= 4, "those that follow take the lanes of the dead"


def test_a_level_ends_with_its_worker() -> None:
    """What a worker had under way is gone with it, at once and for whoever has its lane after it."""
    page = Page()
    level, number = page.tally.reserve("under way", level=True), page.tally.reserve("done")
    tasks = {"begin": lambda: page.tally.add(level, 3), "end": lambda: page.tally.add(number)}
    first, second = Worker(**tasks), Worker(**tasks)
    first.do("begin")
    second.do("begin")
    assert page.tally.levels(level) == [6]

    first.kill()
    assert page.tally.levels(level) == [3]
    third = Worker(**tasks)
    third.do("end")

    assert (page.tally.levels(level), page.tally.total(number)) == ([3], 1)
    assert [value for _, value in page.tally.by_worker(level)] in ([0, 3], [3, 0])
    second.kill()
    third.kill()


def test_places_are_made_before_the_fork() -> None:
    """A name has one place; a child cannot make one that others do not know, and a full tally says so."""
    page = Page()
    assert page.tally.reserve("a", 2) == page.tally.reserve("a", 2) != page.tally.reserve("b")
    assert page.tally.reserve("a", 2) != page.tally.reserve("a", 2, level=True), "a level is no number"

    child = Worker(known=lambda: page.tally.reserve("a", 2), new=lambda: page.tally.reserve("c"))
    assert child.do("known") == page.tally.reserve("a", 2)
    with pytest.raises(AssertionError, match="no room for 1 numbers of c"):
        child.do("new")
    child.kill()
    with pytest.raises(ValueError, match="no room"):
        page.tally.reserve("much", 10**6)


def test_a_family_tells_its_members() -> None:
    """Members are counted by name, each for itself."""
    family = Page().tally.family("lookups", "hits", "misses")
    family.add("hits")
    family.add("misses", 2)

    assert (family.of("hits"), family.all()) == (1, {"hits": 1, "misses": 2})
    with pytest.raises(KeyError):
        family.add("others")

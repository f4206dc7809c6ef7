"""The chores of a worker: done again and again, whatever becomes of the others, and no longer after the end."""

import threading
from collections import Counter

import pytest

from rental_backend.errors import Unavailable
from rental_backend.infra.runtime import scheduler as background
from rental_backend.infra.runtime.scheduler import Scheduler
from tests.serving import until


def test_a_chore_that_fails_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage and a mistake are tried again later, the rest goes on in its time, and all ends with the thread."""
    monkeypatch.setattr(background, "TICK", 0.01)
    monkeypatch.setattr(background, "REST", 0.3)
    done: Counter[str] = Counter()
    chores, before = Scheduler(), threading.active_count()

    def away() -> None:
        done["away"] += 1
        raise Unavailable("database", 1)

    def mistaken() -> None:
        done["mistaken"] += 1
        raise ZeroDivisionError

    chores.every(0, away)
    chores.every(0, mistaken)
    chores.every(0, lambda: done.update(["often"]))
    chores.every(60, lambda: done.update(["seldom"]))
    chores.start()
    chores.start()

    until(lambda: min(done["away"], done["mistaken"]) >= 2, 5)
    assert done["often"] > done["away"]
    assert done["seldom"] == 1
    chores.stop()
    until(lambda: threading.active_count() <= before, 5, "the end of the thread")

"""What a test leaves behind is gone before the next one: rows, events that wait to be stored, tries to sign in."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from deploy.private.servers import RedisServer
from rental_backend.accounts.models import User
from tests import factories
from tests.conftest import BUILT, end_built, forget_events
from tests.serving import until

WAITING = ("x.jsonl", "x.leaving")


@pytest.mark.parametrize("turn", ["first", "second"])
def test_nothing_is_left_by_the_test_before(
    turn: str, session: Session, redis: RedisServer, settings: dict[str, str]
) -> None:
    """Both turns leave the same, and neither finds what the other has left."""
    journal = Path(settings["JOURNAL_FOLDER"])
    with Redis.from_url(redis.url) as connection:
        left = [list(connection.scan_iter("sign-in:*")), [name for name in WAITING if (journal / name).exists()]]
        assert (session.scalar(select(func.count(User.id))), left) == (0, [[], []]), turn

        connection.set("sign-in:somebody", 5)
    factories.user(session)
    for name in WAITING:
        (journal / name).write_text("{}\n")


def test_events_are_forgotten_and_nothing_else(tmp_path: Path) -> None:
    """What waits and what is being stored goes; other files stay."""
    for name in (*WAITING, "x.lock"):
        (tmp_path / name).touch()

    forget_events(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["x.lock"]


def test_applications_of_a_test_end_with_it(build: Callable[..., Flask], tmp_path: Path) -> None:
    """Their services stop, and what they have yet to store is forgotten."""
    before = set(threading.enumerate())
    build(JOURNAL_FOLDER=str(tmp_path)).extensions["services"].start()
    begun = set(threading.enumerate()) - before
    (tmp_path / "x.jsonl").touch()

    end_built()

    assert begun
    until(lambda: not any(each.is_alive() for each in begun), what="its threads end")
    assert (BUILT, list(tmp_path.glob("*.jsonl"))) == ([], [])

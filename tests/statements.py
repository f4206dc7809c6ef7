"""How often the application asks its database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Collect the statements that the application sends to its database within the block."""
    with statements_of(app.extensions["dependencies"].database.engine) as sent:
        yield sent


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that are sent by an engine within the block, the chores of the background aside."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not _of_the_background():
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _of_the_background() -> bool:
    return threading.current_thread().name == "background"


@contextmanager
def commits(app: Flask) -> Iterator[list[str]]:
    """Collect the ends of transactions within the block: `commit` or `rollback` for each."""
    engine, seen = app.extensions["dependencies"].database.engine, []

    def committed(_connection: Any) -> None:
        if not _of_the_background():
            seen.append("commit")

    def rolled_back(_connection: Any) -> None:
        if not _of_the_background():
            seen.append("rollback")

    event.listen(engine, "commit", committed)
    event.listen(engine, "rollback", rolled_back)
    try:
        yield seen
    finally:
        event.remove(engine, "commit", committed)
        event.remove(engine, "rollback", rolled_back)

"""How often the application asks its database."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from rental_backend.infra.postgres import compiled


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Collect the statements that the application sends to its database within the block."""
    with statements_of(app.extensions["services"].database.engine) as sent:
        yield sent


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that are sent by an engine within the block, the chores of the background aside.

    Those that go around SQLAlchemy are no less counted.
    """
    sent: list[str] = []
    send = compiled.send

    def note(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if connection.engine.pool is engine.pool and not _of_the_background():
            sent.append(statement)

    def note_and_send(session: Session, text: str, values: Mapping[str, Any], **how: bool) -> tuple[Any, ...] | None:
        note(session.connection(), None, text)
        return send(session, text, values, **how)

    event.listen(engine, "before_cursor_execute", note)
    compiled.send = note_and_send
    try:
        yield sent
    finally:
        compiled.send = send
        event.remove(engine, "before_cursor_execute", note)


def _of_the_background() -> bool:
    return threading.current_thread().name in (
        *("background", "journal", "revocations", "status"),
        *("sweeper", "warmer", "warmup"),
    )


@contextmanager
def commits(app: Flask) -> Iterator[list[str]]:
    """Collect the ends of transactions within the block: `commit` or `rollback` for each."""
    engine, seen = app.extensions["services"].database.engine, []

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

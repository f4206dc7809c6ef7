"""How a read is answered in an outage: by the replica if it has followed far enough, else by the last good answer.

While all is well, of those who ask the same at the same time one asks the database for all.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from ...errors import Unavailable
from ...infra.container import Services
from ...infra.postgres.database import replayed
from ...infra.stale.change_authors import author
from ...infra.stale.store import Answer
from .replies import Reply

WARNING = '110 rental_backend "Response is stale"'
Answered = tuple[Reply, list[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """A read: its key in the store, what it shows and to whom, how old an answer may be, and how it is answered afresh.

    `from_replica` is None for what cannot be answered by it.
    """

    key: str
    rows: tuple[int, ...]
    caller: uuid.UUID | None
    within: float
    fresh: Callable[[], Reply]
    from_replica: Callable[[Session], Reply] | None


def answer(services: Services, question: Question) -> Answered:
    """Return an answer and how it is degraded. Raises `Unavailable` when nobody has one."""
    tag = services.writes.tag(question.rows)

    def ask() -> Reply:
        began = time.time()
        reply = question.fresh()
        if question.within and isinstance(reply.body, bytes):
            services.stale.remember(question.key, Answer(reply.body, reply.headers, began, tag))
        return reply

    try:
        # Who has seen a change never joins whoever began before it: the tags differ.
        return (services.flights.run((question.key, tag), ask) if question.within else ask()), []
    except Unavailable:
        found = _second_best(services, question)
        if found is None:
            raise
        return found


def _second_best(services: Services, question: Question) -> Answered | None:
    if question.from_replica and services.replica_serves:
        try:
            found = _from_replica(services, question, question.from_replica)
        except Unavailable:
            found = None
        if found:
            return found, ["replica"]
    if not question.within:
        return None
    kept = services.stale.find(question.key, question.rows, within=question.within, who=author(question.caller))
    return (_replayed(kept), ["stale"]) if kept else None


def _from_replica(services: Services, question: Question, read: Callable[[Session], Reply]) -> Reply | None:
    """Return the replica's answer, with the age of its newest change; None if a change known here has not got there."""
    if services.replica is None:
        return None
    with services.replica.reading() as session:
        place, age = replayed(session)
        if place < services.writes.position(question.rows):
            return None
        reply = read(session)
    return reply if age is None else replace(reply, headers={**reply.headers, "X-Replica-Lag": f"{max(age, 0):.1f}"})


def _replayed(answer: Answer) -> Reply:
    """Return a last good answer, marked with its age in seconds."""
    return Reply(answer.body, 200, {**answer.headers, "Age": str(int(answer.age)), "Warning": WARNING})

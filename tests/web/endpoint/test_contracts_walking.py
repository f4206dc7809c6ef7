"""The guard of all reads sees what it is there for, on toys."""

import uuid

from flask import Flask
from sqlalchemy.orm import Session

from tests.routes.walking import answered, routes
from tests.web.conftest import Player
from tests.web.toys import Toy


def _judged(toy_app: Flask, player: Player, path: str) -> tuple[int, int, int]:
    route = next(each for each in routes(toy_app, "GET") if each.rule.rule == path)
    answer = answered(toy_app, player(), route, [uuid.UUID(int=7)])
    assert answer is not None
    assert route.is_list
    return answer.rows, len(answer.statements), len(answer.repeated)


def test_a_read_that_asks_for_each_row_is_seen(toy_app: Flask, player: Player, shelf: Session) -> None:
    """A list that sends a statement for each row is told from one that does not."""
    shelf.add_all(Toy(name=name) for name in "abc")
    shelf.commit()

    assert _judged(toy_app, player, "/api/toys/one-by-one") == (3, 4, 1)
    assert _judged(toy_app, player, "/api/toys/") == (3, 1, 0)
